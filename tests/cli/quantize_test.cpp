// pliant quantize and inspect on a GGUF file that the test writes.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "core/files.h"
#include "core/rng.h"
#include "formats/gguf/gguf.h"

namespace pliant::test {
namespace {

using nlohmann::json;

const std::string& model_file() {
  static const std::string path = [] {
    Tensor embedding({DType::f32, {20, 256}}), matrix({DType::f32, {64, 256}}),
        norm({DType::f32, {256}});
    Rng rng(3);
    for (const Tensor* each : {&embedding, &matrix, &norm}) fill_normal(each->view(), rng, 0.02);
    Gguf file;
    file.metadata = {{"general.architecture", std::string("small\x1b[2J")},
                     {"small.epsilon", 1e-5F},
                     {"tokens", GgufArray{std::vector<std::string>(20, "word")}}};
    file.tensors = {{"token_embd.weight", {embedding.type(), Encoding::plain, embedding.raw()}},
                    {"blk.0.attn_q.weight", {matrix.type(), Encoding::plain, matrix.raw()}},
                    {"blk.0.attn_norm.weight", {norm.type(), Encoding::plain, norm.raw()}}};
    write_gguf(temporary("model.gguf"), file);
    return temporary("model.gguf");
  }();
  return path;
}

TEST(InspectGguf, SaysWhatTheFileHolds) {
  const Outcome outcome = pliant({"inspect", model_file(), "--json"});
  EXPECT_EQ(outcome.err, "");
  const json facts = json::parse(outcome.out);
  EXPECT_EQ(facts["kind"], "gguf");
  EXPECT_EQ(facts["parameters"], 20 * 256 + 64 * 256 + 256);
  EXPECT_EQ(facts["bits_per_weight"], 32);
  EXPECT_EQ(facts["metadata"]["small.epsilon"], 1e-5);
  EXPECT_EQ(facts["metadata"]["tokens"]["items"], 20);
  EXPECT_EQ(facts["tensors"][1]["shape"], json({64, 256}));
  EXPECT_EQ(facts["tensors"][1]["type"], "F32");
}

TEST(InspectGguf, ATerminalIsNotObeyed) {
  const Outcome outcome = pliant({"inspect", model_file()});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
  EXPECT_NE(outcome.out.find("20 items"), std::string::npos);
}

TEST(Quantize, WritesAndReports) {
  const std::string out = temporary("model-q4.gguf");
  const Outcome outcome =
      pliant({"quantize", model_file(), "--to", "Q4_K", "--out", out, "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const json report = json::parse(outcome.out);
  EXPECT_EQ(report["tensors"][0]["to"], "Q6_K");
  EXPECT_EQ(report["tensors"][1]["to"], "Q4_K");
  EXPECT_EQ(report["tensors"][1]["bytes_after"], 64 * 144);
  EXPECT_NEAR(report["tensors"][1]["error"], 0.07, 0.01);
  EXPECT_EQ(report["tensors"][2]["to"], "F32");
  EXPECT_EQ(report["bytes_after"], 20 * 210 + 64 * 144 + 1024);
  const json facts = json::parse(pliant({"inspect", out, "--json"}).out);
  EXPECT_EQ(facts["bytes"], report["bytes_after"]);
  EXPECT_EQ(facts["bits_per_weight"], report["bits_per_weight"]);
}

TEST(Quantize, PrintsATableAndADryRunWritesNothing) {
  const std::string out = temporary("model-dry.gguf");
  const Outcome outcome =
      pliant({"quantize", model_file(), "--to", "q2_k", "--head", "Q8_0", "-o", out, "--dry-run"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  for (const char* words : {"bits/weight", "Q2_K", "Q8_0", "F32", "all"})
    EXPECT_NE(outcome.out.find(words), std::string::npos) << words;
  EXPECT_EQ(pliant({"inspect", out}).code, 1);
}

TEST(Quantize, RefusesItsInputAndUnknownTypes) {
  const std::string before = read_file(model_file());
  const Outcome same = pliant({"quantize", model_file(), "--to", "Q4_0", "--out", model_file()});
  EXPECT_EQ(same.code, 2);
  EXPECT_NE(same.err.find("written over the input"), std::string::npos);
  EXPECT_EQ(read_file(model_file()), before);
  const Outcome unknown =
      pliant({"quantize", model_file(), "--to", "Q4_m", "--out", temporary("x.gguf")});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.err.find("did you mean 'Q4_"), std::string::npos);
  EXPECT_EQ(pliant({"quantize", model_file(), "--out", temporary("x.gguf")}).code, 2);
  EXPECT_EQ(pliant({"quantize", model_file(), "--to", "Q4_0"}).code, 2);
}

}  // namespace
}  // namespace pliant::test
