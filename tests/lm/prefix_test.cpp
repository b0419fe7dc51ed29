// Beginnings that sequences take over from others.
#include "lm/talk.h"

namespace pliant::lm {
namespace {

constexpr std::int64_t budget = std::int64_t{1} << 20;

Ids joined(const Ids& a, const Ids& b) {
  Ids all = a;
  all.insert(all.end(), b.begin(), b.end());
  return all;
}

// The logits of the last token of a prompt, of which the sequence holds the beginning.
std::vector<Logits> answer(Talk& talk, SeqId id, const Ids& prompt) {
  const auto have = static_cast<std::size_t>(talk.session.length(id));
  talk.session.feed(id, std::span(prompt).subspan(have, prompt.size() - 1 - have));
  return talk.step({{id, {prompt.back()}}});
}

std::vector<Logits> uncached(Talk& talk, const Ids& prompt, const kv::Policy& policy = kv::full()) {
  const SeqId id = talk.session.open(policy);
  EXPECT_EQ(talk.session.length(id), 0);
  const auto result = answer(talk, id, prompt);
  talk.session.close(id);
  return result;
}

struct Texts {
  LanguageModel model = tiny();
  Ids shared = some_ids(100, model.config.vocabulary),
      left = joined(shared, some_ids(9, model.config.vocabulary, 1)),
      right = joined(shared, some_ids(9, model.config.vocabulary, 2));
};

TEST(Prefix, AClosedSequencesBeginningIsNotComputedAgain) {
  const Texts texts;
  Talk plain(texts.model, {.context = 320}),
      talk(texts.model, {.context = 320, .prefix_bytes = budget});
  const SeqId first = talk.session.open(kv::full(), texts.left);
  EXPECT_EQ(talk.session.length(first), 0);
  answer(talk, first, texts.left);
  talk.steps(first, some_ids(5, talk.vocabulary(), 3));  // what it says is not kept
  talk.session.close(first);
  EXPECT_GT(talk.session.memory().kept, 0);
  const SeqId second = talk.session.open(kv::full(), texts.right);
  EXPECT_EQ(talk.session.length(second), 100);
  EXPECT_TRUE(std::ranges::equal(talk.session.tokens(second), texts.shared));
  EXPECT_TRUE(same_bits(answer(talk, second, texts.right), uncached(plain, texts.right)));
  talk.session.close(second);
  const SeqId again = talk.session.open(kv::full(), texts.left);
  EXPECT_EQ(talk.session.length(again), 108);  // the last token is run for its logits
  EXPECT_TRUE(same_bits(answer(talk, again, texts.left), uncached(plain, texts.left)));
}

TEST(Prefix, AnOpenSequencesBeginningIsSharedWithoutABudget) {
  const Texts texts;
  Talk plain(texts.model, {.context = 320}), talk(texts.model, {.context = 320, .sequences = 2});
  const SeqId first = talk.session.open();
  answer(talk, first, texts.left);
  const SeqId second = talk.session.open(kv::full(), texts.right);
  EXPECT_EQ(talk.session.length(second), 100);
  const auto before = talk.session.save(first);
  EXPECT_TRUE(same_bits(answer(talk, second, texts.right), uncached(plain, texts.right)));
  EXPECT_EQ(talk.session.save(first), before);
  talk.session.close(first);
  talk.session.close(second);
  EXPECT_EQ(talk.session.memory().kept, 0);
  EXPECT_EQ(talk.session.length(talk.session.open(kv::full(), texts.right)), 0);
}

TEST(Prefix, ARewoundSequenceComesBackToWhatItLost) {
  const Texts texts;
  Talk plain(texts.model, {.context = 320}),
      talk(texts.model, {.context = 320, .prefix_bytes = budget});
  const Ids other = some_ids(80, talk.vocabulary(), 7);
  const SeqId id = talk.session.open();
  for (const Ids* each : {&texts.left, &other, &texts.right, &other}) {
    const std::int64_t held = talk.session.rewind(id, *each);
    if (each == &texts.right) {
      EXPECT_EQ(held, 100);
    }
    EXPECT_TRUE(same_bits(answer(talk, id, *each), uncached(plain, *each)));
  }
  EXPECT_EQ(talk.session.rewind(id, texts.left), 108);
}

// Decoding rounds otherwise, and so does a tagged row for who sees tags.
TEST(Prefix, OnlyUntaggedPromptsOfTheSamePolicyAreTakenOver) {
  const Texts texts;
  Talk talk(texts.model, {.context = 320, .sequences = 2, .prefix_bytes = budget});
  const auto found = [&](const kv::Policy& policy) {
    const SeqId id = talk.session.open(policy, texts.left);
    const std::int64_t length = talk.session.length(id);
    talk.session.truncate(id, 0);
    talk.session.close(id);
    return length;
  };
  const SeqId decoded = talk.session.open();
  talk.session.feed(decoded, std::span(texts.left).first(40));
  talk.steps(decoded, {texts.left.begin() + 40, texts.left.end()});
  EXPECT_EQ(found(kv::full()), 40);
  talk.session.close(decoded);
  EXPECT_EQ(found(kv::full()), 40);
  EXPECT_EQ(found(kv::sink_window(0, 300)), 0);
  const SeqId tagged = talk.session.open();
  const std::vector<std::int32_t> tags(50, 3);
  const Piece pieces[] = {{.tokens = std::span(texts.left).first(45)},
                          {.tokens = std::span(texts.left).subspan(45, 50), .tags = tags}};
  talk.session.feed(tagged, pieces);
  EXPECT_EQ(found(kv::full()), 45);
}

TEST(Prefix, TheLeastRecentlyUsedIsForgottenWithinTheBudget) {
  const Texts texts;
  const std::int64_t page = [&] {  // of all layers and heads
    Talk probe(texts.model, {.context = 320});
    probe.session.feed(probe.session.open(), Ids{1});
    return probe.session.memory().cache_touched;
  }();
  Talk talk(texts.model, {.context = 320, .prefix_bytes = 4 * page + page / 2});
  std::vector<Ids> prompts;
  for (int i = 0; i < 3; ++i) prompts.push_back(some_ids(60, talk.vocabulary(), 10 + i));
  const auto visit = [&](int i) {
    const SeqId id = talk.session.open(kv::full(), prompts[i]);
    const std::int64_t had = talk.session.length(id);
    answer(talk, id, prompts[i]);
    talk.session.close(id);
    EXPECT_LE(talk.session.memory().kept, 4 * page);
    return had;
  };
  EXPECT_EQ(visit(0), 0);
  EXPECT_EQ(visit(1), 0);
  EXPECT_EQ(visit(0), 59);
  EXPECT_EQ(visit(2), 0);  // 1 goes
  EXPECT_EQ(visit(0), 59);
  EXPECT_EQ(visit(1), 0);
  const Ids longer = some_ids(300, talk.vocabulary(), 20);  // what fits of it is kept
  const SeqId id = talk.session.open(kv::full(), longer);
  answer(talk, id, longer);
  talk.session.close(id);
  EXPECT_EQ(talk.session.length(talk.session.open(kv::full(), longer)), 128);
}

TEST(Prefix, TheBudgetCountsAsCache) {
  const Texts texts;
  const SessionMemory without = Talk(texts.model).session.memory(),
                      with = Talk(texts.model, {.prefix_bytes = budget}).session.memory();
  EXPECT_GT(with.cache, without.cache + budget / 2);
  EXPECT_EQ(with.cache_touched, 0);
  EXPECT_EQ(thrown_by([&] { Talk(texts.model, {.prefix_bytes = -1}); }).kind(), ErrorKind::invalid);
}

}  // namespace
}  // namespace pliant::lm
