// Prompts that run layer by layer, whose layers are cut before the next is filled.
#include "lm/talk.h"
#include "machine/native/kv/pages.h"
#include "machine/native/kv/policies/compression.h"

namespace pliant::lm {
namespace {

const std::vector<std::string> models{"openelm/tiny_a", "openelm/tiny_b", "language/llama",
                                      "language/gemma2", "language/gpt2"};

LanguageModel model_of(const std::string& name) { return load_language_model("golden/" + name); }

// bytes of a cache with so many pages of each chain
std::int64_t bytes_of(const LanguageModel& model, std::int64_t pages) {
  Talk talk(model, {.context = kv::page_entries});
  talk.session.feed(talk.session.open(), some_ids(1, model.config.vocabulary));
  return pages * talk.session.memory().cache_used;
}

TEST(ByLayer, GivesWhatRunsThroughAllLayersGive) {
  for (const std::string& name : models) {
    const LanguageModel model = model_of(name);
    Talk chunked(model, {.context = 64, .sequences = 2, .prompt_rows = 20}),
        layered(model, {.context = 64, .sequences = 2, .prompt_rows = 20, .by_layer = true}, 3);
    const Ids ids = some_ids(26, model.config.vocabulary),
              more = some_ids(8, model.config.vocabulary, 1);
    for (const kv::Policy& policy : {kv::elastic(0.3), kv::heavy_hitters(0.5), kv::full()}) {
      const SeqId a = chunked.session.open(policy), b = layered.session.open(policy);
      EXPECT_TRUE(same_bits(layered.feed(b, ids), chunked.feed(a, ids))) << name;
      EXPECT_TRUE(same_bits(layered.steps(b, more), chunked.steps(a, more))) << name;
      EXPECT_TRUE(same_bits(layered.feed(b, ids), chunked.feed(a, ids))) << name;  // a second one
      EXPECT_EQ(layered.session.kept(b), chunked.session.kept(a));
      EXPECT_TRUE(std::ranges::equal(layered.session.tokens(b), chunked.session.tokens(a)));
      chunked.session.close(a);
      layered.session.close(b);
    }
  }
}

TEST(ByLayer, TheHighestIsOneLayerBesideTheCutOnes) {
  const LanguageModel model = tiny();
  const Ids ids = some_ids(1024, model.config.vocabulary);
  std::int64_t highest[2];
  for (const bool by_layer : {false, true}) {
    Talk talk(model, {.context = 1024, .prompt_rows = 64, .by_layer = by_layer});
    const SeqId id = talk.session.open(kv::elastic(0.125));
    talk.session.feed(id, ids);
    highest[by_layer ? 1 : 0] = talk.session.memory().cache_touched;
    EXPECT_EQ(talk.session.kept(id), 128);
  }
  const SessionMemory memory = Talk(model).session.memory();
  const double wide = static_cast<double>(memory.widest_layer) / static_cast<double>(memory.chains);
  EXPECT_LE(static_cast<double>(highest[1]),
            static_cast<double>(highest[0]) * (wide + (1 - wide) / 8));
}

TEST(ByLayer, APolicyFillsTheBytesThatItIsGiven) {
  const LanguageModel model = tiny();
  Talk talk(
      model,
      {.context = 1024, .prompt_rows = 64, .cache_bytes = bytes_of(model, 12), .by_layer = true});
  const SessionMemory memory = talk.session.memory();
  EXPECT_EQ(memory.cache_entries, 12 * kv::page_entries);
  const kv::Room room{memory.cache_entries, memory.chains, memory.widest_layer};
  const Ids ids = some_ids(600, model.config.vocabulary);
  EXPECT_EQ(thrown_by([&] { talk.session.feed(talk.session.open(), ids); }).kind(),
            ErrorKind::capacity);
  talk.session.close(talk.session.sequences()[0]);
  const SeqId id = talk.session.open(kv::elastic(1, room));
  talk.session.feed(id, ids);
  EXPECT_LT(talk.session.kept(id), 10 * kv::page_entries + 1);
  EXPECT_GT(talk.session.kept(id), 150);
  for (const TokenId each : some_ids(100, model.config.vocabulary, 2)) talk.step({{id, {each}}});
  talk.session.feed(id, some_ids(40, model.config.vocabulary, 3));
  EXPECT_LE(talk.session.memory().cache_touched, bytes_of(model, 12));
}

TEST(ByLayer, WhatNeverFitsIsRefusedBeforeItRuns) {
  const LanguageModel model = tiny();
  Talk talk(
      model,
      {.context = 1024, .prompt_rows = 64, .cache_bytes = bytes_of(model, 4), .by_layer = true});
  const SessionMemory memory = talk.session.memory();
  const SeqId id =
      talk.session.open(kv::elastic(1, {memory.cache_entries, memory.chains, memory.widest_layer}));
  const Ids ids = some_ids(1000, model.config.vocabulary);
  const Error error = thrown_by([&] { talk.session.feed(id, ids); });
  EXPECT_EQ(error.kind(), ErrorKind::capacity);
  EXPECT_NE(error.problem().find("1000 more tokens take"), std::string::npos) << error.problem();
  EXPECT_EQ(talk.session.length(id), 0);
  EXPECT_EQ(talk.session.memory().cache_used, 0);
  EXPECT_EQ(thrown_by([&] {
              kv::elastic(1, {70, memory.chains, memory.widest_layer});
            }).kind(),
            ErrorKind::invalid);
}

TEST(ByLayer, StopsBeforeAnythingIsAppended) {
  const LanguageModel model = tiny();
  Talk talk(model, {.by_layer = true});
  const std::atomic<bool> stop = true;
  const SeqId id = talk.session.open(kv::elastic(0.5));
  EXPECT_EQ(talk.session.feed(id, some_ids(40, model.config.vocabulary), nullptr, &stop), 0);
  EXPECT_EQ(talk.session.length(id), 0);
  EXPECT_EQ(talk.session.memory().cache_used, 0);
}

}  // namespace
}  // namespace pliant::lm
