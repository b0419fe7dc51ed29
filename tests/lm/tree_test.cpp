// Trees of drafts: one run verifies several continuations, and the sequence goes on with one.
#include "core/rng.h"
#include "lm/speculate.h"
#include "lm/stream.h"
#include "lm/talk.h"

namespace pliant::lm {
namespace {

struct Tree {
  Ids tokens;
  std::vector<std::int32_t> parents;

  Ids path(std::int32_t last) const {
    Ids result;
    for (; last >= 0; last = parents[last]) result.insert(result.begin(), tokens[last]);
    return result;
  }
};

// `reach`: how far behind its parent a token may stand; 1: a chain, many: any tree.
Tree random_tree(Rng& rng, std::int64_t size, std::int64_t reach, std::int64_t vocabulary) {
  Tree tree;
  for (std::int32_t i = 0; i < size; ++i) {
    tree.tokens.push_back(static_cast<TokenId>(rng.below(vocabulary)));
    const auto first = std::max<std::int64_t>(i - reach, 0);
    tree.parents.push_back(i == 0 ? -1 : static_cast<std::int32_t>(rng.between(first, i - 1)));
  }
  return tree;
}

std::vector<Logits> run(Talk& talk, SeqId id, const Tree& tree) {
  const Tensor logits(TensorType{DType::f32, {std::ssize(tree.tokens), talk.vocabulary()}});
  const Draft draft{id, tree.tokens, tree.parents};
  talk.session.step({&draft, 1}, logits.view());
  return talk.split(logits);
}

// A sequence that got the same tokens one by one: the bits that all is measured by.
class Twin {
 public:
  Twin(Talk& talk, const kv::Policy& policy) : talk_(&talk), policy_(policy) {}
  // The logits of the tokens of `path`, and of `more`, behind a prompt and what was decoded.
  std::vector<Logits> after(const Ids& prompt, const Ids& decoded, const Ids& path) {
    const SeqId id = talk_->session.open(policy_);
    talk_->session.feed(id, prompt);
    talk_->steps(id, decoded);
    std::vector<Logits> result = talk_->steps(id, path);
    talk_->session.close(id);
    return result;
  }

 private:
  Talk* talk_;
  kv::Policy policy_;
};

void expect_paths_alone(const SessionOptions& options, const kv::Policy& policy, int threads,
                        std::uint64_t seed) {
  const LanguageModel model = tiny();
  SessionOptions wide = options;
  wide.branches = 15;
  Talk talk(model, wide, threads), plain(model, options);
  Twin twin(plain, policy);
  Rng rng(seed);
  const Ids prompt = some_ids(rng.between(3, 45), talk.vocabulary());
  const SeqId id = talk.session.open(policy);
  talk.session.feed(id, prompt);
  Ids decoded;
  for (int round = 0; round < 4; ++round) {
    const Tree tree = random_tree(rng, rng.between(2, 16), rng.between(1, 6), talk.vocabulary());
    const std::vector<Logits> got = run(talk, id, tree);
    for (std::int32_t i = 0; i < std::ssize(got); ++i)
      ASSERT_TRUE(same_bits({got[i]}, {twin.after(prompt, decoded, tree.path(i)).back()}))
          << "round " << round << " token " << i << " threads " << threads;
    const auto chosen = static_cast<std::int32_t>(rng.below(std::ssize(got)));
    talk.session.choose(id, chosen);
    for (const TokenId each : tree.path(chosen)) decoded.push_back(each);
    Ids all = prompt;
    all.insert(all.end(), decoded.begin(), decoded.end());
    const auto held = talk.session.tokens(id);
    ASSERT_EQ(Ids(held.begin(), held.end()), all);
    ASSERT_EQ(talk.session.length(id), std::ssize(all));
  }
  talk.session.close(id);
  EXPECT_EQ(talk.session.memory().cache_used, 0) << "branches are left";
}

TEST(Trees, EveryTokenIsThatOfItsPathAloneBitForBit) {
  std::uint64_t seed = 0;
  for (const kv::CacheType type : {kv::CacheType::f32, kv::CacheType::int8, kv::CacheType::int4})
    for (const kv::Policy& policy : {kv::full(), kv::sink_window(2, 12)})
      for (const int threads : {1, 3})
        expect_paths_alone({.context = 128, .cache_types = {type, type}}, policy, threads, ++seed);
}

TEST(Trees, OfSeveralSequencesRunInOneStep) {
  Talk talk(tiny(), {.context = 96, .sequences = 2, .branches = 8}), plain(tiny(), {.context = 96});
  Rng rng(7);
  const Ids prompts[] = {some_ids(31, talk.vocabulary()), some_ids(9, talk.vocabulary(), 3)};
  SeqId ids[2];
  Tree trees[2];
  std::vector<Draft> drafts;
  for (int i = 0; i < 2; ++i) {
    ids[i] = talk.session.open();
    talk.session.feed(ids[i], prompts[i]);
    trees[i] = random_tree(rng, 7, 3, talk.vocabulary());
    drafts.push_back({ids[i], trees[i].tokens, trees[i].parents});
  }
  const Tensor logits(TensorType{DType::f32, {14, talk.vocabulary()}});
  talk.session.step(drafts, logits.view());
  const std::vector<Logits> got = talk.split(logits);
  Twin twin(plain, kv::full());
  for (int i = 0; i < 2; ++i)
    for (std::int32_t t = 0; t < 7; ++t)
      EXPECT_TRUE(
          same_bits({got[7 * i + t]}, {twin.after(prompts[i], {}, trees[i].path(t)).back()}));
  for (int i = 0; i < 2; ++i) talk.session.choose(ids[i], 5);
  for (int i = 0; i < 2; ++i) {
    Ids path = trees[i].path(5);
    path.push_back(11);
    EXPECT_TRUE(same_bits(talk.step({{ids[i], {11}}}), {twin.after(prompts[i], {}, path).back()}));
  }
}

class Nothing : public kv::Editor {
 public:
  std::string_view name() const override { return "nothing"; }
  void edit(std::span<const kv::Chain>, std::span<const std::span<kv::Fate>>) const override {}
};

// 0 <- 1 <- 2, 0 <- 3
const Tree fork{{5, 6, 7, 8}, {-1, 0, 1, 0}};

TEST(Trees, WhatIsNotChosenLeavesTheFirstBranch) {
  Talk talk(tiny(), {.context = 64, .branches = 2}), plain(tiny(), {.context = 64});
  const Ids prompt = some_ids(40, talk.vocabulary());
  const SeqId id = talk.session.open();
  talk.session.feed(id, prompt);
  const std::int64_t held = talk.session.memory().cache_used;
  run(talk, id, fork);
  EXPECT_EQ(talk.session.length(id), 43);
  EXPECT_GT(talk.session.memory().cache_used, held);
  EXPECT_EQ(talk.session.sequences(), std::vector<SeqId>{id});
  Twin twin(plain, kv::full());
  EXPECT_TRUE(same_bits(talk.step({{id, {9}}}), {twin.after(prompt, {}, {5, 6, 7, 9}).back()}));
  EXPECT_EQ(thrown_by([&] { talk.session.choose(id, 3); }).kind(), ErrorKind::invalid);
  Ids longer = prompt;
  longer.push_back(1);
  for (const int way : {0, 1, 2}) {
    talk.session.truncate(id, 40);
    run(talk, id, fork);
    if (way == 0) talk.session.truncate(id, 40);
    else if (way == 1) talk.session.rewind(id, longer);
    else talk.session.feed(id, Ids{1});
    EXPECT_EQ(talk.session.memory().cache_used, held) << way;
    EXPECT_EQ(thrown_by([&] { talk.session.choose(id, 3); }).kind(), ErrorKind::invalid);
  }
  talk.session.close(id);
  EXPECT_EQ(talk.session.memory().cache_used, 0);
}

TEST(Trees, WrongOnesAreRefusedAndChangeNothing) {
  Talk talk(tiny(), {.context = 40, .branches = 1}), plain(tiny(), {.context = 40});
  const Ids prompt = some_ids(37, talk.vocabulary());
  const SeqId id = talk.session.open();
  talk.session.feed(id, prompt);
  const std::int64_t held = talk.session.memory().cache_used;
  const auto refused = [&](const Tree& tree) {
    const ErrorKind kind = thrown_by([&] { run(talk, id, tree); }).kind();
    EXPECT_EQ(talk.session.length(id), 37);
    EXPECT_EQ(talk.session.memory().cache_used, held);
    return kind;
  };
  EXPECT_EQ(refused({{1, 2, 3}, {-1, 0}}), ErrorKind::invalid);
  EXPECT_EQ(refused({{1, 2, 3}, {-1, 0, 2}}), ErrorKind::invalid);
  EXPECT_EQ(refused({{1, 2, 3}, {-1, -1, 0}}), ErrorKind::invalid);
  EXPECT_EQ(refused({{1, 2, 3}, {0, 0, 0}}), ErrorKind::invalid);
  EXPECT_EQ(refused({{1, 2, 3}, {-1, 0, -2}}), ErrorKind::invalid);
  EXPECT_EQ(refused({{1, 2, 3, 4}, {-1, 0, 0, 0}}), ErrorKind::capacity);  // two branches
  EXPECT_EQ(refused({{1, 2, 3, 4}, {-1, 0, 1, 2}}), ErrorKind::capacity);  // context
  EXPECT_EQ(refused({{1, 511, 600}, {-1, 0, 0}}), ErrorKind::invalid);     // vocabulary
  Twin twin(plain, kv::full());
  // To the end of the context: three tokens deep, four wide together.
  const std::vector<Logits> got = run(talk, id, fork);
  EXPECT_TRUE(same_bits({got[2]}, {twin.after(prompt, {}, {5, 6, 7}).back()}));
  EXPECT_TRUE(same_bits({got[3]}, {twin.after(prompt, {}, {5, 8}).back()}));
  EXPECT_EQ(thrown_by([&] { talk.session.choose(id, 4); }).kind(), ErrorKind::invalid);
  EXPECT_EQ(thrown_by([&] { talk.session.choose(id, -1); }).kind(), ErrorKind::invalid);
  talk.session.choose(id, 3);
  EXPECT_EQ(talk.session.length(id), 39);
  Talk edited(tiny(), {.context = 40, .branches = 1});
  const SeqId other = edited.session.open(kv::edited(std::make_shared<Nothing>()));
  edited.session.feed(other, prompt);
  EXPECT_EQ(thrown_by([&] { run(edited, other, fork); }).kind(), ErrorKind::invalid);
  EXPECT_EQ(thrown_by([] { Talk(tiny(), {.branches = -1}); }).kind(), ErrorKind::invalid);
}

}  // namespace
}  // namespace pliant::lm
