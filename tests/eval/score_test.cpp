#include "eval/score.h"

#include <cmath>

#include "errors.h"
#include "eval/likelihood.h"
#include "eval/perplexity.h"
#include "lm/greedy.h"
#include "lm/talk.h"
#include "machine/native/native.h"

namespace pliant::eval {
namespace {

using lm::Ids, lm::Logits, lm::Talk, lm::tiny;

struct Exam {
  explicit Exam(const lm::SessionOptions& options = {.sequences = 2}) : talk(tiny(), options) {}

  // From the logits of the whole text at once.
  double wanted(const Ids& ids, std::size_t from) {
    const lm::SeqId sequence = talk.session.open();
    const std::vector<Logits> logits = talk.feed(sequence, ids);
    talk.session.close(sequence);
    double log = 0;
    for (std::size_t i = from; i < ids.size(); ++i)
      log -= negative_log_likelihood(logits[i - 1], ids[i]);
    return log;
  }
  Ids ids(const std::string& text) const { return tokenizer.encode(text, {}); }

  Talk talk;
  SessionPredictor predictor{talk.session};
  lm::ListTokenizer tokenizer = lm::vocabulary();
};

TEST(Judge, SumsTheContinuationsTokens) {
  Exam exam;
  Judge judge(exam.predictor, exam.tokenizer);
  const std::string context = "some text before";
  const auto from = exam.ids(context).size();
  for (const std::string continuation :
       {" it", " it goes on for a while, and then it ends", " ix"}) {
    const Likelihood got = judge({context, continuation});
    const Ids whole = exam.ids(context + continuation);
    EXPECT_EQ(got.tokens, std::ssize(whole) - std::ssize(exam.ids(context))) << continuation;
    EXPECT_NEAR(got.log, exam.wanted(whole, from), 2e-4) << continuation;
  }
}

TEST(Judge, WhatWasAskedBeforeChangesNothing) {
  Exam exam, other;
  Judge once(exam.predictor, exam.tokenizer);
  const Trial trial{"ab cd ef", " gh"};
  const double first = once(trial).log;
  once({"ab cd ef", " g and more of it"});
  once({"ab cx", " y"});
  once({"", "z"});
  EXPECT_NEAR(once(trial).log, first, 1e-4);
  EXPECT_NEAR(once(trial).log, first, 1e-4);
}

TEST(Judge, BlanksAtTheEndBelongToTheContinuation) {
  Exam exam;
  Judge judge(exam.predictor, exam.tokenizer);
  const Likelihood got = judge({"ab \n", "cd"});
  EXPECT_EQ(got.tokens, 3);  // " ", "\n", "cd"
  EXPECT_NEAR(got.log, exam.wanted(exam.ids("ab \ncd"), exam.ids("ab").size()), 1e-4);
}

TEST(Judge, AnEmptyContextIsTheEndToken) {
  Exam exam;
  Judge judge(exam.predictor, exam.tokenizer);
  Ids whole = exam.ids("abc");
  whole.insert(whole.begin(), 0);
  EXPECT_NEAR(judge({"", "abc"}).log, exam.wanted(whole, 1), 1e-4);
}

TEST(Judge, OfALongContextTheEndIsKept) {
  Exam exam({.context = 12, .sequences = 2}), wide;
  Judge judge(exam.predictor, exam.tokenizer);
  const Ids whole = exam.ids("0123456789012345678901");
  const Ids seen(whole.end() - 13, whole.end());
  EXPECT_NEAR(judge({"01234567890123456789", "01"}).log, wide.wanted(seen, 11), 2e-4);
  EXPECT_NE(error_of([&] {
              judge({"a", "0123456789012"});
            }).find("has 13 tokens"),
            std::string::npos);
  EXPECT_EQ(judge({"a", "012345678901"}).tokens, 12);
}

TEST(Judge, RemembersWhatItsPolicySays) {
  Exam exam;
  const Trial trial{"0123456789012345678901234567890123456789", "0123"};
  const double whole = Judge(exam.predictor, exam.tokenizer)(trial).log;
  SessionPredictor forgetful(exam.talk.session, kv::sink_window(1, 4));
  Judge narrow(forgetful, exam.tokenizer);
  const double first = narrow(trial).log;
  EXPECT_GT(std::abs(first - whole), 1e-3);
  narrow({"other", "01"});
  EXPECT_NEAR(narrow(trial).log, first, 1e-4);
}

TEST(Score, TakesTheLikeliestChoiceAndTheLikeliestPerCharacter) {
  Exam exam;
  Judge judge(exam.predictor, exam.tokenizer);
  ItemSet set{"s", {}};
  for (int i = 0; i < 6; ++i) {
    const std::string context = "question " + std::to_string(i);
    set.items.push_back({ItemKind::choice,
                         {{context, " a"}, {context, " longer one"}, {context, " bc"}},
                         {1, 10, 2},
                         i % 3});
  }
  double right = 0, right_norm = 0;
  for (const Item& item : set.items) {
    std::vector<double> logs, norm;
    for (std::size_t c = 0; c < 3; ++c) {
      logs.push_back(judge(item.trials[c]).log);
      norm.push_back(logs[c] / static_cast<double>(item.lengths[c]));
    }
    right += std::ranges::max_element(logs) - logs.begin() == item.label;
    right_norm += std::ranges::max_element(norm) - norm.begin() == item.label;
  }
  std::int64_t last = 0;
  Exam fresh;
  const Score got = score(fresh.predictor, fresh.tokenizer, set, {},
                          [&](std::int64_t done) { EXPECT_EQ(done, ++last); });
  EXPECT_EQ(last, 6);
  EXPECT_EQ(got.n, 6);
  EXPECT_NEAR(got.acc->mean, right / 6, 1e-12);
  EXPECT_NEAR(got.acc_norm->mean, right_norm / 6, 1e-12);
  EXPECT_NEAR(got.acc->error, std::sqrt(got.acc->mean * (1 - got.acc->mean) / 5), 1e-12);
  EXPECT_NEAR(got.chance, 1.0 / 3, 1e-12);
  EXPECT_NEAR(got.centred(), (got.acc_norm->mean - got.chance) / (1 - got.chance), 1e-12);
  EXPECT_FALSE(got.perplexity || got.rouge_l);
}

TEST(Score, ALastWordIsRightWhereItIsTheLikeliest) {
  Exam exam;
  const std::string context = "a b!";
  const lm::SeqId sequence = exam.talk.session.open();
  const Logits logits = exam.talk.feed(sequence, exam.ids(context)).back();
  exam.talk.session.close(sequence);
  const auto likeliest = static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin());
  const ItemSet set{"w",
                    {{ItemKind::last_word, {{context, exam.tokenizer.bytes(likeliest)}}, {}, 0},
                     {ItemKind::last_word, {{context, " q q"}}, {}, 0}}};
  const Score got = score(exam.predictor, exam.tokenizer, set);
  EXPECT_NEAR(got.acc->mean, 0.5, 1e-12);
  Judge judge(exam.predictor, exam.tokenizer);
  const double log = judge(set.items[0].trials[0]).log + judge(set.items[1].trials[0]).log;
  EXPECT_NEAR(*got.perplexity, std::exp(-log / 2), 1e-2 * *got.perplexity);
  EXPECT_EQ(got.chance, 0);
}

TEST(Score, AnswersAreComparedWithTheirReference) {
  Exam exam;
  const ItemSet set{"a", {{ItemKind::answer, {{"say", "nothing of it"}}, {}, 0}}};
  const Score got = score(exam.predictor, exam.tokenizer, set, {.answer_tokens = 4});
  EXPECT_TRUE(got.rouge_l);
  EXPECT_FALSE(got.acc || got.acc_norm);
  EXPECT_EQ(exam.talk.session.sequences().size(), 1u);  // the predictor's own
}

TEST(Score, IsTheSameOnAMachineWithoutACache) {
  Exam exam({.context = 60, .sequences = 2});
  native::Machine machine(exam.talk.pool);
  MachinePredictor whole(tiny(), machine, exam.talk.pool, 60);
  EXPECT_EQ(whole.context(), exam.predictor.context());
  const Trial trial{"a text of some length", " that goes on for more rows than are held at once"};
  EXPECT_NEAR(Judge(whole, exam.tokenizer)(trial).log,
              Judge(exam.predictor, exam.tokenizer)(trial).log, 1e-3);
  const ItemSet choices{"c",
                        {{ItemKind::choice, {{"ab", " c"}, {"ab", " defg"}}, {1, 4}, 0},
                         {ItemKind::choice, {{"xy", " z"}, {"xy", " wvu"}}, {1, 3}, 1}}},
      words{"w", {{ItemKind::last_word, {{"a b!", " q"}}, {}, 0}}},
      answers{"a", {{ItemKind::answer, {{"say", "nothing of it"}}, {}, 0}}};
  for (const ItemSet* set : {&choices, &words, &answers}) {
    const Score wanted = score(exam.predictor, exam.tokenizer, *set, {.answer_tokens = 9}),
                got = score(whole, exam.tokenizer, *set, {.answer_tokens = 9});
    EXPECT_EQ(got.n, wanted.n);
    EXPECT_NEAR(got.centred(), wanted.centred(), 1e-12) << set->name;
    const double perplexity = wanted.perplexity.value_or(1);
    EXPECT_NEAR(got.perplexity.value_or(1), perplexity, 1e-5 * perplexity);
  }
  const std::vector<TokenId> prompt = exam.ids("once");
  EXPECT_EQ(whole.write(exam.tokenizer, prompt, 12, nullptr),
            exam.predictor.write(exam.tokenizer, prompt, 12, nullptr));
  EXPECT_NE(error_of([&] {
              whole.predict(std::vector<TokenId>(61, 1), 0, {});
            }).find("61 tokens, and the context 60"),
            std::string::npos);
}

TEST(Score, EndsWhenStoppedAndNamesTheItemOfAnError) {
  Exam exam({.context = 8, .sequences = 2});
  std::atomic<bool> stop{true};
  ItemSet set{"s", {{ItemKind::last_word, {{"a", " b"}}, {}, 0}}};
  const Score none = score(exam.predictor, exam.tokenizer, set, {.stop = &stop});
  EXPECT_EQ(none.n, 0);
  EXPECT_FALSE(none.acc);
  set.items.push_back({ItemKind::last_word, {{"a", "0123456789"}}, {}, 0});
  EXPECT_NE(
      error_of([&] { score(exam.predictor, exam.tokenizer, set); }).find("s: item 2: continuation"),
      std::string::npos);
}

TEST(Score, TheAggregateIsTheMeanOfCentredOnes) {
  Score half{"a", 4, 0.25, Share{0.625, 0}, {}, {}, {}},
      all{"b", 4, 0.5, Share{0, 0}, Share{1, 0}, {}, {}};
  EXPECT_NEAR(half.centred(), 0.5, 1e-12);
  EXPECT_NEAR(all.centred(), 1, 1e-12);
  const Score both[] = {half, all};
  EXPECT_NEAR(aggregate(both), 0.75, 1e-12);
  EXPECT_EQ(aggregate({}), 0);
}

}  // namespace
}  // namespace pliant::eval
