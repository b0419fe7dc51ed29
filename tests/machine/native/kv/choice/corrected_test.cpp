// The corrected choices: scores, what stays, and what it stands for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "machine/native/kv/choice/budget.h"
#include "machine/native/kv/choice/keep.h"
#include "machine/native/kv/choice/merge.h"
#include "machine/native/kv/choice/scores.h"
#include "machine/native/kv/golden.h"

namespace pliant::kv {
namespace {

struct Choice {
  const char* name;
  double keep;
  Protection protection;
};

constexpr std::int64_t tokens = 128, width = 16;
const Choice choices[] = {{"fixed_layer_r50", 0.5, {1, 1}},
                          {"fixed_kvhead_gqa_r50", 0.5, {4, 8}},
                          {"fixed_kvhead_norm_gqa_r20", 0.2, {4, 8}},
                          {"fixed_window16_gqa_r30", 0.3, {4, 8}}};

std::vector<Entry> entries_at(std::int64_t count) {
  std::vector<Entry> result(count);
  for (std::int64_t i = 0; i < count; ++i) result[i].position = static_cast<std::int32_t>(i);
  return result;
}

std::vector<std::int32_t> kept_of(std::span<const Fate> fates) {
  std::vector<std::int32_t> result;
  for (std::int32_t i = 0; i < std::ssize(fates); ++i)
    if (fates[i].keep) result.push_back(i);
  return result;
}

TEST(Corrected, KeepsAndMergesAsTheReference) {
  const std::vector<Entry> entries = entries_at(tokens);
  for (const Choice& each : choices) {
    SCOPED_TRACE(each.name);
    const Golden golden(each.name);
    const std::int64_t heads = golden.shape("score")[1], kept = golden.shape("keep")[2];
    const std::int64_t least = each.protection.first + each.protection.last;
    EXPECT_EQ(entries_of(each.keep, tokens, least), kept);
    const auto scores = golden.floats("score");
    const auto keep = golden.ints("keep"), drop = golden.ints("drop"),
               slots = golden.ints("merge_slot");
    for (std::int64_t head = 0; head < heads; ++head) {
      std::vector<Fate> fates(tokens);
      const auto own = std::span(scores).subspan(head * tokens, tokens);
      keep_highest(own, protected_of(entries, each.protection), kept, fates);
      const std::vector<std::int32_t> wanted(keep.begin() + head * kept,
                                             keep.begin() + (head + 1) * kept);
      EXPECT_EQ(kept_of(fates), wanted);
      merge_nearest(entries, own, {}, fates);
      const std::int64_t gone = tokens - kept;
      for (std::int64_t i = head * gone; i < (head + 1) * gone; ++i)
        EXPECT_EQ(fates[drop[i]].into, wanted[slots[i]]) << drop[i];
    }
  }
}

// [heads, tokens, width], rotated as halves.
void rotate(std::vector<float>& rows) {
  for (std::int64_t row = 0; row < std::ssize(rows) / width; ++row)
    for (std::int64_t i = 0; i < width / 2; ++i) {
      float &a = rows[row * width + i], &b = rows[row * width + i + width / 2];
      const double angle = static_cast<double>(row % tokens) *
                           std::pow(10000.0, -2 * static_cast<double>(i) / width),
                   c = std::cos(angle), s = std::sin(angle), x = a, y = b;
      a = static_cast<float>(x * c - y * s);
      b = static_cast<float>(y * c + x * s);
    }
}

// Sums over the last `rows` queries, [heads, tokens].
std::vector<float> masses_of(const Golden& golden, std::int64_t rows) {
  std::vector<float> q = golden.floats("q_pre"), k = golden.floats("k_pre");
  rotate(q), rotate(k);
  const std::int64_t heads = golden.shape("q_pre")[1], shared = heads / golden.shape("k_pre")[1];
  std::vector<double> sums(heads * tokens);
  for (std::int64_t head = 0; head < heads; ++head)
    for (std::int64_t row = tokens - rows; row < tokens; ++row) {
      std::vector<double> weights;
      for (std::int64_t j = 0; j <= row; ++j) {
        double dot = 0;
        for (std::int64_t i = 0; i < width; ++i)
          dot += static_cast<double>(q[(head * tokens + row) * width + i]) *
                 static_cast<double>(k[(head / shared * tokens + j) * width + i]);
        weights.push_back(std::exp(dot / 4));
      }
      double total = 0;
      for (const double each : weights) total += each;
      for (std::int64_t j = 0; j <= row; ++j) sums[head * tokens + j] += weights[j] / total;
    }
  return {sums.begin(), sums.end()};
}

void expect_near(const std::vector<float>& got, const std::vector<float>& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], wanted[i], 3e-6F * std::max(1.0F, std::abs(wanted[i]))) << i;
}

TEST(Corrected, ScoresAreThoseOfTheReference) {
  const std::vector<Entry> entries = entries_at(tokens);
  const Golden norm("fixed_kvhead_norm_gqa_r20"), window("fixed_window16_gqa_r30");
  std::vector<float> scores = mean_over_heads(masses_of(norm, tokens), 8, 2);
  for (std::int64_t head = 0; head < 2; ++head)
    per_row(entries, tokens, tokens, std::span(scores).subspan(head * tokens, tokens));
  expect_near(scores, norm.floats("score"));
  expect_near(mean_over_heads(masses_of(window, 16), 8, 2), window.floats("score"));
}

}  // namespace
}  // namespace pliant::kv
