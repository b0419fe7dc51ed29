#include "lm/batch.h"

#include <functional>

#include "allocations.h"
#include "lm/decode/expect_error.h"
#include "lm/decode/grammar/grammar.h"
#include "lm/generate.h"
#include "lm/greedy.h"
#include "lm/talk.h"

namespace pliant::lm {
namespace {

// What one stream is asked for.
struct Request {
  Ids prompt;
  GenerateOptions options;
  std::function<std::unique_ptr<TokenFilter>()> filter = [] { return nullptr; };
  kv::Policy policy = kv::full();
};

struct Made {
  Ids ids;
  std::string text;
  std::optional<Finish> finish;
  std::int64_t length = 0;  // of the sequence
  bool operator==(const Made&) const = default;
};

// Five ways to generate: greedy, sampled, with guesses, by a grammar, up to a stop string in a
// window.
class Requests {
 public:
  Requests() {
    for (std::int64_t i = 0; i < 5; ++i)
      all.push_back({some_ids(3 + 7 * i, 512, i), greedy(20 + 3 * i)});
    all[1].options.sampling = {.temperature = 1.5, .seed = 3};
    all[2].options.sampling = {
        .temperature = 0.9, .top_k = 4, .repetition_penalty = 0.5, .seed = 4};
    all[2].options.proposer = &ngrams_;
    all[2].options.adapt = false;  // by the clock
    all[3].filter = [this] { return std::make_unique<GrammarFilter>(grammar_, trie_); };
    all[3].options.ignore_end = false;
    all[4].options.sampling = {.temperature = 1.2, .seed = 5};
    all[4].options.stop = {"a", "e", "i"};
    all[4].policy = kv::sink_window(2, 10);
  }

  Made alone(Talk& talk, const Request& request) const {
    Ids tokens = request.prompt;
    const SeqId id = talk.session.open(request.policy);
    const auto filter = request.filter();
    const Generated made =
        generate(talk.session, id, &tokenizer_, tokens, request.options, filter.get());
    Made result{made.ids, made.text, made.finish, talk.session.length(id)};
    talk.session.close(id);
    return result;
  }

  // A stream with its prompt fed.
  struct Begun {
    std::unique_ptr<TokenFilter> filter;
    std::unique_ptr<Stream> stream;
  };
  Begun begin(Talk& talk, const Request& request) const {
    Begun result{request.filter(), nullptr};
    const SeqId id = talk.session.open(request.policy);
    result.stream = std::make_unique<Stream>(talk.session, id, &tokenizer_, request.prompt,
                                             request.options, result.filter.get());
    talk.session.feed(id, result.stream->prompt());
    return result;
  }

  static Made made_by(const Stream& stream) {
    return {{stream.ids().begin(), stream.ids().end()},
            stream.text(),
            stream.finish(),
            stream.session().length(stream.sequence())};
  }

  std::vector<Request> all;

 private:
  ListTokenizer tokenizer_ = vocabulary();
  Grammar grammar_{"root ::= (\"yes\" | \"no\" [0-9]{3} \" \"){4}", "g"};
  std::shared_ptr<const TokenTrie> trie_ = std::make_shared<const TokenTrie>(tokenizer_);
  NgramProposer ngrams_;
};

TEST(Batch, StreamsGenerateWhatEachGeneratesAlone) {
  const LanguageModel model = tiny();
  const Requests requests;
  for (const std::int64_t rows : {5, 16, 24}) {  // 5: the streams wait for each other
    Talk talk(model, {.sequences = 5, .decode_rows = rows}, 2);
    std::vector<Made> wanted;
    for (const Request& each : requests.all) wanted.push_back(requests.alone(talk, each));
    std::vector<Requests::Begun> begun;
    for (const Request& each : requests.all) begun.push_back(requests.begin(talk, each));
    Batch batch(talk.session);
    batch.join(*begun[0].stream);
    batch.join(*begun[1].stream);
    batch.step();
    for (std::size_t i = 2; i < 5; ++i) batch.join(*begun[i].stream);
    for (int step = 0; batch.step(); ++step) {
      if (step == 3) batch.leave(*begun[0].stream);
      if (step == 6) batch.join(*begun[0].stream);
    }
    for (std::size_t i = 0; i < 5; ++i)
      EXPECT_EQ(Requests::made_by(*begun[i].stream), wanted[i]) << i << " " << rows;
    EXPECT_GT(begun[2].stream->speculation().accepted, 0);
    EXPECT_EQ(begun[3].stream->finish(), Finish::end_token);
    EXPECT_EQ(begun[4].stream->finish(), Finish::stop_string);
  }
}

// Refuses its third token.
class Faulty : public TokenFilter {
 public:
  void mask(std::span<float>) const override {}
  void accept(TokenId) override {
    if (++count == 3) throw Error(ErrorKind::invalid, "filter", "is at fault");
  }
  bool done() const override { return false; }
  std::unique_ptr<TokenFilter> copy() const override { return std::make_unique<Faulty>(*this); }
  int count = 0;
};

TEST(Batch, AnErrorOrAStopOfOneStreamIsItsOwn) {
  Requests requests;
  for (Request& each : requests.all) each.policy = kv::full();
  requests.all[0].filter = [] { return std::make_unique<Faulty>(); };
  requests.all[4] = {some_ids(30, 512, 9), greedy(50)};  // longer than the context
  Talk talk(tiny(), {.context = 50, .sequences = 6});
  const Made sampled = requests.alone(talk, requests.all[1]),
             guessed = requests.alone(talk, requests.all[2]),
             full = requests.alone(talk, requests.all[4]);
  std::vector<Requests::Begun> begun;
  for (const Request& each : requests.all) begun.push_back(requests.begin(talk, each));
  Batch batch(talk.session);
  for (const auto& each : begun) batch.join(*each.stream);
  for (int i = 0; i < 2; ++i) batch.step();
  begun[3].stream->interrupt();
  talk.session.feed(begun[2].stream->sequence(), Ids{1});  // behind its back
  while (batch.step()) {
  }
  ASSERT_TRUE(begun[0].stream->error());
  EXPECT_EQ(begun[0].stream->error()->problem(), "is at fault");
  EXPECT_EQ(begun[0].stream->ids().size(), 2u);
  EXPECT_EQ(talk.session.length(begun[0].stream->sequence()), 4);
  EXPECT_EQ(Requests::made_by(*begun[1].stream), sampled);
  ASSERT_TRUE(begun[2].stream->error());
  EXPECT_NE(std::string(begun[2].stream->error()->what()).find("all but the last of"),
            std::string::npos);
  EXPECT_TRUE(std::ranges::equal(begun[2].stream->ids(),
                                 std::span(guessed.ids).first(begun[2].stream->ids().size())));
  EXPECT_EQ(begun[3].stream->finish(), Finish::interrupted);
  EXPECT_EQ(Requests::made_by(*begun[4].stream), full);
  EXPECT_EQ(full.finish, Finish::context);
}

TEST(Batch, AStepAllocatesNothing) {
  if (!counts_allocations()) GTEST_SKIP();
  Talk talk(tiny(), {.context = 100, .sequences = 3});
  NgramProposer proposer;
  std::vector<std::unique_ptr<Stream>> streams;
  Batch batch(talk.session);
  for (std::int64_t i = 0; i < 3; ++i) {
    GenerateOptions options = greedy(80);
    options.logprobs = -1;
    options.sampling = {.temperature = 0.9, .top_k = 4, .repetition_penalty = 0.5};
    if (i == 1) options.proposer = &proposer;
    const SeqId id = talk.session.open();
    streams.push_back(
        std::make_unique<Stream>(talk.session, id, nullptr, some_ids(4 + i, 512, i), options));
    talk.session.feed(id, streams.back()->prompt());
    batch.join(*streams.back());
  }
  for (int i = 0; i < 4; ++i) batch.step();  // what is looked up in has its room then
  const std::int64_t before = allocations();
  while (batch.step()) {
  }
  EXPECT_EQ(allocations(), before);
  for (const auto& each : streams) EXPECT_EQ(each->finish(), Finish::tokens);
}

TEST(Batch, WhatCannotJoinIsRefused) {
  Talk talk(tiny(), {.sequences = 2, .decode_rows = 8}), other(tiny());
  NgramProposer proposer;
  GenerateOptions options = greedy(5);
  Stream plain(talk.session, talk.session.open(), nullptr, {1, 2}, options);
  Stream stranger(other.session, other.session.open(), nullptr, {1, 2}, options);
  options.proposer = &proposer;
  Stream guessing(talk.session, talk.session.open(), nullptr, {1, 2}, options);
  Batch batch(talk.session, 4);
  EXPECT_FALSE(batch.step());
  batch.join(plain);
  expect_error(ErrorKind::invalid, "is in the batch", [&] { batch.join(plain); });
  expect_error(ErrorKind::invalid, "of another session", [&] { batch.join(stranger); });
  expect_error(ErrorKind::invalid, "drafts of 5 tokens; a step has room for 4",
               [&] { batch.join(guessing); });
  expect_error(ErrorKind::invalid, "at most the session's 8", [&] { Batch(talk.session, 9); });
  batch.leave(stranger);
  EXPECT_EQ(batch.streams().size(), 1u);
}

}  // namespace
}  // namespace pliant::lm
