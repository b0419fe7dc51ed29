// What holds for every choice.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/rng.h"
#include "machine/native/kv/choice/budget.h"
#include "machine/native/kv/choice/keep.h"
#include "machine/native/kv/choice/merge.h"
#include "machine/native/kv/choice/quadratic.h"
#include "machine/native/kv/choice/scores.h"
#include "machine/native/kv/choice/segment.h"

namespace pliant::kv {
namespace {

TEST(QuadraticForm, IsTheSquaredLengthOfAProduct) {
  Rng rng(1, 1);
  constexpr std::int64_t rows = 7, columns = 11, first = 4, width = 5, count = 3;
  std::vector<float> matrix(rows * columns), x(count * width);
  for (float& each : matrix) each = static_cast<float>(rng.normal());
  for (std::int64_t i = width; i < count * width; ++i) x[i] = static_cast<float>(rng.normal());
  const std::vector<float> got = squared_length(matrix, columns, first, width).at(x);
  ASSERT_EQ(std::ssize(got), count);
  EXPECT_EQ(got[0], 0);
  for (std::int64_t each = 0; each < count; ++each) {
    double wanted = 0;
    for (std::int64_t row = 0; row < rows; ++row) {
      double dot = 0;
      for (std::int64_t i = 0; i < width; ++i)
        dot += double{matrix[row * columns + first + i]} * double{x[each * width + i]};
      wanted += dot * dot;
    }
    EXPECT_NEAR(got[each], wanted, 1e-5 * (1 + wanted));
  }
}

std::vector<float> random_scores(std::int64_t count, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> result;
  for (std::int64_t i = 0; i < count; ++i)  // many are equal
    result.push_back(static_cast<float>(rng.below(7)) * static_cast<float>(rng.below(3)));
  return result;
}

std::int64_t kept(std::span<const Fate> fates) { return std::ranges::count_if(fates, &Fate::keep); }

TEST(Budget, LeavesRoomForTheLayerThatIsFilled) {
  const Room room{100, 10, 2};  // 1000 entries in all
  EXPECT_EQ(kept_beside(room, 300), 50);
  EXPECT_EQ(kept_beside(room, 100), 100);
  EXPECT_EQ(kept_beside(room, 499), 1);
  EXPECT_EQ(kept_beside(room, 900), 1);
  EXPECT_EQ(kept_beside({100, 2, 2}, 300), 100);  // there is no other
}

TEST(Chosen, TagsSayTheSegment) {
  EXPECT_EQ(tag_of({}), 0);
  for (const Segment each : {Segment{SegmentKind::text, 3}, Segment{SegmentKind::system, 0},
                             Segment{SegmentKind::image, most_segments - 1}})
    EXPECT_EQ(segment_of(tag_of(each)), each);
  EXPECT_EQ(segment_of(-9).kind, SegmentKind::text);
}

TEST(Chosen, KeepsTheHighestAndOfEqualOnesTheEarlier) {
  std::vector<Fate> fates(6);
  keep_highest(std::vector<float>{1, 5, 2, 5, 2, 0}, {false, false, false, false, false, true}, 4,
               fates);
  const std::vector<bool> wanted{false, true, true, true, false, true};
  for (std::size_t i = 0; i < fates.size(); ++i) EXPECT_EQ(fates[i].keep, wanted[i]) << i;
}

TEST(Chosen, KeepsAsManyAsItIsTold) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed, 1);
    const std::int64_t count = rng.between(1, 40), budget = rng.between(0, 45);
    std::vector<Entry> entries(count);
    const std::vector<bool> sure =
        protected_of(entries, {rng.between(0, 5), rng.between(0, 5), false});
    std::vector<Fate> fates(count);
    keep_highest(random_scores(count, seed), sure, budget, fates);
    const std::int64_t certain = std::ranges::count(sure, true);
    EXPECT_EQ(kept(fates), std::min(count, std::max(certain, budget)));
    for (std::int64_t i = 0; i < count; ++i) EXPECT_TRUE(!sure[i] || fates[i].keep);
  }
}

TEST(Chosen, ProtectsTextBesideImages) {
  std::vector<Entry> entries(3);
  entries[1].tag = tag_of({SegmentKind::image, 2});
  EXPECT_EQ(protected_of(entries, {0, 0, true}), (std::vector<bool>{true, false, true}));
}

TEST(Chosen, BudgetsAreSharedOutWhole) {
  EXPECT_EQ(entries_of(1, 37, 4), 37);
  EXPECT_EQ(entries_of(0.2, 10, 4), 4);
  EXPECT_EQ(entries_of(0.2, 3, 4), 3);
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed, 2);
    const std::int64_t parts = rng.between(1, 6), entries = rng.between(1, 50),
                       least = rng.between(0, entries), total = rng.between(0, parts * entries);
    const std::vector<float> scores = random_scores(parts * entries, seed);
    for (const auto share : {by_prefix, by_rank}) {
      const auto counts = share(scores, parts, total, least, rng.uniform());
      for (const std::int64_t each : counts) EXPECT_TRUE(each >= least && each <= entries);
      EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}),
                std::max(total, parts * least));
    }
  }
}

TEST(Chosen, BudgetsGoWhereAttentionIsSpread) {
  // One layer looks at one token, the other at all alike.
  const std::vector<float> scores{97, 1, 1, 1, 25, 25, 25, 25};
  EXPECT_EQ(by_prefix(scores, 2, 4, 1, 0), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(by_prefix(scores, 2, 4, 1, 1), (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(by_rank(scores, 2, 4, 0, 0), (std::vector<std::int64_t>{1, 3}));
}

TEST(Chosen, NoMergeCrossesASegment) {
  std::vector<Entry> entries(6);
  std::vector<Fate> fates(6);
  for (std::int32_t i = 0; i < 6; ++i) {
    entries[i].position = i;
    entries[i].tag = tag_of({SegmentKind::image, i / 3});
    fates[i].keep = i == 0;
  }
  merge_nearest(entries, std::vector<float>(6, 1), {}, fates);
  const std::vector<std::int32_t> wanted{nowhere, 0, 0, nowhere, nowhere, nowhere};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(fates[i].into, wanted[i]) << i;
}

TEST(Chosen, WeightsFollowTheRule) {
  std::vector<Entry> entries(3);
  for (std::int32_t i = 0; i < 3; ++i) entries[i].position = i;
  entries[0].log_weight = std::log(2.0F);
  const std::vector<float> masses{4, 3, 1};
  const auto merged = [&](const MergeRule& rule) {
    std::vector<Fate> fates(3);
    fates[0].keep = fates[2].keep = false;
    merge_nearest(entries, masses, rule, fates);
    return fates;
  };
  const auto own = merged({});  // the key stays, values by mass, log of the ratio of masses
  EXPECT_EQ(own[0].key, 0);
  EXPECT_EQ(own[1].key, 1);
  EXPECT_EQ(own[0].value, 4);
  EXPECT_FLOAT_EQ(own[0].count + own[1].count + own[2].count, (4.0F + 3 + 1) / 3);
  const auto equal = merged({MeanBy::equal, MeanBy::equal, BiasBy::count});
  EXPECT_FLOAT_EQ(equal[0].key, 2);
  EXPECT_FLOAT_EQ(equal[0].count + equal[1].count + equal[2].count, 4);
  EXPECT_EQ(merged({MeanBy::equal, MeanBy::equal, BiasBy::none})[0].count, 0);
}

TEST(Chosen, TheFirstOfTheAnswerGo) {
  std::vector<Fate> fates(5);
  drop_first(fates, 2, 3);
  const std::vector<bool> wanted{true, true, false, false, true};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(fates[i].keep, wanted[i]) << i;
}

}  // namespace
}  // namespace pliant::kv
