#include "eval/score.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "eval/likelihood.h"
#include "eval/rouge.h"

namespace pliant::eval {
Share share_of(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double each : values) sum += each;
  const double mean = values.empty() ? 0 : sum / n;
  for (const double each : values) squares += (each - mean) * (each - mean);
  return {mean, values.size() < 2 ? 0 : std::sqrt(squares / (n - 1) / n)};
}

namespace {

std::int64_t likeliest(const std::vector<double>& values) {
  return std::ranges::max_element(values) - values.begin();
}

// Asks items of one set, and keeps what came of them.
class Exam {
 public:
  Exam(Predictor& predictor, const Tokenizer& tokenizer, const ScoreOptions& options)
      : predictor_(predictor),
        tokenizer_(tokenizer),
        options_(options),
        judge_(predictor, tokenizer) {}

  void ask(const Item& item) {
    if (item.kind == ItemKind::answer) answer(item);
    else if (item.kind == ItemKind::last_word) last_word(item);
    else choose(item);
  }

  Score score(const ItemSet& set) const {
    Score result{set.name, asked_, 0, {}, {}, {}, {}};
    if (asked_ == 0) return result;
    result.chance = chance_ / static_cast<double>(asked_);
    if (!right_.empty()) result.acc = share_of(right_);
    if (!right_norm_.empty()) result.acc_norm = share_of(right_norm_);
    if (!rouge_.empty()) result.rouge_l = share_of(rouge_);
    if (set.items[0].kind == ItemKind::last_word)
      result.perplexity = std::exp(-log_ / static_cast<double>(asked_));
    return result;
  }

 private:
  void choose(const Item& item) {
    std::vector<double> logs, per_character;
    for (const Trial& trial : item.trials) {
      logs.push_back(judge_(trial).log);
      if (!item.lengths.empty())
        per_character.push_back(logs.back() /
                                static_cast<double>(item.lengths[per_character.size()]));
    }
    right_.push_back(likeliest(logs) == item.label ? 1 : 0);
    if (!per_character.empty())
      right_norm_.push_back(likeliest(per_character) == item.label ? 1 : 0);
    chance_ += 1.0 / static_cast<double>(item.trials.size());
    ++asked_;
  }

  void last_word(const Item& item) {
    const Likelihood found = judge_(item.trials[0]);
    right_.push_back(found.greedy ? 1 : 0);
    log_ += found.log;
    ++asked_;
  }

  void answer(const Item& item) {
    const std::vector<TokenId> prompt =
        tokenizer_.encode(item.trials[0].context, {.parse_special = false});
    const std::string text =
        predictor_.write(tokenizer_, prompt, options_.answer_tokens, options_.stop);
    rouge_.push_back(rouge_l(text, item.trials[0].continuation).f);
    ++asked_;
  }

  Predictor& predictor_;
  const Tokenizer& tokenizer_;
  const ScoreOptions& options_;
  Judge judge_;
  std::int64_t asked_ = 0;
  std::vector<double> right_, right_norm_, rouge_;  // one for each item
  double chance_ = 0, log_ = 0;                     // sums
};

}  // namespace

double Score::centred() const {
  const double value = acc_norm ? acc_norm->mean : acc ? acc->mean : rouge_l ? rouge_l->mean : 0;
  return (value - chance) / (1 - chance);
}

Score score(Predictor& predictor, const Tokenizer& tokenizer, const ItemSet& set,
            const ScoreOptions& options, const std::function<void(std::int64_t)>& progress) {
  Exam exam(predictor, tokenizer, options);
  for (std::size_t i = 0; i < set.items.size(); ++i) {
    if (options.stop != nullptr && *options.stop) break;
    try {
      exam.ask(set.items[i]);
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("{}: item {}: {}", set.name, i + 1, error.place()),
                  error.problem(), error.next_step());
    }
    if (progress) progress(static_cast<std::int64_t>(i) + 1);
  }
  return exam.score(set);
}

double aggregate(std::span<const Score> scores) {
  double sum = 0;
  for (const Score& each : scores) sum += each.centred();
  return scores.empty() ? 0 : sum / static_cast<double>(scores.size());
}

}  // namespace pliant::eval
