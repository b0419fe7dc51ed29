#include "lm/generate.h"

#include <atomic>

#include "lm/decode/expect_error.h"
#include "lm/decode/grammar/grammar.h"
#include "lm/greedy.h"
#include "lm/talk.h"

namespace pliant::lm {
namespace {

struct Written {
  Generated result;
  std::string shown;
};

Written write(Talk& talk, Ids prompt, const GenerateOptions& options,
              TokenFilter* filter = nullptr) {
  const ListTokenizer tokenizer = vocabulary();
  Written written;
  const auto show = [&](std::string_view text) {
    written.shown += text;
    return true;
  };
  written.result =
      generate(talk.session, talk.session.open(), &tokenizer, prompt, options, filter, show);
  EXPECT_EQ(written.shown, written.result.text);
  return written;
}

TEST(Generate, GreedyIsWhatTheSessionSaysIsLikeliest) {
  Talk talk(tiny(), {.sequences = 4});
  const Ids prompt = some_ids(9, 512);
  const Ids wanted = talk.greedy(talk.session.open(), prompt, 20);
  const Generated got = write(talk, prompt, greedy(20)).result;
  EXPECT_EQ(got.ids, Ids(wanted.begin() + 9, wanted.end()));
  EXPECT_EQ(got.finish, Finish::tokens);
  EXPECT_EQ(got.prompt_tokens, 9);
  EXPECT_TRUE(got.logprobs[0].top.empty());
}

TEST(Generate, ContinuesWhatTheCacheHolds) {
  Talk talk(tiny(), {.sequences = 2});
  const Ids wanted = talk.greedy(talk.session.open(), some_ids(9, 512), 12);
  Ids tokens = some_ids(9, 512);
  const SeqId sequence = talk.session.open();
  generate(talk.session, sequence, nullptr, tokens, greedy(5));
  const Generated rest = generate(talk.session, sequence, nullptr, tokens, greedy(7));
  EXPECT_EQ(tokens, wanted);
  EXPECT_EQ(rest.prompt_tokens, 1);
  EXPECT_EQ(rest.text, "");
  Ids nothing = tokens;
  talk.session.feed(sequence, std::span(tokens).last(1));
  expect_error(ErrorKind::invalid, "no token to feed",
               [&] { generate(talk.session, sequence, nullptr, nothing, greedy(1)); });
}

TEST(Generate, TheSameSeedGivesTheSameTextAndAnotherAnother) {
  GenerateOptions options = greedy(24);
  options.sampling.temperature = 1.5;
  options.sampling.seed = 3;
  Talk talk(tiny(), {.sequences = 3});
  const Generated first = write(talk, {1, 2}, options).result;
  EXPECT_EQ(write(talk, {1, 2}, options).result.ids, first.ids);
  options.sampling.seed = 4;
  EXPECT_NE(write(talk, {1, 2}, options).result.ids, first.ids);
}

TEST(Generate, EndsAtTheEndTokenUnlessToldNotTo) {
  GenerateOptions options = greedy(10);
  options.sampling.bias = {{0, 1e6f}};  // id 0 is the end token
  Talk talk(tiny(), {.sequences = 2});
  EXPECT_EQ(write(talk, {1, 2}, options).result.ids, Ids(10, 0));
  options.ignore_end = false;
  const Generated ended = write(talk, {1, 2}, options).result;
  EXPECT_EQ(ended.ids, Ids{0});
  EXPECT_EQ(ended.finish, Finish::end_token);
  EXPECT_EQ(ended.text, "");
}

TEST(Generate, StopStringsEndTheTextBeforeThem) {
  GenerateOptions options = greedy(10);
  options.sampling.bias = {{1 + 'x', 1e6f}};
  options.stop = {"xxx"};
  Talk talk(tiny());
  const Generated stopped = write(talk, {1, 2}, options).result;
  EXPECT_EQ(stopped.finish, Finish::stop_string);
  EXPECT_EQ(stopped.text, "");
  EXPECT_EQ(stopped.ids.size(), 3u);
}

TEST(Generate, CanGoOnFromWhereItWasInterrupted) {
  Talk talk(tiny(), {.sequences = 2});
  const Ids wanted = talk.greedy(talk.session.open(), some_ids(9, 512), 20);
  const ListTokenizer tokenizer = vocabulary();
  const SeqId id = talk.session.open();
  Ids tokens = some_ids(9, 512);
  std::atomic<bool> stop{false};
  std::string shown;
  const auto show = [&](std::string_view text) {
    shown += text;
    stop = shown.size() > 4;
    return true;
  };
  const Generated some =
      generate(talk.session, id, &tokenizer, tokens, greedy(20), nullptr, show, &stop);
  EXPECT_EQ(some.finish, Finish::interrupted);
  EXPECT_EQ(some.text, shown);
  EXPECT_GT(some.ids.size(), 1u);
  EXPECT_LT(some.ids.size(), 20u);
  EXPECT_EQ(tokens, Ids(wanted.begin(), wanted.begin() + std::ssize(tokens)));
  EXPECT_EQ(talk.session.length(id), std::ssize(tokens) - 1);
  generate(talk.session, id, &tokenizer, tokens, greedy(20 - std::ssize(some.ids)));
  EXPECT_EQ(tokens, wanted);
}

TEST(Generate, AnInterruptedPromptIsFedNoFurther) {
  Talk talk(tiny(), {.context = 256, .sequences = 2});
  const Ids prompt = some_ids(200, 512), wanted = talk.greedy(talk.session.open(), prompt, 5);
  const SeqId id = talk.session.open();
  Ids tokens = prompt;
  const std::atomic<bool> stop{true};
  const Generated none = generate(talk.session, id, nullptr, tokens, greedy(5), nullptr, {}, &stop);
  EXPECT_EQ(none.finish, Finish::interrupted);
  EXPECT_EQ(none.prompt_tokens, 0);
  EXPECT_TRUE(none.ids.empty());
  EXPECT_EQ(talk.session.length(id), 0);
  EXPECT_EQ(tokens, prompt);
  generate(talk.session, id, nullptr, tokens, greedy(5));
  EXPECT_EQ(tokens, wanted);
}

TEST(Generate, EndsWhereTheContextEnds) {
  Talk talk(tiny(), {.context = 12, .sequences = 2});
  const Generated full = write(talk, {1, 2, 3}, greedy(50)).result;
  EXPECT_EQ(full.finish, Finish::context);
  EXPECT_GE(full.ids.size(), 10u);
  expect_error(ErrorKind::capacity, "", [&] { write(talk, some_ids(400, 512), greedy(1)); });
}

TEST(Generate, ANegativeNumberOfTokensIsRefused) {
  Talk talk(tiny(), {.sequences = 1});
  expect_error(ErrorKind::invalid, "-2 tokens asked for", [&] {
    write(talk, {1, 2, 3}, greedy(-2));
  });
}

TEST(Generate, FollowsAGrammarToItsEnd) {
  const ListTokenizer tokenizer = vocabulary();
  const Grammar grammar("root ::= \"yes\" | \"no\" [0-9]{3}", "g");
  GrammarFilter filter(grammar, std::make_shared<const TokenTrie>(tokenizer));
  GenerateOptions options = greedy(50);
  options.ignore_end = false;
  Talk talk(tiny());
  const Generated got = write(talk, {1, 2}, options, &filter).result;
  EXPECT_TRUE(grammar.matches(got.text)) << got.text;
  EXPECT_EQ(got.finish, Finish::end_token);
}

TEST(Generate, LeavesOutIdsThatTheTokenizerLacks) {
  const ListTokenizer tokenizer({"a", "b", "c"});
  Talk talk(tiny());
  Ids tokens{1, 2};
  const Generated got = generate(talk.session, talk.session.open(), &tokenizer, tokens, greedy(20));
  for (const TokenId id : got.ids) EXPECT_LT(id, 4);
}

TEST(Generate, ReportsLogprobsBeforeAnyOption) {
  GenerateOptions options = greedy(4);
  options.logprobs = 3;
  options.sampling.top_k = 1;
  Talk talk(tiny());
  const Generated got = write(talk, {1, 2}, options).result;
  ASSERT_EQ(got.logprobs.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_EQ(got.logprobs[i].top.size(), 3u);
    EXPECT_EQ(got.logprobs[i].top[0].id, got.ids[i]);
    EXPECT_EQ(got.logprobs[i].top[0].logprob, got.logprobs[i].chosen);
    EXPECT_LT(got.logprobs[i].chosen, 0);
    EXPECT_GE(got.logprobs[i].top[0].logprob, got.logprobs[i].top[1].logprob);
  }
}

TEST(Generate, GuessingAheadChangesNothingButTheRuns) {
  GenerateOptions options = greedy(40);
  options.logprobs = 0;
  options.sampling.repetition_penalty = 0.5;  // makes the text repeat itself
  Talk talk(tiny(), {.context = 48, .sequences = 3});
  const Generated wanted = write(talk, {1, 2}, options).result;
  NgramProposer proposer;
  options.proposer = &proposer;
  options.adapt = false;  // a slow computer would not guess
  const Generated got = write(talk, {1, 2}, options).result;
  EXPECT_EQ(got.ids, wanted.ids);
  EXPECT_EQ(got.text, wanted.text);
  EXPECT_GT(got.speculation.accepted, 0);
  for (std::size_t i = 0; i < got.logprobs.size(); ++i)
    EXPECT_EQ(got.logprobs[i].chosen, wanted.logprobs[i].chosen);
  options.tokens = 100;  // to the end of the context, where there is no room for guesses
  const Generated full = write(talk, {1, 2}, options).result;
  EXPECT_EQ(full.finish, Finish::context);
  EXPECT_EQ(Ids(full.ids.begin(), full.ids.begin() + 40), wanted.ids);
}

TEST(Generate, TheCacheEndsWhereTheTextDoes) {
  GenerateOptions options = greedy(7);
  options.sampling.repetition_penalty = 0.5;
  NgramProposer proposer;
  options.proposer = &proposer;
  Talk talk(tiny());
  Ids tokens{1, 2};
  const SeqId sequence = talk.session.open();
  for (int i = 0; i < 4; ++i) {
    generate(talk.session, sequence, nullptr, tokens, options);
    EXPECT_EQ(talk.session.length(sequence), std::ssize(tokens) - 1);
  }
  EXPECT_EQ(tokens.size(), 30u);
}

}  // namespace
}  // namespace pliant::lm
