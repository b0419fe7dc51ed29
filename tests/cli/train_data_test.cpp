// The data of pliant train: raw text, and the tokenizer that shards were packed with. Skipped in
// builds without libtorch.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "core/files.h"

namespace pliant::test {
namespace {

namespace fs = std::filesystem;

class TrainData : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(fs::path(PLIANT_BINARY).parent_path() / "pliant-train"))
      GTEST_SKIP() << "built without libtorch";
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  std::string file(const std::string& name, const std::string& bytes) const {
    write_file(folder_ + "/" + name, bytes);
    return folder_ + "/" + name;
  }
  // Of a source: {"corpus": ...}.
  std::string recipe(const nlohmann::json& source, const std::string& tokenizer) const {
    const nlohmann::json model{
        {"layers", 1}, {"width", 32}, {"head_width", 16}, {"groups", 1}, {"ffn_divisor", 16}};
    const nlohmann::json data{{"tokenizer", fs::absolute(tokenizer).string()},
                              {"length", 16},
                              {"held_out", 0},
                              {"sources", {source}}};
    return file("recipe.json", nlohmann::json{{"model", model},
                                              {"data", data},
                                              {"batch", {{"sequences", 1}}},
                                              {"length", {{"steps", 1}}},
                                              {"schedule", {{"warmup", 0}}}}
                                   .dump());
  }
  Outcome train(const std::string& path, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"train", path, "--out", folder_ + "/run", "--threads", "1"});
    return pliant(more);
  }

  std::string folder_ = temporary("train-data");
};

const std::string train_tokenizer = "golden/text/gpt2.tokenizer.json",
                  strange_tokenizer = "golden/text/llama3.tokenizer.json";

TEST_F(TrainData, PacksRawTextBeforeTraining) {
  std::string text = "The cat sat on the mat. ";
  for (int i = 0; i < 4; ++i) text += text;
  const std::string path = recipe({{"corpus", {file("text.txt", text)}}}, train_tokenizer);
  const Outcome dry = train(path, {"--dry-run"});
  EXPECT_EQ(dry.code, 2);
  EXPECT_NE(dry.err.find("is not packed yet, and --dry-run keeps nothing"), std::string::npos)
      << dry.err;
  EXPECT_NE(dry.err.find("pliant data pack " + folder_ + "/text.txt --tokenizer"),
            std::string::npos)
      << dry.err;
  const Outcome first = train(path);
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_NE(first.err.find("packed 1 documents"), std::string::npos) << first.err;
}

TEST_F(TrainData, SaysWhatCannotBePackedOrIsOfAnotherTokenizer) {
  const Outcome broken = train(recipe({{"corpus", {file("bad.txt", "caf\xE9")}}}, train_tokenizer));
  EXPECT_EQ(broken.code, 1);
  EXPECT_NE(broken.err.find("is not UTF-8"), std::string::npos) << broken.err;
  EXPECT_NE(broken.err.find("data.sources[0].corpus: could not be packed"), std::string::npos)
      << broken.err;
  const std::string packed = folder_ + "/packed";
  ASSERT_EQ(pliant({"data", "pack", file("text.txt", "one two three"), "--tokenizer",
                    strange_tokenizer, "-o", packed})
                .code,
            0);
  const Outcome other = train(recipe({{"shards", {packed}}}, train_tokenizer));
  EXPECT_EQ(other.code, 1);
  EXPECT_NE(other.err.find("shard-00000.tokens: was packed with the tokenizer"), std::string::npos)
      << other.err;
}

}  // namespace
}  // namespace pliant::test
