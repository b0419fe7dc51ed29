// What the two ways of `pliant eval` share: one model, and the checkpoints of a run.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/language/language.h"
#include "eval/score.h"
#include "machine/machine.h"

namespace pliant::cli {

struct EvalOptions {
  LanguageOptions language;
  std::vector<std::string> sets;
  std::string suite, data, report;
  std::string machine = "native", device = "cpu";
  bool all = false;
  eval::ItemOptions items;
  eval::ScoreOptions score;
};

// A model on the machine that was asked for.
struct Examinee {
  std::unique_ptr<lm::Session> session;  // or
  std::unique_ptr<Machine> machine;
  std::unique_ptr<eval::Predictor> predictor;
};
Examinee examinee(LanguageModel model, const EvalOptions& options, const Invocation& context);

// Of pliant-train; in pliant it throws Error{unsupported}.
std::unique_ptr<Machine> torch_machine(const std::string& device, std::int64_t threads);

nlohmann::ordered_json to_json(const eval::Score& score);

// Of the sets that were asked before the user wanted an end. `what` begins the line of progress.
std::vector<eval::Score> score_sets(eval::Predictor& predictor, const Tokenizer& tokenizer,
                                    std::span<const eval::ItemSet> sets, eval::ScoreOptions how,
                                    const std::string& what, const Invocation& context);

// Sets of questions about pictures ({"id", "images", "question", "answer"}).
bool about_pictures(const EvalOptions& options);
int eval_pictures(const EvalOptions& options, const Invocation& context);

// eval --all
int eval_run(const EvalOptions& options, std::span<const eval::ItemSet> sets,
             const Invocation& context);

}  // namespace pliant::cli
