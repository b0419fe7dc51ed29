// Files of others that the project does not keep: read from $PLIANT_DATA.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "models/language/forward.h"
#include "open/language_model.h"

namespace pliant::language {
namespace {

std::string data(const std::string& name) {
  const char* root = std::getenv("PLIANT_DATA");
  const std::string path = root == nullptr ? "" : std::string(root) + "/weights/" + name;
  return std::filesystem::exists(path) ? path : "";
}

TEST(Stories260K, GreedyIdsOfTheMachineAreThoseOfTheReferenceAtEveryThreadCount) {
  const std::string path = data("stories260K.bin");
  if (path.empty()) GTEST_SKIP() << "PLIANT_DATA has no weights";
  const LanguageModel model = load_language_model(path);
  EXPECT_EQ(parameter_count(model.config), 260032);
  const std::vector<std::int32_t> ids = greedy(Forward(model, Runner::native, 201, 1), {1}, 200);
  const Tensor alone = Forward(model, Runner::native, 201, 1).logits(ids);
  for (const int threads : {2, 3, 5})
    EXPECT_TRUE(std::ranges::equal(Forward(model, Runner::native, 201, threads).logits(ids).raw(),
                                   alone.raw()));
  // One run over all of them: each id is the largest logit of the row before, so these are the
  // reference's greedy ids.
  const Tensor logits = Forward(model, Runner::reference, 201).logits(ids);
  for (std::size_t i = 0; i + 1 < ids.size(); ++i)
    ASSERT_EQ(largest(logits, static_cast<std::int64_t>(i)), ids[i + 1]) << i;
}

// Given six digits, the model writes them sorted: each digit is the largest logit at the place
// before it.
TEST(GptNano, SortsEveryInput) {
  const std::string path = data("gpt-nano-sort-model.json");
  if (path.empty()) GTEST_SKIP() << "PLIANT_DATA has no weights";
  const LanguageModel model = load_language_model(path);
  for (const Runner runner : {Runner::native, Runner::reference}) {
    const Forward forward(model, runner, 81 * 11);
    for (int batch = 0; batch < (runner == Runner::native ? 9 : 1); ++batch) {
      std::vector<std::int32_t> ids, seq, pos, wanted;
      for (std::int32_t i = 0; i < 81; ++i) {
        std::vector<std::int32_t> digits;
        for (std::int32_t k = 0, rest = batch * 81 + i; k < 6; ++k, rest /= 3)
          digits.push_back(rest % 3);
        ids.insert(ids.end(), digits.begin(), digits.end());
        std::ranges::sort(digits);
        ids.insert(ids.end(), digits.begin(), digits.end() - 1);
        wanted.insert(wanted.end(), digits.begin(), digits.end());
        for (std::int32_t k = 0; k < 11; ++k) seq.push_back(i), pos.push_back(k);
      }
      const Tensor logits = forward.logits(ids, seq, pos);
      for (std::size_t i = 0; i < wanted.size(); ++i)
        ASSERT_EQ(largest(logits, static_cast<std::int64_t>(i / 6 * 11 + 5 + i % 6)), wanted[i])
            << "batch " << batch << " digit " << i;
    }
  }
}

}  // namespace
}  // namespace pliant::language
