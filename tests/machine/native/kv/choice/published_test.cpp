// The released Elastic Cache's choices, index by index.
#include "machine/native/kv/choice/published.h"

#include <gtest/gtest.h>

#include "machine/native/kv/golden.h"

namespace pliant::kv {
namespace {

struct Release {
  const char* name;
  PublishedElastic rule;
  std::int64_t prompt = 160;
};

const Release releases[] = {
    {"elastic_r20", {0.2}},
    {"elastic_r50", {0.5}},
    {"elastic_r80", {0.8}},
    {"elastic_gqa_r50", {0.5}},
    {"elastic_start4_r50", {0.5, 4}},
    {"elastic_dist30_r50", {0.5, 1, 30}},
    {"elastic_batch2_latencymode_r50", {0.5}},
    {"elastic_long_r60", {0.6}, 640},
};

TEST(PublishedElastic, ChoosesAsReleased) {
  for (const Release& each : releases) {
    SCOPED_TRACE(each.name);
    const Golden golden(each.name);
    const std::int64_t excess = published_excess(each.rule, each.prompt, each.prompt);
    for (std::int64_t row = 0; row < golden.shape("score_sum")[0]; ++row) {
      const PublishedChoice got =
          published_choice(golden.row<float>("score_sum", row), each.rule.start, excess);
      EXPECT_EQ(got.order, golden.row<std::int32_t>("argsort", row));
      EXPECT_EQ(got.selected, golden.row<std::int32_t>("selected", row));
      EXPECT_EQ(got.thrown, golden.row<std::int32_t>("thrown", row));
      EXPECT_EQ(got.into, golden.row<std::int32_t>("merge_into", row));
    }
  }
}

// Lengths and places of deletions, of a prompt and the steps after it.
void expect_lengths(const Release& each) {
  const Golden golden(each.name);
  const auto lengths = golden.ints("len_after"), removed = golden.ints("removed_index_layer0");
  std::int64_t length = each.prompt, excess = published_excess(each.rule, length, length);
  length -= excess > 1 ? excess + 1 : excess;
  EXPECT_EQ(length, lengths[0]);
  for (std::size_t step = 0; step < removed.size(); ++step) {
    excess =
        published_excess(each.rule, ++length, each.prompt + static_cast<std::int64_t>(step) + 1);
    EXPECT_EQ(removed[step], excess > 0 ? published_place(each.rule, each.prompt) : -1) << step;
    length -= std::max<std::int64_t>(excess, 0);
    EXPECT_EQ(length, lengths[step + 1]) << step;
  }
}

TEST(PublishedElastic, DeletesAsReleased) {
  for (const Release& each : releases) {
    SCOPED_TRACE(each.name);
    expect_lengths(each);
  }
  expect_lengths({"elastic_tiny_forget1", {0.2}, 6});
}

TEST(PublishedElastic, FatesKeepTheEndsAndMergeWhatIsThrown) {
  // sorted: 2, 1, 3, 0; of ranks above 1 are the tokens 1 and 3
  const std::vector<float> scores{9, 4, 2, 1, 3, 9};
  std::vector<Fate> fates(6);
  published_fates(scores, 1, 1, fates);
  const std::vector<bool> kept{true, true, false, true, false, true};
  const std::vector<std::int32_t> into{nowhere, 1, nowhere, 3, nowhere, nowhere};
  for (std::size_t i = 0; i < fates.size(); ++i) {
    EXPECT_EQ(fates[i].keep, kept[i]) << i;
    EXPECT_EQ(fates[i].into, into[i]) << i;
    EXPECT_EQ(fates[i].count, 0) << i;
  }
}

TEST(PublishedElastic, OfShortPromptsLiesBeforeTheBeginning) {
  EXPECT_LT(published_place({0.8}, 40), 0);
  EXPECT_EQ(published_place({0.2}, 6), 0);  // one too many: nothing was set
}

}  // namespace
}  // namespace pliant::kv
