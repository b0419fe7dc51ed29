// What stands beside a tokenizer in its folder.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "core/files.h"
#include "errors.h"
#include "text/chat/template.h"
#include "text/tokenizer.h"

namespace pliant::test {
namespace {

class ChatTemplateFile : public testing::Test {
 protected:
  ChatTemplateFile() : folder_(testing::TempDir() + "pliant-chat-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(folder_);
    write("tokenizer.json", read_file("golden/text/gpt2.tokenizer.json"));
    write("tokenizer_config.json", R"({"chat_template": "of the config"})");
  }
  ~ChatTemplateFile() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    write_file(path(name), bytes);
  }
  ChatSource found() const { return load_tokenizer(folder_)->chat_template(); }

  std::string folder_;
};

TEST_F(ChatTemplateFile, GoesBeforeTheConfigs) {
  EXPECT_EQ(found().text, "of the config");
  EXPECT_EQ(found().place, path("tokenizer.json: tokenizer_config.json: chat_template"));
  write("additional_chat_templates/default.jinja", "of the directory");
  EXPECT_EQ(found().text, "of the directory");
  write("chat_template.jinja", "of the file");
  EXPECT_EQ(found().text, "of the file");
  EXPECT_EQ(found().place, path("chat_template.jinja"));
  EXPECT_EQ(load_tokenizer(path("tokenizer.json"))->chat_template().text, "of the file");
  std::filesystem::remove(path("tokenizer_config.json"));
  EXPECT_EQ(found().text, "of the file");
  const Gguf gguf{3, gguf_metadata(*load_tokenizer(folder_)), {}};
  EXPECT_EQ(gguf.text("tokenizer.chat_template"), "of the file");
}

TEST_F(ChatTemplateFile, IsReadBesideEveryKindOfTokenizer) {
  std::filesystem::remove(path("tokenizer.json"));
  write("chat_template.jinja", "of the file");
  write("vocab.json", R"({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3})");
  write("merges.txt", "#version: 0.2\na b\n");
  EXPECT_EQ(found().text, "of the file");
  write("tokenizer.model", read_file("golden/text/spm-bpe.model"));
  EXPECT_EQ(found().text, "of the file");
}

TEST_F(ChatTemplateFile, ThatIsBrokenIsNamed) {
  const auto refused = [&](const std::string& bytes, ErrorKind kind) {
    write("chat_template.jinja", bytes);
    const Error error = thrown_by([&] { found(); });
    EXPECT_EQ(error.kind(), kind);
    EXPECT_EQ(error.place(), path("chat_template.jinja"));
  };
  refused("", ErrorKind::format);
  refused("\xff\xfe{\0", ErrorKind::format);
  refused(std::string((4U << 20) + 1, 'x'), ErrorKind::capacity);
  write("chat_template.jinja", "{% if %}");
  const ChatSource source = found();
  EXPECT_NE(error_of([&] { ChatTemplate(source.text, source.place); }).find("chat_template.jinja"),
            std::string::npos);
}

}  // namespace
}  // namespace pliant::test
