// From every format to every other: tensors bit-equal where nothing is lost, logits equal.
#include "models/language/files/convert.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "formats/safetensors/safetensors.h"
#include "models/language/forward.h"
#include "models/language/weights.h"
#include "open/language_model.h"

namespace pliant::language {
namespace {

std::string fresh(const std::string& name) {
  const std::string path = testing::TempDir() + "/pliant_convert_" + name;
  std::filesystem::remove_all(path);
  return path;
}

std::string written(const LanguageModel& model, ModelFormat format, const std::string& name,
                    const WriteOptions& options = {}) {
  const std::string path = fresh(name);
  write_language_model(model, format, path, options);
  return path;
}

// Every tensor of a folder under its own name, with dtype, shape and bytes.
void expect_equal_tensors(const std::string& got, const std::string& wanted) {
  const WeightStore a = load_safetensors(got + "/model.safetensors"),
                    b = load_safetensors(wanted + "/model.safetensors");
  b.for_each([&](const std::string& name, const Stored& stored) {
    const Stored* other = a.find(name);
    ASSERT_NE(other, nullptr) << name;
    EXPECT_EQ(other->type, stored.type) << name;
    EXPECT_TRUE(std::ranges::equal(other->bytes, stored.bytes)) << name;
  });
  EXPECT_EQ(a.size(), b.size());
}

const std::vector<std::int32_t> ids{1, 5, 40, 17, 3, 60, 22, 9, 31, 50, 2, 44};

Tensor logits(const LanguageModel& model) { return Forward(model, Runner::native, 12).logits(ids); }

const std::vector<std::string> folders{"golden/openelm/tiny_a",
                                       "golden/openelm/tiny_c",
                                       "golden/language/llama",
                                       "golden/language/llama_linear",
                                       "golden/language/qwen2",
                                       "golden/language/llama3_scaling",
                                       "golden/language/qwen3",
                                       "golden/language/gemma2",
                                       "golden/language/phi3",
                                       "golden/language/gpt2",
                                       "golden/language/phi3_longrope_long"};

class Folders : public testing::TestWithParam<std::string> {};

TEST_P(Folders, ComeBackFromAFolder) {
  const LanguageModel model = load_language_model(GetParam());
  const std::string copy = written(model, ModelFormat::hugging_face, "folder");
  expect_equal_tensors(copy, GetParam());
  EXPECT_TRUE(std::ranges::equal(logits(load_language_model(copy)).raw(), logits(model).raw()));
}

bool is_qwen_with_windows(const std::string& folder) { return folder == "golden/language/qwen2"; }

TEST_P(Folders, ComeBackFromGguf) {
  const LanguageModel model = load_language_model(GetParam());
  if (is_qwen_with_windows(GetParam())) {
    // readers of the format know no windows there
    EXPECT_THROW(written(model, ModelFormat::gguf, "gguf"), Error);
    return;
  }
  const LanguageModel through = load_language_model(written(model, ModelFormat::gguf, "gguf"));
  EXPECT_LE(greatest_difference(logits(through), logits(model)), 1e-5);
  const std::string back = written(through, ModelFormat::hugging_face, "back");
  // its norms lose bits by the 1
  if (model.config.family != Family::gemma2) expect_equal_tensors(back, GetParam());
  EXPECT_LE(greatest_difference(logits(load_language_model(back)), logits(model)), 1e-5);
}

TEST_P(Folders, ComeBackInSixteenBits) {
  const LanguageModel model = load_language_model(GetParam());
  for (const Encoding type : {Encoding::f16, Encoding::bf16}) {
    const std::string narrow = written(model, ModelFormat::hugging_face, "narrow", {.type = type});
    const LanguageModel from = load_language_model(narrow);
    if (is_qwen_with_windows(GetParam())) continue;
    const LanguageModel through = load_language_model(written(from, ModelFormat::gguf, "gguf16"));
    EXPECT_EQ(through.weights->at("embedding.weight").encoding, type);
    EXPECT_EQ(through.weights->at("norm.weight").encoding, Encoding::plain);
    if (model.config.family != Family::gemma2)
      expect_equal_tensors(written(through, ModelFormat::hugging_face, "back16"), narrow);
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Folders, testing::ValuesIn(folders), [](const auto& info) {
  return info.param.substr(info.param.rfind('/') + 1);
});

LanguageModel story_like() {  // what llama2.c can hold: no biases, eps 1e-5
  LanguageModel model = load_language_model("golden/language/llama_linear");
  model.config.norm_eps = 1e-5;
  model.config.rotary_scaling = 1;
  return model;
}

TEST(Llama2c, ComesBackThroughEveryFormat) {
  const LanguageModel model = story_like();
  const std::string folder = written(model, ModelFormat::hugging_face, "story");
  const LanguageModel checkpoint =
      load_language_model(written(model, ModelFormat::llama2c, "story.bin"));
  EXPECT_TRUE(checkpoint.config.rotary_pairs);
  EXPECT_LE(greatest_difference(logits(checkpoint), logits(model)), 1e-5);
  expect_equal_tensors(written(checkpoint, ModelFormat::hugging_face, "story_back"), folder);
  const LanguageModel gguf =
      load_language_model(written(checkpoint, ModelFormat::gguf, "story.gguf"));
  expect_equal_tensors(written(gguf, ModelFormat::hugging_face, "story_back"), folder);
}

TEST(Gguf, QuantizedMatricesStayNearAndNormsExact) {
  const LanguageModel model = load_language_model("golden/openelm/tiny_a");
  const LanguageModel through =
      load_language_model(written(model, ModelFormat::gguf, "q8", {.type = Encoding::q8_0}));
  EXPECT_EQ(through.weights->at("layers.0.attention.qkv.weight").encoding, Encoding::q8_0);
  EXPECT_EQ(through.weights->at("layers.0.attention.norm.weight").encoding, Encoding::plain);
  EXPECT_LE(greatest_difference(logits(through), logits(model)), 0.3);
  const LanguageModel folder =
      load_language_model(written(through, ModelFormat::hugging_face, "q8_back"));
  EXPECT_EQ(folder.weights->at("layers.0.attention.qkv.weight").encoding, Encoding::plain);
  through.weights->for_each([&](const std::string& name, const Stored& stored) {
    EXPECT_TRUE(std::ranges::equal(decode(folder.weights->at(name)).raw(), decode(stored).raw()))
        << name;
  });
}

TEST(Gguf, SharedLayersAreThereOnce) {
  LanguageModel model = load_language_model("golden/openelm/tiny_c");
  model.config.layers.push_back(model.config.layers[2]);
  model.config.layers[3].weights_of = 1;
  for (const ModelFormat format : {ModelFormat::gguf, ModelFormat::hugging_face}) {
    const LanguageModel back = load_language_model(written(model, format, "shared"));
    EXPECT_EQ(back.config.layers, model.config.layers);
    EXPECT_EQ(back.weights->size(), model.weights->size());
    EXPECT_TRUE(std::ranges::equal(logits(back).raw(), logits(model).raw()));
  }
}

// Codes, scales and biases made by golden/language/mlx_golden.py.
TEST(Mlx, QuantizesAsItsDocumentationSays) {
  const LanguageModel model = load_language_model("golden/language/llama");
  for (const int bits : {4, 8}) {
    const std::string path = written(model, ModelFormat::mlx, "mlx", {.bits = bits, .group = 32});
    const WeightStore got = load_safetensors(path + "/model.safetensors");
    const WeightStore wanted = load_safetensors("golden/language/mlx.safetensors");
    const std::string stem = "model.layers.0.self_attn.q_proj", tag = std::to_string(bits) + ".";
    EXPECT_TRUE(
        std::ranges::equal(got.at(stem + ".weight").bytes, wanted.at(tag + "weight").bytes));
    EXPECT_LE(
        greatest_difference(decode(got.at(stem + ".scales")), decode(wanted.at(tag + "scales"))),
        1e-7);
    EXPECT_LE(
        greatest_difference(decode(got.at(stem + ".biases")), decode(wanted.at(tag + "biases"))),
        1e-7);
    const LanguageModel back = load_language_model(path);
    EXPECT_LE(greatest_difference(decode(back.weights->at("layers.0.attention.q.weight")),
                                  decode(wanted.at(tag + "values"))),
              1e-6);
    EXPECT_LE(greatest_difference(logits(back), logits(model)), bits == 8 ? 0.2 : 3);
  }
  const std::string plain = written(model, ModelFormat::mlx, "mlx");
  expect_equal_tensors(plain, "golden/language/llama");
}

std::string refusal(const std::function<void()>& action, ErrorKind kind) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  return "accepted";
}

TEST(Convert, WhatAFormatCannotHoldIsRefusedByName) {
  const LanguageModel openelm = load_language_model("golden/openelm/tiny_a");
  const auto expect = [&](const LanguageModel& model, ModelFormat format,
                          const WriteOptions& options, ErrorKind kind, const std::string& part) {
    const std::string path = fresh("refused");
    const std::string text =
        refusal([&] { write_language_model(model, format, path, options); }, kind);
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_FALSE(std::filesystem::exists(path)) << part;
  };
  expect(openelm, ModelFormat::llama2c, {}, ErrorKind::unsupported,
         "holds Llama models, not openelm");
  expect(load_language_model("golden/language/llama"), ModelFormat::llama2c, {},
         ErrorKind::unsupported, "norms");
  expect(story_like(), ModelFormat::llama2c, {.type = Encoding::f16}, ErrorKind::usage, "--type");
  expect(openelm, ModelFormat::hugging_face, {.type = Encoding::q4_0}, ErrorKind::usage,
         "folders have no Q4_0");
  expect(openelm, ModelFormat::gguf, {.bits = 4}, ErrorKind::usage, "--bits");
  expect(openelm, ModelFormat::mlx, {.bits = 5}, ErrorKind::usage, "5 bits");
  expect(openelm, ModelFormat::mlx, {.bits = 4, .group = 48}, ErrorKind::usage, "groups of 48");
  expect(load_language_model("golden/language/gpt2"), ModelFormat::mlx, {.bits = 4},
         ErrorKind::unsupported, "GPT-2");
  LanguageModel uneven = story_like();
  uneven.config.rotary_factors = {1, 2, 3, 4};
  expect(uneven, ModelFormat::hugging_face, {}, ErrorKind::unsupported, "rotation");
}

LanguageModel with_value(float value) {
  LanguageModel model = load_language_model("golden/language/llama_linear");
  auto weights = std::make_shared<WeightStore>();
  model.weights->for_each([&](const std::string& name, const Stored& stored) {
    Tensor values = decode(stored);
    if (name == "head.weight") values.span<float>()[3] = value;
    weights->add(name, std::move(values));
  });
  model.weights = weights;
  return model;
}

TEST(Convert, ANumberThatTheTypeCannotHoldIsNamed) {
  const auto write = [](float value, ModelFormat format, const WriteOptions& options) {
    return refusal(
        [&] { write_language_model(with_value(value), format, fresh("large"), options); },
        ErrorKind::invalid);
  };
  const std::string large = write(7e4F, ModelFormat::gguf, {.type = Encoding::f16});
  EXPECT_NE(large.find("output.weight: 70000"), std::string::npos) << large;
  const std::string nan = write(NAN, ModelFormat::mlx, {.bits = 4, .group = 32});
  EXPECT_NE(nan.find("lm_head.weight: element 3 is no finite number"), std::string::npos) << nan;
}

}  // namespace
}  // namespace pliant::language
