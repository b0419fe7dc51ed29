// What the two ways of `pliant eval` share: one model, and the checkpoints of a run.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/language/language.h"
#include "eval/score.h"

namespace pliant::cli {

struct EvalOptions {
  LanguageOptions language;
  std::vector<std::string> sets;
  std::string suite, data, report;
  bool all = false;
  eval::ItemOptions items;
  eval::ScoreOptions score;
};

inline constexpr std::int64_t eval_sequences = 2;  // open at one time

nlohmann::ordered_json to_json(const eval::Score& score);

// Of the sets that were asked before the user wanted an end. `what` begins the line of progress.
std::vector<eval::Score> score_sets(lm::Session& session, const Tokenizer& tokenizer,
                                    std::span<const eval::ItemSet> sets, eval::ScoreOptions how,
                                    const std::string& what, const Invocation& context);

// eval --all
int eval_run(const EvalOptions& options, std::span<const eval::ItemSet> sets,
             const Invocation& context);

}  // namespace pliant::cli
