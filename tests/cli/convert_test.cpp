// pliant convert: formats, refusals, what it prints.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "core/files.h"
#include "formats/gguf/gguf.h"
#include "formats/safetensors/safetensors.h"

namespace pliant::test {
namespace {

using nlohmann::json;

const std::string tiny = "golden/language/llama";

std::string fresh(const std::string& name) {
  std::string path = temporary(name);
  std::filesystem::remove_all(path);
  return path;
}

TEST(Convert, AFolderComesBackThroughGguf) {
  const std::string file = fresh("convert.gguf"), folder = fresh("convert_folder");
  const Outcome there = pliant({"convert", tiny, "--to", "gguf", "--out", file, "--json"});
  ASSERT_EQ(there.code, 0) << there.err;
  EXPECT_NE(there.err.find("has no tokenizer"), std::string::npos);
  const json report = json::parse(there.out);
  EXPECT_EQ(report["family"], "llama");
  EXPECT_EQ(report["parameters"], 20064);
  EXPECT_EQ(report["bytes"], std::filesystem::file_size(file));
  EXPECT_EQ(report["tokenizer"], false);
  ASSERT_EQ(pliant({"convert", file, "--to", "hf", "--out", folder}).code, 0);
  const WeightStore got = load_safetensors(folder + "/model.safetensors"),
                    wanted = load_safetensors(tiny + "/model.safetensors");
  EXPECT_EQ(got.size(), wanted.size());
  wanted.for_each([&](const std::string& name, const Stored& stored) {
    ASSERT_NE(got.find(name), nullptr) << name;
    EXPECT_TRUE(std::ranges::equal(got.at(name).bytes, stored.bytes)) << name;
  });
  EXPECT_EQ(json::parse(read_file(folder + "/config.json"))["model_type"], "llama");
}

TEST(Convert, TokenIdsOfTheFolderGoAlong) {
  const std::string folder = fresh("convert_ids");
  ASSERT_EQ(
      pliant({"convert", tiny, "--to", "mlx", "--bits", "8", "--group", "32", "--out", folder})
          .code,
      0);
  const json config = json::parse(read_file(folder + "/config.json"));
  EXPECT_EQ(config["bos_token_id"], 1);
  EXPECT_EQ(config["eos_token_id"], 2);
  EXPECT_TRUE(config["pad_token_id"].is_null());
  EXPECT_EQ(config["quantization"]["bits"], 8);
}

TEST(Convert, WritesOverNothingUnlessForced) {
  const std::string file = fresh("convert_kept.gguf");
  write_file(file, "kept");
  const Outcome refused = pliant({"convert", tiny, "--to", "gguf", "--out", file});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("exists already"), std::string::npos);
  EXPECT_EQ(read_file(file), "kept");
  EXPECT_EQ(pliant({"convert", tiny, "--to", "gguf", "--out", file, "--force"}).code, 0);
  EXPECT_TRUE(is_gguf(MappedFile(file).bytes()));
  EXPECT_EQ(pliant({"convert", tiny, "--to", "hf", "--out", file, "--force"}).code, 2);
  EXPECT_EQ(pliant({"convert", file, "--to", "gguf", "--out", file, "--force"}).code, 2);
}

TEST(Convert, ABrokenTokenizerIsNoAbsentOne) {
  const std::string folder = fresh("convert_broken"), out = fresh("convert_broken.gguf");
  std::filesystem::copy(tiny, folder);
  write_file(folder + "/tokenizer.json", "{\"model\": ");
  const Outcome refused = pliant({"convert", folder, "--to", "gguf", "--out", out});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("tokenizer.json"), std::string::npos) << refused.err;
  EXPECT_FALSE(std::filesystem::exists(out));
}

// It named shards that no longer were the model.
TEST(Convert, ForceLeavesNoOldIndex) {
  const std::string folder = fresh("convert_sharded");
  std::filesystem::copy(tiny, folder);
  std::filesystem::rename(folder + "/model.safetensors",
                          folder + "/model-00001-of-00001.safetensors");
  json map;
  load_safetensors(tiny + "/model.safetensors")
      .for_each([&](const std::string& name, const Stored&) {
        map[name] = "model-00001-of-00001.safetensors";
      });
  write_file(folder + "/model.safetensors.index.json", json{{"weight_map", map}}.dump());
  ASSERT_EQ(pliant({"inspect", folder, "--json"}).code, 0);
  ASSERT_EQ(
      pliant({"convert", "golden/openelm/tiny_a", "--to", "hf", "--out", folder, "--force"}).code,
      0);
  const Outcome again = pliant({"inspect", folder, "--json"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(json::parse(again.out)["parameters"], 187072);
}

TEST(Inspect, SaysWhatALanguageModelIs) {
  const json folder = json::parse(pliant({"inspect", "golden/openelm/tiny_a", "--json"}).out);
  EXPECT_EQ(folder["family"], "openelm");
  EXPECT_EQ(folder["parameters"], 187072);
  EXPECT_EQ(folder["layers"][1], (json{{"heads", 4}, {"kv_heads", 2}, {"ffn", 112}}));
  EXPECT_EQ(folder["cache_bytes_per_token"], 2 * 7 * 16 * 2);
  EXPECT_EQ(folder["tokenizer"], "none");
  const std::string text = pliant({"inspect", "golden/language/qwen2"}).out;
  EXPECT_NE(text.find("1: 4 heads, 2 kv heads, ffn 48, window 8"), std::string::npos) << text;
  EXPECT_EQ(pliant({"inspect", tiny, "--text"}).code, 2);
  EXPECT_EQ(pliant({"inspect", "golden/language"}).code, 1);
  const std::string file = fresh("inspect.gguf");
  ASSERT_EQ(pliant({"convert", "golden/openelm/tiny_a", "--to", "gguf", "--out", file}).code, 0);
  EXPECT_EQ(json::parse(pliant({"inspect", file, "--json"}).out)["model"]["parameters"], 187072);
}

TEST(Convert, AModelWithoutATokenizerStaysOne) {
  const std::string file = fresh("convert_none.gguf");
  ASSERT_EQ(pliant({"convert", tiny, "--to", "gguf", "--out", file}).code, 0);
  EXPECT_EQ(pliant({"generate", file, "--ids", "1,2", "-n", "2"}).code, 0);
  const Outcome text = pliant({"generate", file, "-p", "the cat"});
  EXPECT_NE(text.err.find("holds no tokenizer"), std::string::npos) << text.err;
}

TEST(Convert, ACheckpointOfCoreNetLosesItsPadding) {
  const std::string checkpoint = "golden/corenet/checkpoint.pt", folder = fresh("convert_corenet");
  const Outcome outcome = pliant(
      {"convert", checkpoint, "--to", "hf", "--vocabulary", "256", "--out", folder, "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(json::parse(outcome.out)["parameters"], 62848);
  const WeightStore got = load_safetensors(folder + "/model.safetensors"),
                    whole = load_safetensors("golden/openelm/tiny_a/model.safetensors");
  EXPECT_EQ(got.size(), 18u);
  got.for_each([&](const std::string& name, const Stored& stored) {
    const auto wanted = whole.at(name).bytes.first(stored.bytes.size());
    EXPECT_TRUE(std::ranges::equal(stored.bytes, wanted)) << name;
  });
  EXPECT_EQ(json::parse(read_file(folder + "/config.json"))["vocab_size"], 256);
  EXPECT_EQ(json::parse(pliant({"inspect", checkpoint, "--json"}).out)["vocabulary"], 288);
  EXPECT_EQ(pliant({"generate", checkpoint, "--ids", "1,2", "-n", "2"}).code, 0);
}

TEST(Convert, NetworksAndLanguageModelsHaveFormatsOfTheirOwn) {
  const std::string out = fresh("convert_other");
  const auto error = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "convert");
    words.insert(words.end(), {"--out", out});
    const Outcome outcome = pliant(words);
    EXPECT_FALSE(std::filesystem::exists(out));
    return outcome.err;
  };
  EXPECT_NE(error({tiny, "--to", "onnx"}).find("is a language model"), std::string::npos);
  EXPECT_NE(error({tiny, "--to", "gguf", "--shape", "a=1"}).find("--shape"), std::string::npos);
  EXPECT_NE(error({"zoo:resnet50", "--to", "gguf"}).find("is a network"), std::string::npos);
  EXPECT_NE(error({"zoo:resnet50", "--to", "onnx"}).find("--random-weights"), std::string::npos);
  EXPECT_NE(error({tiny, "--to", "tflite"}).find("is a language model"), std::string::npos);
  EXPECT_NE(error({"zoo:resnet50", "--to", "onnx", "--random-weights", "--type", "F16"})
                .find("about language models"),
            std::string::npos);
  EXPECT_NE(error({"zoo:resnet50", "--to", "onnx", "--vocabulary", "5"})
                .find("--vocabulary: is about language models"),
            std::string::npos);
  EXPECT_NE(error({tiny, "--to", "gguf", "--vocabulary", "1000"})
                .find("--vocabulary: a vocabulary of 1000 tokens in a table of"),
            std::string::npos);
}

TEST(Convert, RefusesByName) {
  const std::string out = fresh("convert_refused");
  const auto expect = [&](std::vector<std::string> words, int code, const std::string& part) {
    words.insert(words.begin(), "convert");
    words.insert(words.end(), {"--out", out});
    const Outcome outcome = pliant(words);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(out)) << part;
  };
  expect({tiny, "--to", "hf", "--type", "q4_0"}, 2, "folders have no Q4_0");
  expect({tiny, "--to", "gguf", "--type", "q9"}, 2, "q9");
  expect({tiny, "--to", "gguf", "--bits", "4"}, 2, "--bits");
  expect({tiny, "--to", "llama2c"}, 1, "no place there");
  expect({"golden/language/make.py", "--to", "gguf"}, 1, "no language model");
  expect({"golden/language", "--to", "gguf"}, 1, "has no config.json");
  expect({tiny, "--to", "gguf", "--tokenizer", tiny + "/config.json"}, 1, "tokenizer");
  EXPECT_EQ(pliant({"convert", tiny}).code, 2);
}

}  // namespace
}  // namespace pliant::test
