// Policies that keep a share of the tokens, with the attention of a real run.
#include "machine/native/kv/policies/compression.h"

#include <cmath>

#include "machine/native/kv/tiny.h"

namespace pliant::kv {
namespace {

// Of a Tiny's layers.
std::shared_ptr<const OutputForms> outputs() {
  constexpr std::int64_t width = 10, rows = 20;
  Rng rng(5, 1);
  OutputForms forms(2);
  for (const std::int64_t heads : {4, 6}) {
    std::vector<float> matrix(rows * heads * width);
    for (float& each : matrix) each = static_cast<float>(rng.normal());
    for (std::int64_t head = 0; head < heads; ++head)
      forms[heads == 4 ? 0 : 1].push_back(
          squared_length(matrix, heads * width, head * width, width));
  }
  return std::make_shared<const OutputForms>(std::move(forms));
}

std::shared_ptr<const Expectation> queries() {
  return std::make_shared<const Expectation>(
      Expectation{.rotation = {{1, 0.3, 0.1, 0.03, 0.01, 0.003}, false}, .scale = 0.3});
}

std::vector<Policy> all_policies(double keep) {
  return {elastic(keep),
          heavy_hitters(keep),
          last_rows(keep, 8),
          value_aware(keep, outputs()),
          expected_attention(keep, queries()),
          prefix_layers(keep),
          random_tokens(keep, 3),
          published_elastic({.drop = 1 - keep}),
          compressed({.name = "pooled", .keep = keep, .budget = BudgetOf::heads_by_rank})};
}

TEST(Compression, KeepingAllIsFullBitForBit) {
  const auto tokens = text(70), answer = text(40, 2);
  Runner runner({}, 32);
  Cache cache = runner.cache({.sequences = 2, .context = 128});
  const SeqId plain = cache.open(full());
  runner.feed(cache, plain, tokens, 32);
  Outputs wanted;
  for (const std::int64_t each : answer)
    wanted.push_back(runner.step(cache, {{plain, {each}}}).front());
  for (const Policy& policy : all_policies(1)) {
    const SeqId id = cache.open(policy);
    runner.feed(cache, id, tokens, 32);
    Outputs got;
    for (const std::int64_t each : answer)
      got.push_back(runner.step(cache, {{id, {each}}}).front());
    EXPECT_TRUE(same_bits(got, wanted));
    EXPECT_EQ(cache.entries(id, 0, 0), 110);
    EXPECT_EQ(cache.floor(id), 0);
    cache.close(id);
  }
}

// Without a share, bits change nothing either as long as all fits.
TEST(Compression, RoomForAllIsFullBitForBit) {
  const auto tokens = text(70), answer = text(40, 2);
  Runner runner({}, 32);
  Cache cache = runner.cache({.sequences = 2, .context = 128, .by_query_head = true});
  const SeqId plain = cache.open(full());
  runner.feed(cache, plain, tokens, 32);
  const Room room{512, 3, 2};
  for (const Policy& policy :
       {elastic(1, room), heavy_hitters(1, room), last_rows(1, 8, room),
        value_aware(1, outputs(), room), expected_attention(1, queries(), room),
        prefix_layers(1, room), random_tokens(1, 3, room)}) {
    SCOPED_TRACE(policy.editor->name());
    const SeqId id = cache.open(policy);
    runner.feed(cache, id, tokens, 32);
    for (const std::int64_t each : answer)
      EXPECT_TRUE(
          same_bits(runner.step(cache, {{id, {each}}}), runner.step(cache, {{plain, {each}}})));
    EXPECT_EQ(cache.floor(id), 0);
    cache.close(id);
    cache.truncate(plain, 70);
  }
}

TEST(Compression, HoldsItsShareOnAnyNumberOfThreads) {
  const auto tokens = text(100), answer = text(60, 2);
  for (std::size_t i = 0; i < all_policies(1).size(); ++i) {
    Outputs first;
    for (const int threads : {1, 3}) {
      Runner runner({}, 32, threads);
      const Policy policy = all_policies(0.3)[i];
      Cache cache = runner.cache({.context = 192, .by_query_head = policy.editor->by_query_head()});
      SCOPED_TRACE(policy.editor->name());
      const SeqId id = cache.open(policy);
      runner.feed(cache, id, tokens, 32);
      std::int64_t entries = 0;
      for (int layer = 0; layer < 2; ++layer)
        for (int head = 0; head < (layer == 0 ? 2 : 1); ++head)
          entries += cache.entries(id, layer, head);
      EXPECT_LE(entries, 3 * 30);
      EXPECT_GE(entries, 3 * 28);
      Outputs got;
      for (const std::int64_t each : answer)
        got.push_back(runner.step(cache, {{id, {each}}}).front());
      cache.check();
      if (threads == 1) first = got;
      EXPECT_TRUE(same_bits(got, first));
    }
  }
}

TEST(Compression, NothingGoesBeforeThePromptEnds) {
  Runner runner({}, 32);
  Cache cache = runner.cache({.sequences = 2, .context = 192, .by_query_head = true});
  for (const Policy& policy : all_policies(0.3)) {
    SCOPED_TRACE(policy.editor->name());
    Outputs first;
    for (const std::size_t most : {32, 7}) {
      const SeqId id = cache.open(policy);
      Outputs got = runner.feed(cache, id, text(100), most);
      got.push_back(runner.step(cache, {{id, {5}}}).front());
      if (first.empty()) first = got;
      EXPECT_TRUE(same_bits({got.begin(), got.end() - 1}, {first.begin(), first.end() - 1}))
          << most;
      EXPECT_LT(distance(got, first), 1e-5) << most;  // sums of attention are rounded by run
      cache.close(id);
    }
  }
}

TEST(Compression, AnswersDoNotGrowBeyondTheShare) {
  Runner runner({}, 32);
  Cache cache = runner.cache({.sequences = 3, .context = 256});
  const SeqId oldest = cache.open(elastic(0.3)), lowest = cache.open(heavy_hitters(0.3)),
              open = cache.open(last_rows(0.3, 8));
  for (const SeqId id : {oldest, lowest, open}) {
    runner.feed(cache, id, text(100), 32);
    for (const std::int64_t each : text(100, 2)) runner.step(cache, {{id, {each}}});
  }
  EXPECT_EQ(cache.entries(oldest, 0, 0), 60);
  EXPECT_EQ(cache.entries(lowest, 0, 0), 60);
  EXPECT_EQ(cache.entries(lowest, 0, 1), 60);
  EXPECT_EQ(cache.entries(open, 0, 0), 130);
  EXPECT_EQ(cache.length(oldest), 200);
}

// The pages of what does not stay are free again.
TEST(Compression, GivesMemoryBack) {
  Runner runner({}, 32);
  Cache cache = runner.cache({.context = 640});
  const SeqId id = cache.open(elastic(0.2));
  runner.feed(cache, id, text(640), 32);
  EXPECT_EQ(cache.entries(id, 0, 0), 128);
  EXPECT_EQ(cache.pages_used(), 3 * 128 / page_entries);
}

TEST(Compression, ASavedOneGoesOnAlike) {
  Runner runner({}, 32);
  for (const Policy& policy : {elastic(0.3), value_aware(0.3, outputs())}) {
    Cache cache = runner.cache(
        {.sequences = 2, .context = 256, .by_query_head = policy.editor->by_query_head()});
    const SeqId id = cache.open(policy);
    runner.feed(cache, id, text(100), 32);
    for (const std::int64_t each : text(30, 2)) runner.step(cache, {{id, {each}}});
    const SeqId back = cache.restore(cache.save(id, 1), 1, policy.editor);
    for (const SeqId each : {id, back}) runner.feed(cache, each, text(40, 3), 32);
    for (const std::int64_t each : text(30, 3))
      EXPECT_TRUE(
          same_bits(runner.step(cache, {{id, {each}}}), runner.step(cache, {{back, {each}}})));
  }
}

TEST(Compression, MergedEntriesStandForWhatWasGiven) {
  // Equal tokens: anchors that weigh as much as all they stand for give the full cache's result.
  const Tiny tiny{.heads = {4}, .key_heads = {2}, .windows = {0}, .rotate = false};
  const std::vector<std::int64_t> tokens(64, 5);
  Runner runner(tiny, 32);
  Cache cache = runner.cache({.sequences = 3, .context = 128});
  const auto next = [&](const Policy& policy) {
    const SeqId id = cache.open(policy);
    runner.feed(cache, id, tokens, 32);
    return runner.step(cache, {{id, {9}}});
  };
  const auto by = [](BiasBy bias) {
    return compressed(
        {.name = "equal", .keep = 0.25, .merge = MergeRule{MeanBy::equal, MeanBy::equal, bias}});
  };
  const Outputs wanted = next(full());
  EXPECT_LT(distance(next(by(BiasBy::count)), wanted), 1e-5);
  EXPECT_GT(distance(next(by(BiasBy::none)), wanted), 1e-4);
}

// A prompt, read again in two parts, then cut by what they looked at.
class Reread {
 public:
  Reread(int threads, std::size_t rows)
      : runner_({}, 40, threads), cache_(runner_.cache({.sequences = 2, .context = 192})) {
    id_ = cache_.open(replayed_prompt(0.3));
    feed(tokens_, rows, false);
    EXPECT_EQ(cache_.entries(id_, 0, 0), 100);  // nothing goes before the end
    for (const std::int64_t first : {0, 50}) {
      feed({tokens_.begin() + first, tokens_.begin() + first + 50}, rows, true);
      cache_.truncate(id_, 100);
    }
    cache_.end_prompt(id_);
    cache_.check();
  }
  Outputs answer() {
    Outputs got;
    for (const std::int64_t each : text(20, 2))
      got.push_back(runner_.step(cache_, {{id_, {each}}}).front());
    return got;
  }
  std::vector<std::int64_t> entries() const {
    return {cache_.entries(id_, 0, 0), cache_.entries(id_, 0, 1), cache_.entries(id_, 1, 0)};
  }

 private:
  void feed(const std::vector<std::int64_t>& tokens, std::size_t rows, bool replay) {
    for (std::size_t i = 0; i < tokens.size(); i += rows) {
      const std::size_t n = std::min(rows, tokens.size() - i);
      const SequenceRows reserved{id_, static_cast<std::int64_t>(n), 1, replay};
      cache_.reserve({&reserved, 1});
      std::vector<Row> run;
      for (std::size_t r = 0; r < n; ++r)
        run.push_back({id_, static_cast<std::int32_t>(cache_.length(id_) + r), 7});
      runner_.run(&cache_, run, {tokens.begin() + i, tokens.begin() + i + n});
    }
  }

  Runner runner_;
  Cache cache_;
  SeqId id_ = -1;
  std::vector<std::int64_t> tokens_ = text(100);
};

TEST(Compression, AReplaySharesOneBudgetOverAllChains) {
  Reread once(1, 32);
  const std::vector<std::int64_t> entries = once.entries();
  EXPECT_EQ(entries[0] + entries[1] + entries[2], 3 * 30);
  EXPECT_GE(*std::ranges::min_element(entries), 12);
  const Outputs wanted = once.answer();
  EXPECT_TRUE(same_bits(Reread(3, 32).answer(), wanted));  // on any number of threads
  Reread few(1, 5);                                        // rows that are no tile
  EXPECT_EQ(few.entries(), entries);
  EXPECT_LT(distance(few.answer(), wanted), 1e-5);
}

TEST(Compression, WrongOnesAreRefused) {
  for (const double keep : {0.0, -1.0, 1.5, std::nan("")})
    EXPECT_EQ(thrown_by([&] { elastic(keep); }).kind(), ErrorKind::invalid) << keep;
  EXPECT_EQ(thrown_by([] { last_rows(0.5, 0); }).kind(), ErrorKind::invalid);
  EXPECT_EQ(thrown_by([] { value_aware(0.5, nullptr); }).kind(), ErrorKind::invalid);
  EXPECT_EQ(thrown_by([] { expected_attention(0.5, nullptr); }).kind(), ErrorKind::invalid);
  Runner runner({}, 32);
  Cache cache = runner.cache({.context = 64});
  EXPECT_EQ(thrown_by([&] { cache.open(value_aware(0.5, outputs())); }).problem(),
            "asks for attention by query head, which this cache sums by KV head");
  EXPECT_EQ(thrown_by([] { published_elastic({.drop = 1}); }).kind(), ErrorKind::invalid);
  EXPECT_EQ(
      thrown_by([] { compressed({.name = "shared", .answer = AnswerRule::lowest}); }).problem(),
      "heads that keep the same tokens cannot drop each its own");
}

}  // namespace
}  // namespace pliant::kv
