#include <algorithm>
#include <functional>

#include "graph/text/text.h"
#include "machine/native/kv/tiny.h"

namespace pliant::kv {
namespace {

using Step = std::vector<std::pair<SeqId, std::vector<std::int64_t>>>;

constexpr double close = 5e-6;

std::vector<Tiny> variants() {
  std::vector<Tiny> result{{}};
  result.push_back({.windows = {0, 17}});
  result.push_back({.cap = 1.5});
  result.push_back({.rotate = false, .bias = true});
  // nine query heads share a page
  result.push_back({.heads = {18}, .key_heads = {2}, .windows = {0}});
  return result;
}

TEST(KvCache, PromptThenDecodeEqualsTheWholeAtOnce) {
  for (const Tiny& tiny : variants()) {
    const auto tokens = text(90);
    Runner runner(tiny, 40);
    Cache cache = runner.cache({.context = 90});
    const SeqId seq = cache.open(full());
    Outputs got = runner.feed(cache, seq, {tokens.begin(), tokens.begin() + 70}, 40);
    for (auto& row : runner.feed(cache, seq, {tokens.begin() + 70, tokens.end()}))
      got.push_back(row);
    EXPECT_LT(distance(got, runner.oracle(tokens)), close);
    EXPECT_EQ(cache.length(seq), 90);
    EXPECT_EQ(cache.entries(seq, 0, 1), 90);
  }
}

TEST(KvCache, HalvesStayCloseToF32) {
  const auto tokens = text(60);
  Runner runner({}, 16);
  const Outputs wanted = runner.oracle(tokens);
  for (const auto& [type, tolerance] :
       {std::pair(CacheType::f16, 1e-2), std::pair(CacheType::bf16, 8e-2)}) {
    Cache cache = runner.cache({.types = {type, type}, .context = 64});
    const Outputs got = runner.feed(cache, cache.open(full()), tokens, 5);
    EXPECT_LT(distance(got, wanted), tolerance) << name(type);
    EXPECT_GT(distance(got, wanted), 0) << name(type);
    EXPECT_LT(cache.bytes(), Cache::bytes(cache.layers(), {.context = 64}) * 2 / 3);
  }
}

// Numeric class: a row of a program of few or of many rows depends on its sequence alone.
void expect_sequences_alone(std::int64_t rows) {
  for (const Tiny& tiny : variants()) {
    std::vector<std::vector<std::int64_t>> texts;
    std::vector<Outputs> wanted, got;
    Runner alone(tiny, rows);
    for (std::int64_t s = 0; s < 5; ++s) {
      texts.push_back(text(20 + 13 * s, s));
      Cache cache = alone.cache({.context = 96});
      wanted.push_back(alone.feed(cache, cache.open(full()), texts.back()));
    }
    for (const int threads : {1, 2, 3}) {
      Rng rng(static_cast<std::uint64_t>(threads));
      Runner together(tiny, rows, threads);
      Cache cache = together.cache({.sequences = 5, .context = 96});
      std::vector<SeqId> ids;
      for (std::size_t s = 0; s < texts.size(); ++s) ids.push_back(cache.open(full()));
      got.assign(texts.size(), {});
      const auto unfinished = [&] {
        for (std::size_t s = 0; s < texts.size(); ++s)
          if (got[s].size() < texts[s].size()) return true;
        return false;
      };
      while (unfinished()) {
        Step step;
        std::vector<std::size_t> who;
        auto room = static_cast<std::size_t>(rows);
        for (std::size_t s = 0; s < texts.size(); ++s) {
          const auto most =
              static_cast<std::int64_t>(std::min(room, texts[s].size() - got[s].size()));
          const auto n = static_cast<std::size_t>(rng.between(0, std::min<std::int64_t>(most, 6)));
          if (n == 0) continue;
          room -= n;
          const auto from = texts[s].begin() + (got[s].size());
          step.emplace_back(ids[s],
                            std::vector<std::int64_t>(from, from + static_cast<std::ptrdiff_t>(n)));
          who.push_back(s);
        }
        if (step.empty()) continue;
        std::size_t row = 0;
        const Outputs out = together.step(cache, step);
        for (std::size_t i = 0; i < step.size(); ++i)
          for (std::size_t k = 0; k < step[i].second.size(); ++k) got[who[i]].push_back(out[row++]);
      }
      for (std::size_t s = 0; s < texts.size(); ++s)
        EXPECT_TRUE(same_bits(got[s], wanted[s])) << "sequence " << s << ", threads " << threads;
    }
  }
}

TEST(KvCache, ABatchIsItsSequencesOneByOneBitForBit) {
  expect_sequences_alone(16);
  expect_sequences_alone(80);
}

TEST(KvCache, ATokenWithoutNumbersDoesNotReachThoseBefore) {
  Runner runner({}, 40);
  auto tokens = text(40);
  Cache cache = runner.cache({.sequences = 2, .context = 64});
  const Outputs wanted = runner.feed(cache, cache.open(full()), tokens, 40);
  tokens[30] = -1;
  Outputs got = runner.feed(cache, cache.open(full()), tokens, 40);
  EXPECT_TRUE(std::isnan(got[30][0]));
  EXPECT_TRUE(std::isnan(got[35][0]));
  got.resize(30);
  EXPECT_TRUE(same_bits(got, {wanted.begin(), wanted.begin() + 30}));
}

// Queries, keys and values as they are given: only row 30's query is no number.
TEST(KvCache, AQueryThatIsNoNumberHasNoResultAmongManyRowsEither) {
  constexpr std::int64_t rows = 40, width = 8;
  Builder b;
  std::vector<ValueId> operands;
  for (const char* name : {"q", "k", "v"})
    operands.push_back(b.row_input(name, {DType::f32, {rows, 1, width}}));
  for (const char* name : {"seq", "pos", "tag"})
    operands.push_back(b.row_input(name, {DType::i32, {rows}}));
  b.output(b.attention({0.3, true, 0, 0}, operands), "result");
  const auto graph = std::make_shared<const Graph>(b.finish());
  ThreadPool pool(1);
  const auto program = native::Machine(pool).compile(graph, std::make_shared<WeightStore>());
  Workspace workspace(program->need(), pool);
  Cache cache(layers_of(*graph), {.context = rows});
  const SequenceRows all{cache.open(full()), rows};
  cache.reserve({&all, 1});
  std::vector<Tensor> inputs;
  std::vector<TensorView> in;
  Rng rng(1);
  for (const ValueId id : graph->inputs()) inputs.emplace_back(graph->value(id).type);
  for (std::size_t i = 0; i < 3; ++i) fill_normal(inputs[i].view(), rng, 1);
  std::ranges::fill(inputs[0].span<float>().subspan(30 * width, width), std::nanf(""));
  for (std::int64_t r = 0; r < rows; ++r) {
    inputs[3].span<std::int32_t>()[r] = all.sequence;
    inputs[4].span<std::int32_t>()[r] = static_cast<std::int32_t>(r);
  }
  for (const Tensor& each : inputs) in.push_back(each.view());
  const Tensor out({DType::f32, {rows, 1, width}});
  const std::vector<TensorView> to{out.view()};
  program->run({in, to, rows, nullptr}, workspace, cache);
  for (std::int64_t i = 0; i < rows * width; ++i)
    EXPECT_EQ(std::isnan(out.span<float>()[i]), i / width == 30) << i;
}

TEST(KvCache, PaddingRowsYieldNothingAndChangeNothing) {
  Runner runner({}, 8);
  Cache cache = runner.cache({.context = 32});
  const SeqId seq = cache.open(full());
  const SequenceRows rows{seq, 1};
  cache.reserve({&rows, 1});
  const Outputs padded = runner.run(&cache, {{-1, 5}, {seq, 0}, {-1, -3}}, {4, 1, 9});
  Cache other = runner.cache({.context = 32});
  EXPECT_TRUE(same_bits({padded[1]}, runner.feed(other, other.open(full()), {1})));
  EXPECT_EQ(cache.length(seq), 1);
}

TEST(KvCache, TruncatedAndFedAgainItIsAsBefore) {
  const auto tokens = text(70), other = text(20, 5);
  Runner runner({}, 16);
  Cache cache = runner.cache({.context = 96});
  const SeqId seq = cache.open(full());
  const Outputs wanted = runner.feed(cache, seq, tokens);
  for (const std::size_t at : {std::size_t{64}, std::size_t{33}, std::size_t{32}, std::size_t{0}}) {
    cache.truncate(seq, static_cast<std::int64_t>(at));
    EXPECT_EQ(cache.length(seq), static_cast<std::int64_t>(at));
    runner.feed(cache, seq, other, 7);
    cache.truncate(seq, static_cast<std::int64_t>(at));
    const auto again = runner.feed(cache, seq, {tokens.begin() + at, tokens.end()}, 3);
    EXPECT_TRUE(same_bits(again, tail(wanted, at))) << at;
  }
}

TEST(KvCache, ForksShareTheirPagesUntilTheyWrite) {
  const auto tokens = text(40), left = text(20, 1), right = text(20, 2);
  const auto joined = [&](const std::vector<std::int64_t>& more) {
    auto all = tokens;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  Runner runner({}, 16);
  Cache lone = runner.cache({.sequences = 2, .context = 64});
  const auto wanted_left = tail(runner.feed(lone, lone.open(full()), joined(left)), 40);
  const auto wanted_right = tail(runner.feed(lone, lone.open(full()), joined(right)), 40);

  Cache cache = runner.cache({.sequences = 3, .context = 64});
  const SeqId first = cache.open(full());
  runner.feed(cache, first, tokens);
  const std::int64_t used = cache.pages_used();
  const SeqId second = cache.fork(first), third = cache.fork(first);
  EXPECT_EQ(cache.pages_used(), used);
  Outputs got_left, got_right;
  for (std::size_t i = 0; i < left.size(); ++i) {  // both write in one run
    const Outputs out = runner.step(cache, {{first, {left[i]}}, {second, {right[i]}}});
    got_left.push_back(out[0]);
    got_right.push_back(out[1]);
  }
  EXPECT_TRUE(same_bits(got_left, wanted_left));
  EXPECT_TRUE(same_bits(got_right, wanted_right));
  EXPECT_TRUE(same_bits(runner.feed(cache, third, right), wanted_right));
  for (const SeqId each : {first, second, third}) cache.close(each);
  EXPECT_EQ(cache.pages_used(), 0);
}

TEST(KvCache, AKeptBeginningGoesOnAsIfComputedAnew) {
  const auto tokens = text(70), more = text(20, 1);
  Runner runner({}, 16);
  Cache cache =
      runner.cache({.sequences = 2, .context = 96, .kept = 1, .kept_bytes = std::int64_t{1} << 20});
  const SeqId first = cache.open(full());
  runner.feed(cache, first, tokens, 16);
  const KeptId kept = cache.keep(first, 70);
  const std::int64_t used = cache.pages_used();
  runner.feed(cache, first, more);  // writes into a copy of the last page
  EXPECT_GT(cache.pages_used(), used);
  cache.close(first);
  EXPECT_EQ(cache.pages_used(), used);
  for (const std::int64_t length : {70, 64, 40}) {
    const SeqId next = cache.open(full()), anew = cache.open(full());
    cache.adopt(next, kept, length);
    runner.feed(cache, anew, {tokens.begin(), tokens.begin() + length}, 16);
    EXPECT_EQ(cache.save(next, 1), cache.save(anew, 1)) << length;
    EXPECT_TRUE(same_bits(runner.feed(cache, next, more), runner.feed(cache, anew, more)));
    cache.check();
    cache.close(next);
    cache.close(anew);
  }
  cache.forget(kept);
  EXPECT_EQ(cache.pages_used(), 0);
}

TEST(KvCache, WhatIsKeptTakesNoPageFromOpenSequences) {
  Runner runner({}, 16);
  Cache cache =
      runner.cache({.sequences = 2, .context = 64, .kept = 2, .kept_bytes = std::int64_t{1} << 20});
  for (int i = 0; i < 2; ++i) {
    const SeqId gone = cache.open(full());
    runner.feed(cache, gone, text(64, i), 16);
    cache.keep(gone, 64);
    cache.close(gone);
  }
  for (int i = 0; i < 2; ++i) runner.feed(cache, cache.open(full()), text(64, 2 + i), 16);
  cache.check();
}

TEST(KvCache, WhatCannotBeKeptOrAdoptedIsRefused) {
  Runner runner({}, 16);
  Cache cache = runner.cache({.sequences = 2, .context = 96, .kept = 1, .kept_bytes = 70 << 10});
  const SeqId window = cache.open(sink_window(0, 8)), whole = cache.open(full());
  runner.feed(cache, window, text(70), 16);
  runner.feed(cache, whole, text(96), 16);
  EXPECT_FALSE(cache.keeps(window));
  EXPECT_EQ(thrown_by([&] { cache.keep(window, 8); }).kind(), ErrorKind::invalid);
  EXPECT_EQ(thrown_by([&] { cache.keep(whole, 97); }).kind(), ErrorKind::invalid);
  EXPECT_EQ(thrown_by([&] { cache.adopt(whole, window, 8); }).kind(), ErrorKind::invalid);
  EXPECT_EQ(thrown_by([&] { cache.adopt(whole, whole, 8); }).kind(), ErrorKind::invalid);
  EXPECT_EQ(cache.keepable(1000) % page_entries, 0);
  EXPECT_LT(cache.keepable(1000), 1000);
  const KeptId kept = cache.keep(whole, 40);
  EXPECT_EQ(thrown_by([&] { cache.adopt(window, kept, 41); }).kind(), ErrorKind::invalid);
  const Error error = thrown_by([&] { cache.keep(whole, 1); });
  EXPECT_EQ(error.kind(), ErrorKind::capacity);
  EXPECT_EQ(error.next_step(), "forget another one");
  EXPECT_EQ(thrown_by([&] { runner.cache({.context = 8, .kept = -1}); }).kind(),
            ErrorKind::invalid);
}

TEST(KvCache, ACacheThatIsFullOfForksStillTakesWhatFits) {
  Runner runner({}, 16);
  Cache cache = runner.cache({.sequences = 4, .context = 32});
  const SeqId first = cache.open(full());
  runner.feed(cache, first, text(20), 16);
  Step step{{first, text(12)}};
  for (int i = 0; i < 3; ++i) step.emplace_back(cache.fork(first), text(1));
  runner.step(cache, step);
  EXPECT_EQ(cache.pages_used(), 4 * (2 + 1));
}

TEST(KvCache, AWindowBeyondTheTextIsFull) {
  const auto tokens = text(80);
  Runner runner({}, 16);
  Cache cache = runner.cache({.sequences = 2, .context = 96});
  EXPECT_TRUE(same_bits(runner.feed(cache, cache.open(full()), tokens),
                        runner.feed(cache, cache.open(sink_window(0, 80)), tokens)));
}

void expect_sinks_and_window(std::int64_t rows) {
  const std::int64_t sinks = 3, window = 40;
  const auto tokens = text(400);
  Runner runner({}, rows, 2);
  Cache cache = runner.cache({.sequences = 2, .context = sinks + window + 3 * page_entries + 16});
  const SeqId seq = cache.open(sink_window(sinks, window));
  Outputs got;
  for (std::size_t i = 0; i < tokens.size();) {
    const std::size_t n = std::min<std::size_t>(1 + i % 16, tokens.size() - i);
    const auto from = tokens.begin() + i;
    for (auto& row : runner.step(cache, {{seq, {from, from + static_cast<std::ptrdiff_t>(n)}}}))
      got.push_back(row);
    EXPECT_LE(cache.entries(seq, 0, 0), sinks + window + 3 * page_entries + 16);
    i += n;
  }
  EXPECT_EQ(cache.length(seq), 400);
  const auto sees = [&](std::int64_t i, std::int64_t j) { return j < sinks || i - j < window; };
  EXPECT_LT(distance(got, runner.oracle(tokens, sees)), close);
  // one by one: other pages are dropped at other times, the same is seen
  const SeqId slow = cache.open(sink_window(sinks, window));
  EXPECT_TRUE(same_bits(runner.feed(cache, slow, tokens), got));
}

TEST(KvCache, SinksAndAWindowAreWhatIsSeenAndMemoryIsBounded) {
  expect_sinks_and_window(16);
  expect_sinks_and_window(20);  // of the class of prompts
}

TEST(KvCache, ADraftIsRolledBackUnderAWindow) {
  const auto tokens = text(200), wrong = text(7, 9);
  Runner runner({}, 16);
  Cache cache = runner.cache({.sequences = 2, .context = 160});
  const SeqId seq = cache.open(sink_window(2, 30)), plain = cache.open(sink_window(2, 30));
  const Outputs wanted = runner.feed(cache, plain, tokens);
  Outputs got;
  for (const std::int64_t each : tokens) {
    runner.step(cache, {{seq, wrong}});
    cache.truncate(seq, cache.length(seq) - static_cast<std::int64_t>(wrong.size()));
    got.push_back(runner.step(cache, {{seq, {each}}})[0]);
  }
  EXPECT_TRUE(same_bits(got, wanted));
  const Error error = thrown_by([&] { cache.truncate(seq, 100); });
  EXPECT_EQ(error.kind(), ErrorKind::invalid);
  EXPECT_NE(error.problem().find("its policy dropped"), std::string::npos) << error.what();
  cache.truncate(seq, 0);  // nothing is left that could be missed
  EXPECT_TRUE(same_bits(runner.feed(cache, seq, tokens), wanted));
}

TEST(KvCache, PoliciesAreChecked) {
  EXPECT_EQ(thrown_by([] { sink_window(-1, 5); }).kind(), ErrorKind::invalid);
  EXPECT_EQ(thrown_by([] { sink_window(0, 0); }).kind(), ErrorKind::invalid);
}

TEST(KvCache, WhatDoesNotFitIsRefusedAndNothingChanges) {
  Runner runner({}, 40);
  Cache cache = runner.cache({.sequences = 2, .context = 50});
  const SeqId a = cache.open(full()), b = cache.open(full());
  const auto tokens = text(50);
  const Outputs wanted = runner.feed(cache, b, tokens);
  runner.feed(cache, a, {tokens.begin(), tokens.begin() + 30});
  cache.truncate(b, 20);
  const std::int64_t used = cache.pages_used();
  const std::vector<SequenceRows> rows{{b, 10}, {a, 21}};
  const Error error = thrown_by([&] { cache.reserve(rows); });
  EXPECT_EQ(error.kind(), ErrorKind::capacity);
  EXPECT_NE(error.problem().find("30 entries and 21 more; the cache holds 50"), std::string::npos)
      << error.what();
  EXPECT_EQ(cache.pages_used(), used);
  EXPECT_EQ(cache.length(a), 30);
  EXPECT_TRUE(
      same_bits(runner.feed(cache, a, {tokens.begin() + 30, tokens.end()}), tail(wanted, 30)));
  EXPECT_EQ(thrown_by([&] { cache.open(full()); }).kind(), ErrorKind::capacity);
  EXPECT_EQ(thrown_by([&] { cache.fork(a); }).kind(), ErrorKind::capacity);
}

TEST(KvCache, RowsThatDoNotContinueTheirSequenceAreRefused) {
  Runner runner({}, 8);
  Cache cache = runner.cache({.sequences = 2, .context = 32});
  const SeqId seq = cache.open(full());
  runner.feed(cache, seq, text(5));
  const std::vector<SequenceRows> rows{{seq, 2}}, twice{{seq, 1}, {seq, 1}}, negative{{seq, -1}};
  EXPECT_NE(thrown_by([&] { cache.reserve(twice); }).problem().find("twice"), std::string::npos);
  EXPECT_EQ(thrown_by([&] { cache.reserve(negative); }).kind(), ErrorKind::invalid);
  const auto problem = [&](const std::vector<Row>& what) {
    return thrown_by([&] { runner.run(&cache, what, std::vector<std::int64_t>(what.size(), 1)); })
        .problem();
  };
  EXPECT_NE(problem({{seq, 5}}).find("was not reserved"), std::string::npos);
  cache.reserve(rows);
  EXPECT_NE(problem({{seq, 6}}).find("position 6 of sequence 0, which has come to 5"),
            std::string::npos);
  EXPECT_NE(problem({{seq, 5}, {seq, 5}}).find("position 5"), std::string::npos);
  EXPECT_NE(problem({{seq, 5}, {seq, 6}, {seq, 7}}).find("was not reserved"), std::string::npos);
  EXPECT_NE(problem({{1, 0}}).find("is not open"), std::string::npos);
  EXPECT_NE(problem({{12345, 0}}).find("is not open"), std::string::npos);
  EXPECT_EQ(cache.length(seq), 5);
  cache.close(seq);
  const std::vector<std::function<void()>> closed{
      [&] { cache.close(seq); }, [&] { (void)cache.length(seq); }, [&] { cache.truncate(seq, 0); },
      [&] { cache.fork(seq); },  [&] { cache.save(seq, 0); },      [&] { cache.reserve(rows); }};
  for (const auto& action : closed) EXPECT_EQ(thrown_by(action).kind(), ErrorKind::invalid);
  EXPECT_NE(cache.open(full()), seq);  // an id does not come back at once
  EXPECT_EQ(thrown_by([&] { cache.truncate(cache.open(full()), 1); }).kind(), ErrorKind::invalid);
}

TEST(KvCache, AProgramWithCacheLayersNeedsTheirCache) {
  Runner runner({}, 8);
  const Error error = thrown_by([&] { runner.run(nullptr, {{0, 0}}, {1}); });
  EXPECT_EQ(error.kind(), ErrorKind::invalid);
  EXPECT_NE(error.problem().find("none is bound"), std::string::npos);
  Cache other({{2, 12, 10, 2}, {2, 12, 10}}, {.context = 8});
  EXPECT_NE(thrown_by([&] {
              runner.run(&other, {{0, 0}}, {1});
            })
                .problem()
                .find("layer 1"),
            std::string::npos);
}

TEST(KvCache, CachesThatCannotBeAreRefused) {
  const std::vector<CacheLayer> layers{{1, 8, 8}};
  const auto kind = [&](std::vector<CacheLayer> sizes, CacheOptions options) {
    return thrown_by([&] { Cache cache(std::move(sizes), options); }).kind();
  };
  EXPECT_EQ(kind(layers, {.sequences = 0, .context = 8}), ErrorKind::invalid);
  EXPECT_EQ(kind(layers, {.context = 0}), ErrorKind::invalid);
  EXPECT_EQ(kind({{1, 8, widest_head + 1}}, {.context = 8}), ErrorKind::invalid);
  EXPECT_EQ(kind({{-1, 8, 8}}, {.context = 8}), ErrorKind::invalid);
  EXPECT_EQ(kind({{1 << 20, 8, 8}}, {.sequences = 1 << 20, .context = 1 << 20}),
            ErrorKind::capacity);
}

Graph one_attention(kind::Attention attention, std::int64_t width, bool computed = false,
                    int times = 1) {
  Builder b;
  const auto x = b.row_input("x", {DType::f32, {4, 1, width}});
  const auto ids = [&](const char* name) { return b.row_input(name, {DType::i32, {4}}); };
  ValueId seq = ids("seq");
  const ValueId pos = ids("pos"), tag = ids("tag");
  if (computed) seq = b.map(argument(0) + argument(0), {seq}, DType::i32, "twice");
  std::vector<ValueId> operands{x, x, x, seq, pos, tag};
  if (attention.has_tree) operands.push_back(b.input("tree", {DType::boolean, {4, 4}}));
  for (int i = 0; i < times; ++i) b.output(b.attention(attention, operands));
  return b.finish();
}

TEST(KvCache, AttentionsThatCannotBeCachedAreRefusedByName) {
  const auto reason = [](const Graph& graph) {
    const auto refused = native::refusals(graph);
    return refused.empty() ? "" : refused[0].reason;
  };
  const kind::Attention cached{.cache = 0};
  EXPECT_EQ(reason(one_attention(cached, 8)), "");
  EXPECT_NE(reason(one_attention({.causal = false, .cache = 0}, 8)).find("not causal"),
            std::string::npos);
  EXPECT_NE(reason(one_attention({.cache = 0, .has_tree = true}, 8)).find("tree"),
            std::string::npos);
  EXPECT_NE(reason(one_attention(cached, widest_head + 1)).find("wide"), std::string::npos);
  EXPECT_NE(reason(one_attention(cached, 8, true)).find("'twice' is not an input"),
            std::string::npos);
  EXPECT_EQ(thrown_by([&] { layers_of(one_attention(cached, 8, false, 2)); }).kind(),
            ErrorKind::invalid);
  EXPECT_EQ(
      thrown_by([&] { native::make_kernel(one_attention(cached, 8), Group{{OpId{0}}}); }).kind(),
      ErrorKind::unsupported);
}

}  // namespace
}  // namespace pliant::kv
