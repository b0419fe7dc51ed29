// Every family against the logits and greedy ids of the Python package transformers
// (golden/language/make.py).
#include <gtest/gtest.h>

#include "formats/safetensors/safetensors.h"
#include "models/language/forward.h"
#include "open/language_model.h"

namespace pliant::language {
namespace {

class Families : public testing::TestWithParam<std::tuple<const char*, Runner>> {};

TEST_P(Families, LogitsAndGreedyIdsAreThoseOfTransformers) {
  const auto [name, runner] = GetParam();
  const std::string folder = std::string("golden/language/") + name;
  LanguageModel model = load_language_model(folder);
  // The factors follow the context that the model is opened with, not the length of a run.
  if (std::string_view(name) == "phi3_longrope_short") model.config.context = 64;
  const WeightStore io = load_safetensors(folder + "/io.safetensors");
  const std::vector<std::int32_t> ids = integers(io.at("ids"));
  std::vector<std::int32_t> seq, pos;
  for (std::int32_t i = 0; i < 48; ++i) {
    seq.push_back(i / 24);
    pos.push_back(i % 24);
  }
  const Forward forward(model, runner, 48);
  EXPECT_LE(greatest_difference(forward.logits(ids, seq, pos), decode(io.at("logits"))), 2e-5);
  const std::vector<std::int32_t> wanted = integers(io.at("greedy"));
  const std::int32_t prompt = integers(io.at("prompt"))[0];
  EXPECT_EQ(greedy(forward, {wanted.begin(), wanted.begin() + prompt}, 24 - prompt), wanted);
}

INSTANTIATE_TEST_SUITE_P(Golden, Families,
                         testing::Combine(testing::Values("llama", "llama3_scaling", "llama_linear",
                                                          "qwen2", "qwen3", "gemma2", "phi3",
                                                          "phi3_longrope_short",
                                                          "phi3_longrope_long", "gpt2"),
                                          testing::Values(Runner::reference, Runner::native)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) +
                                  (std::get<1>(info.param) == Runner::native ? "_native"
                                                                             : "_reference");
                         });

}  // namespace
}  // namespace pliant::language
