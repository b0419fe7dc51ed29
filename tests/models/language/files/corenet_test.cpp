// OpenELM checkpoints of CoreNet.
#include "models/language/files/corenet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "errors.h"
#include "formats/torch/torch_file.h"
#include "models/language/files/vocabulary.h"
#include "models/language/weights.h"
#include "open/language_model.h"

namespace pliant::language::corenet {
namespace {

using nlohmann::json;
using torch_file::Floats;

const std::string golden = "golden/corenet/checkpoint.pt";
constexpr std::int64_t tokens = 256, padded_rows = 288;  // of it

// tiny_a cut to the layers and tokens that the checkpoint has.
LanguageConfig cut_config(std::int64_t vocabulary) {
  LanguageConfig config = load_language_model("golden/openelm/tiny_a").config;
  config.layers.resize(2);
  config.vocabulary = vocabulary;
  return config;
}

json cut_json() {
  json config = json::parse(read_file("golden/openelm/tiny_a/config.json"));
  config["num_transformer_layers"] = 2;
  config["vocab_size"] = tokens;
  for (const char* each : {"num_query_heads", "num_kv_heads", "ffn_multipliers"})
    config[each].erase(2), config[each].erase(2);
  config["qkv_multipliers"] = {0.5, 1.0};
  return config;
}

void expect_weights_of_tiny_a(const LanguageModel& model) {
  const LanguageModel whole = load_language_model("golden/openelm/tiny_a");
  for (const WeightSpec& spec : weight_table(model.config)) {
    const auto found = model.weights->at(spec.name()).bytes,
               wanted = whole.weights->at(spec.name()).bytes;
    const std::size_t same =
        spec.part == Part::embedding ? tokens * 64 * sizeof(float) : found.size();
    EXPECT_TRUE(std::ranges::equal(found.first(same), wanted.first(same))) << spec.name();
  }
}

TEST(CoreNet, SizesFollowFromTheTensors) {
  const LanguageModel model = load_language_model(golden);
  LanguageConfig wanted = cut_config(padded_rows);
  wanted.context = 2048;  // which no tensor tells
  EXPECT_EQ(model.config, wanted);
  expect_weights_of_tiny_a(model);
}

TEST(CoreNet, RowsBeyondTheConfigsVocabularyAreDropped) {
  const std::string folder = testing::TempDir() + "/corenet_with_config";
  std::filesystem::create_directories(folder);
  write_file(folder + "/checkpoint.pt", read_file(golden));
  write_file(folder + "/config.json", cut_json().dump());
  const LanguageModel model = load_language_model(folder + "/checkpoint.pt");
  EXPECT_EQ(model.config, cut_config(tokens));
  EXPECT_EQ(model.weights->at("embedding.weight").type.shape, (Shape{tokens, 64}));
  expect_weights_of_tiny_a(model);
}

TEST(CoreNet, RowsBeyondAGivenVocabularyAreDropped) {
  const LanguageModel whole = load_language_model(golden);
  const LanguageModel model = with_vocabulary(whole, tokens, "--vocabulary");
  EXPECT_EQ(model.config.vocabulary, tokens);
  expect_weights_of_tiny_a(model);
  EXPECT_EQ(thrown_by([&] { with_vocabulary(whole, padded_rows + 1, "--vocabulary"); }).kind(),
            ErrorKind::invalid);
}

// One layer of width 4, heads of 2: two of queries, one of keys; FFN 3.
std::vector<Floats> tensors() {
  const auto filled = [](const std::string& name, std::vector<std::int64_t> shape) {
    std::int64_t count = 1;
    for (const std::int64_t each : shape) count *= each;
    return Floats{name, std::move(shape), std::vector<float>(count, 1)};
  };
  return {filled("token_embeddings.weight", {5, 4}),
          filled("layers.0.attn_norm.weight", {4}),
          filled("layers.0.attn.qkv_proj.weight", {8, 4}),
          filled("layers.0.attn.q_norm.weight", {2}),
          filled("layers.0.attn.k_norm.weight", {2}),
          filled("layers.0.attn.out_proj.weight", {4, 4}),
          filled("layers.0.ffn_norm.weight", {4}),
          filled("layers.0.ffn.proj_1.weight", {6, 4}),
          filled("layers.0.ffn.proj_2.weight", {4, 3}),
          filled("norm.weight", {4})};
}

LanguageModel model_of(const std::vector<Floats>& all,
                       const std::optional<ConfigText>& config = {}) {
  const auto file = std::make_shared<const std::string>(torch_file::checkpoint(all));
  return corenet_model(std::as_bytes(std::span(*file)), file, "c.pt", config);
}

Floats& named(std::vector<Floats>& all, const std::string& name) {
  return *std::ranges::find(all, name, &Floats::name);
}

void expect_refused(const std::vector<Floats>& all, ErrorKind kind, const std::string& part,
                    const std::optional<ConfigText>& config = {}) {
  const Error error = thrown_by([&] { model_of(all, config); });
  EXPECT_EQ(name(error.kind()), name(kind)) << error.what();
  EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
}

TEST(CoreNet, NamesMayHavePrefixes) {
  for (const std::string prefix : {"", "module.", "model_state_dict.module.", "transformer."}) {
    std::vector<Floats> all = tensors();
    for (Floats& each : all) each.name = prefix + each.name;
    const LanguageConfig config = model_of(all).config;
    EXPECT_EQ(config.layers, (std::vector<LayerConfig>{{2, 1, 3}})) << prefix;
    EXPECT_TRUE(config.tied);
  }
}

TEST(CoreNet, ATensorOfTheClassifierIsAHeadOfItsOwn) {
  for (const std::string head : {"classifier.weight", "lm_head.weight"}) {
    std::vector<Floats> all = tensors();
    all.push_back({head, {5, 4}, std::vector<float>(20, 2)});
    const LanguageModel model = model_of(all);
    EXPECT_FALSE(model.config.tied);
    const LanguageModel cut = with_vocabulary(model, 3, "");
    EXPECT_EQ(cut.weights->at("head.weight").type.shape, (Shape{3, 4}));
  }
}

TEST(CoreNet, AnFfnWithoutAGateIsRead) {
  std::vector<Floats> all = tensors();
  named(all, "layers.0.ffn.proj_1.weight") = {
      "layers.0.ffn.proj_1.weight", {3, 4}, std::vector<float>(12, 1)};
  EXPECT_FALSE(model_of(all).config.gated);
}

TEST(CoreNet, TensorsThatContradictEachOtherAreRefused) {
  std::vector<Floats> all = tensors();
  named(all, "layers.0.attn.q_norm.weight") = {"layers.0.attn.q_norm.weight", {3}, {1, 1, 1}};
  expect_refused(all, ErrorKind::invalid,
                 "layer 0: 8 rows of qkv_proj and 4 columns of out_proj make no heads of 3");
  all = tensors();
  named(all, "layers.0.ffn.proj_1.weight").shape = {4, 6};
  expect_refused(all, ErrorKind::invalid, "layer 0: 4 rows of proj_1 and 3 columns of proj_2");
  all = tensors();
  named(all, "token_embeddings.weight").shape = {20};
  expect_refused(all, ErrorKind::invalid, "'token_embeddings.weight' is [20], 2 axes expected");
  all = tensors();
  named(all, "layers.0.attn.q_norm.weight") = {"layers.0.attn.q_norm.weight", {0}, {}};
  expect_refused(all, ErrorKind::invalid, "'layers.0.attn.q_norm.weight' is [0]");
  all = tensors();
  all.pop_back();
  expect_refused(all, ErrorKind::not_found, "has no tensor 'transformer.norm.weight'");
  expect_refused({all[0]}, ErrorKind::unsupported, "how wide a head is");
}

TEST(CoreNet, WhatNoWeightReadsIsRefused) {
  std::vector<Floats> all = tensors();
  all.push_back({"layers.0.attn.qkv_proj.lora_a", {1, 4}, {1, 1, 1, 1}});
  expect_refused(all, ErrorKind::unsupported, "'layers.0.attn.qkv_proj.lora_a', f32[1,4], is no");
  all = tensors();
  all.push_back({"layers.2.attn_norm.weight", {4}, {1, 1, 1, 1}});
  expect_refused(all, ErrorKind::unsupported, "'layers.2.attn_norm.weight'");
}

TEST(CoreNet, OtherCheckpointsAndConfigsAreRefused) {
  expect_refused({{"conv1.weight", {1}, {1}}}, ErrorKind::format,
                 "has 1 tensors, none of them 'token_embeddings.weight'");
  std::vector<Floats> all = tensors();
  all.push_back({"ema.token_embeddings.weight", {5, 4}, std::vector<float>(20, 1)});
  expect_refused(all, ErrorKind::format, "has several models");
  const ConfigText llama{read_file("golden/language/llama/config.json"), "config.json"};
  expect_refused(tensors(), ErrorKind::unsupported, "config.json: describes a model of the family",
                 llama);
  const ConfigText other{cut_json().dump(), "config.json"};
  expect_refused(tensors(), ErrorKind::invalid, "is [5,4], the config says [256,64]", other);
}

}  // namespace
}  // namespace pliant::language::corenet
