// Editors: what the cache lets a policy observe, drop and merge.
#include <array>
#include <cmath>
#include <set>

#include "machine/native/kv/tiny.h"
#include "machine/native/kv/view.h"

namespace pliant::kv {
namespace {

// Merges every entry into the first one with the same key and value.
class MergeEqual : public ChainEditor {
 public:
  std::string_view name() const override { return "merge equal"; }
  void edit_chain(const Chain& chain, std::span<Fate> fates) const override {
    for (std::int64_t i = 0; i < chain.size(); ++i)
      for (std::int64_t j = 0; j < i; ++j)
        if (fates[i].keep && fates[j].keep && equal(chain, i, j)) merge_into(fates, i, j);
  }

 private:
  static bool equal(const Chain& chain, std::int64_t i, std::int64_t j) {
    std::vector<float> a(12), b(12), c(10), d(10);
    chain.key(i, a), chain.key(j, b), chain.value(i, c), chain.value(j, d);
    double most = 0;
    for (std::size_t k = 0; k < 12; ++k)
      most = std::max(most, std::abs(static_cast<double>(a[k]) - static_cast<double>(b[k])));
    for (std::size_t k = 0; k < 10; ++k)
      most = std::max(most, std::abs(static_cast<double>(c[k]) - static_cast<double>(d[k])));
    return most < 1e-5;
  }
};

TEST(Editor, EntriesThatStandForSeveralWeighAsMuch) {
  // equal tokens have equal entries
  const Tiny tiny{.heads = {4}, .key_heads = {2}, .windows = {0}, .rotate = false};
  std::vector<std::int64_t> tokens;
  for (std::int64_t i = 0; i < 60; ++i) tokens.push_back(i * i % 7);
  Runner runner(tiny, 16);
  Cache cache = runner.cache({.context = 64});
  const SeqId seq = cache.open(edited(std::make_shared<MergeEqual>()));
  const Outputs got = runner.feed(cache, seq, tokens, 9);
  EXPECT_EQ(cache.entries(seq, 0, 0), 4);  // squares modulo 7
  EXPECT_EQ(cache.entries(seq, 0, 1), 4);
  EXPECT_LT(distance(got, runner.oracle(tokens)), 2e-5);
}

// Drops all but the last `keep` entries of KV head 0 and twice as many of the others, at the end of
// the prompt.
class KeepLast : public ChainEditor {
 public:
  explicit KeepLast(std::int64_t keep) : keep_(keep) {}
  std::string_view name() const override { return "keep last"; }
  void edit_chain(const Chain& chain, std::span<Fate> fates) const override {
    const std::int64_t keep = chain.head() == 0 ? keep_ : 2 * keep_;
    for (std::int64_t i = 0; chain.prompt_end() && i + keep < chain.size(); ++i)
      fates[i].keep = false;
  }

 private:
  std::int64_t keep_;
};

TEST(Editor, DropsPerHeadGiveTheirPagesBack) {
  const Tiny tiny{.heads = {4}, .key_heads = {2}, .windows = {0}};
  Runner runner(tiny, 100);
  Cache cache = runner.cache({.sequences = 2, .context = 128});
  const SeqId seq = cache.open(edited(std::make_shared<KeepLast>(20)));
  const auto tokens = text(100);
  const Outputs prompt = runner.step(cache, {{seq, tokens}}, 0);
  EXPECT_LT(distance(prompt, runner.oracle(tokens)), 5e-6);  // the prompt itself saw everything
  EXPECT_EQ(cache.entries(seq, 0, 0), 20);
  EXPECT_EQ(cache.entries(seq, 0, 1), 40);
  EXPECT_EQ(cache.pages_used(), 1 + 2);
  EXPECT_EQ(cache.length(seq), 100);  // true positions go on
  EXPECT_EQ(thrown_by([&] { cache.truncate(seq, 99); }).kind(), ErrorKind::invalid);
  const SeqId other = cache.fork(seq);  // an Editor may write anywhere: its pages become its own
  const Outputs a = runner.step(cache, {{seq, {5}}}), b = runner.step(cache, {{other, {5}}});
  EXPECT_TRUE(same_bits(a, b));
  cache.truncate(seq, 100);  // what came after the drops
  EXPECT_TRUE(same_bits(runner.step(cache, {{seq, {5}}}), a));
}

TEST(Editor, AStateSaysWhoEditedIt) {
  Runner runner({}, 100);
  Cache cache = runner.cache({.sequences = 3, .context = 128});
  const auto editor = std::make_shared<KeepLast>(20);
  const SeqId seq = cache.open(edited(editor));
  runner.step(cache, {{seq, text(100)}}, 0);
  const auto bytes = cache.save(seq, 1);
  EXPECT_EQ(thrown_by([&] { cache.restore(bytes, 1); }).kind(), ErrorKind::invalid);
  const SeqId back = cache.restore(bytes, 1, editor);
  EXPECT_TRUE(same_bits(runner.step(cache, {{back, {5}}}), runner.step(cache, {{seq, {5}}})));
}

// Keeps nothing but what it saw.
class Watch : public ChainEditor {
 public:
  std::string_view name() const override { return "watch"; }
  bool observes() const override { return true; }
  void edit_chain(const Chain& chain, std::span<Fate>) const override {
    double total = 0;
    std::vector<float> sums;
    for (std::int64_t i = 0; i < chain.size(); ++i) {
      sums.push_back(chain.entry(i).attention);
      total += static_cast<double>(sums.back());
    }
    totals[{chain.layer(), chain.head()}] = total;
    seen[{chain.layer(), chain.head()}] = sums;
    EXPECT_EQ(chain.entry(chain.size() - 1).position, chain.length() - 1);
    EXPECT_EQ(chain.entry(0).tag, 7);
  }
  mutable std::map<std::pair<int, int>, double> totals;
  mutable std::map<std::pair<int, int>, std::vector<float>> seen;
};

TEST(Editor, ObservesTheWeightsThatRowsGive) {
  const auto tokens = text(50);
  std::map<std::pair<int, int>, std::vector<float>> first;
  Outputs plain;
  for (const int threads : {1, 2, 3}) {
    Runner runner({}, 16, threads);
    Cache cache = runner.cache({.sequences = 2, .context = 64});
    const auto watch = std::make_shared<Watch>();
    const Outputs got = runner.feed(cache, cache.open(edited(watch)), tokens,
                                    1 + static_cast<std::size_t>(threads));
    EXPECT_TRUE(same_bits(got, runner.feed(cache, cache.open(full()), tokens)));
    EXPECT_NEAR(watch->totals.at({0, 0}), 50 * 2, 1e-3);  // every row gives 1 per query head
    EXPECT_NEAR(watch->totals.at({1, 0}), 50 * 6, 1e-3);
    if (threads == 1) first = watch->seen;
    EXPECT_EQ(watch->seen, first) << "threads " << threads;
  }
}

class WatchHeads : public Watch {
 public:
  bool by_query_head() const override { return true; }
  void edit_chain(const Chain& chain, std::span<Fate>) const override {
    for (std::int64_t head = 0; head < chain.masses(); ++head) {
      double total = 0;
      for (std::int64_t i = 0; i < chain.size(); ++i)
        total += static_cast<double>(chain.mass(i, head));
      by_head[{chain.layer(), chain.head() * chain.masses() + head}] = total;
    }
    for (std::int64_t i = 0; i < chain.size(); ++i)
      sums[{chain.layer(), chain.head()}].resize(chain.size()),
          sums[{chain.layer(), chain.head()}][i] = chain.entry(i).attention;
  }
  mutable std::map<std::pair<int, std::int64_t>, double> by_head;
  mutable std::map<std::pair<int, int>, std::vector<float>> sums;
};

TEST(Editor, ObservesEachQueryHeadWhereItAsks) {
  for (const std::size_t most : {40, 5}) {  // rows in tiles, and few
    Runner runner({}, 40);
    Cache together = runner.cache({.context = 64}),
          apart = runner.cache({.context = 64, .by_query_head = true});
    const auto watch = std::make_shared<Watch>();
    const auto heads = std::make_shared<WatchHeads>();
    const Outputs got = runner.feed(apart, apart.open(edited(heads)), text(50), most);
    EXPECT_TRUE(
        same_bits(got, runner.feed(together, together.open(edited(watch)), text(50), most)));
    EXPECT_EQ(heads->by_head.size(), 4 + 6);
    for (const auto& [head, total] : heads->by_head) EXPECT_NEAR(total, 50, 1e-3);
    for (const auto& [chain, sums] : watch->seen)
      for (std::size_t i = 0; i < sums.size(); ++i)
        EXPECT_NEAR(heads->sums.at(chain)[i], sums[i], 1e-4F);
    apart.check();
  }
}

// Watches what the last three rows of a prompt look at.
class WatchEnd : public Watch {
 public:
  std::int64_t observed_rows() const override { return 3; }
};

TEST(Editor, ObservesTheLastRowsOfAPromptAloneHoweverItIsCut) {
  std::map<std::pair<int, int>, std::vector<float>> first;
  for (const std::size_t most : {16, 7, 2, 1}) {
    Runner runner({}, 16);
    Cache cache = runner.cache({.context = 64});
    const auto watch = std::make_shared<WatchEnd>();
    const SeqId id = cache.open(edited(watch));
    runner.feed(cache, id, text(50), most);
    EXPECT_NEAR(watch->totals.at({0, 0}), 3 * 2, 1e-4);
    if (first.empty()) first = watch->seen;
    EXPECT_EQ(watch->seen, first);
    runner.step(cache, {{id, {5}}});  // an answer's row
    EXPECT_NEAR(watch->totals.at({0, 0}), 3 * 2, 1e-4);
  }
}

// At the end of a prompt, of the last chain: two entries take half of each other, one goes.
class Whole : public Editor {
 public:
  std::string_view name() const override { return "whole"; }
  bool sees_all_layers() const override { return true; }
  void edit(std::span<const Chain> chains, std::span<const std::span<Fate>> fates) const override {
    ++calls;
    ASSERT_EQ(chains.size(), 3U);
    EXPECT_EQ(chains[1].head(), 1);
    EXPECT_EQ(chains[2].layer(), 1);
    if (!chains[0].prompt_end()) return;
    Fate* all = fates[2].data();
    all[2].into = 3, all[3].into = 2;
    all[4] = {.keep = false, .into = 3, .key = 0, .value = 2, .count = 0};
    all[2].count = all[3].count = 0;
    for (const std::int64_t i : {2, 3, 4}) {
      chains[2].key(i, keys[i]);
      chains[2].value(i, values[i]);
    }
  }
  mutable int calls = 0;
  mutable std::map<std::int64_t, std::array<float, 12>> keys;
  mutable std::map<std::int64_t, std::array<float, 10>> values;
};

TEST(Editor, WeighsKeysAndValuesApartAndReadsAllBeforeItWrites) {
  Runner runner({}, 16);
  Cache cache = runner.cache({.context = 64});
  const auto whole = std::make_shared<Whole>();
  const SeqId id = cache.open(edited(whole));
  runner.feed(cache, id, text(10), 5);
  EXPECT_EQ(whole->calls, 2);
  EXPECT_EQ(cache.entries(id, 1, 0), 9);
  EXPECT_EQ(cache.entries(id, 0, 0), 10);
  const View view(cache, 1);
  const Page page = view.page(0, id, 0);
  const PageLayout& layout = view.layout();
  std::array<float, 12> key{};
  std::array<float, 10> value{};
  layout.keys.read(page.keys + 3 * layout.keys.bytes(), key.data());
  layout.values.read(page.values + 3 * layout.values.bytes(), value.data());
  for (std::size_t k = 0; k < key.size(); ++k)
    EXPECT_FLOAT_EQ(key[k], (whole->keys[2][k] + whole->keys[3][k]) / 2);
  for (std::size_t k = 0; k < value.size(); ++k)
    EXPECT_NEAR(value[k], (whole->values[2][k] + whole->values[3][k] + 2 * whole->values[4][k]) / 4,
                1e-6);
  layout.keys.read(page.keys + 2 * layout.keys.bytes(), key.data());
  for (std::size_t k = 0; k < key.size(); ++k)
    EXPECT_FLOAT_EQ(key[k], (whole->keys[2][k] + whole->keys[3][k]) / 2);
  EXPECT_EQ(page.log_weight[3], 0);
  cache.check();
}

// Notes what each entry was given, by layer and head.
class Masses : public ChainEditor {
 public:
  explicit Masses(std::int64_t rows) : rows_(rows) {}
  std::string_view name() const override { return "masses"; }
  bool observes() const override { return true; }
  std::int64_t observed_rows() const override { return rows_; }
  void edit_chain(const Chain& chain, std::span<Fate>) const override {
    if (!chain.prompt_end()) return;
    std::vector<float>& now = all->emplace_back();
    for (std::int64_t i = 0; i < chain.size(); ++i) now.push_back(chain.entry(i).attention);
  }
  std::shared_ptr<Outputs> all = std::make_shared<Outputs>();

 private:
  std::int64_t rows_;
};

Outputs masses(const Tiny& tiny, std::int64_t rows, int threads, std::int64_t observed) {
  Runner runner(tiny, rows, threads);
  Cache cache = runner.cache({.sequences = 2, .context = 320});
  const auto editor = std::make_shared<Masses>(observed);
  const SeqId id = cache.open(edited(editor)), other = cache.open(edited(editor));
  runner.feed(cache, other, text(40, 9), 16);
  editor->all->clear();
  runner.feed(cache, id, text(300), rows);
  return *editor->all;
}

// Tiles note what they give as they attend; runs of few rows look again.
TEST(Editor, TilesGiveWhatRowsGiveOnAnyNumberOfThreads) {
  for (const Tiny& tiny : {Tiny{}, Tiny{.heads = {18}, .key_heads = {2}, .windows = {0}},
                           Tiny{.windows = {40, 0}, .cap = 5}})
    for (const std::int64_t observed : {all_rows, std::int64_t{70}}) {
      const Outputs rows = masses(tiny, 16, 1, observed), tiles = masses(tiny, 160, 1, observed);
      ASSERT_EQ(rows.size(), tiles.size());
      for (std::size_t chain = 0; chain < rows.size(); ++chain)
        for (std::size_t i = 0; i < rows[chain].size(); ++i)
          ASSERT_NEAR(tiles[chain][i], rows[chain][i], 1e-5 * (1 + rows[chain][i]));
      EXPECT_TRUE(same_bits(masses(tiny, 160, 3, observed), tiles));
      double sum = 0;
      for (const float each : tiles.front()) sum += static_cast<double>(each);
      const double heads = static_cast<double>(tiny.heads[0] / tiny.key_heads[0]);
      EXPECT_NEAR(sum, heads * static_cast<double>(std::min<std::int64_t>(observed, 300)), 1e-3);
    }
}

}  // namespace
}  // namespace pliant::kv
