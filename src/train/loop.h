// A training run: from a recipe to checkpoints, a log and a model. The run's folder holds
// recipe.json, log.jsonl, report.html and checkpoints/; a run that was ended goes on from there,
// bit for bit as it would have.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "machine/torch/workers/workers.h"
#include "models/language/language.h"
#include "train/recipe/recipe.h"
#include "train/run/journal.h"

namespace pliant::train {

struct RunOptions {
  std::string folder;
  int threads = 0;  // 0: all processors
  // The processes that train together; null: this one alone. All run() with the same recipe and
  // see the same folder, which the one of rank 0 writes.
  aten::Workers* workers = nullptr;
  const std::atomic<bool>* stop = nullptr;  // once true: a checkpoint is saved, and the run ends
  // Called after each step; `left`: seconds, none as long as nobody can know.
  std::function<void(const StepRecord& record, std::optional<double> left)> told;
  std::function<void(std::string_view text)> note;          // what a person should read
  std::function<std::string(const LanguageModel&)> sample;  // a text by the model as it is
  std::function<double()> memory;                           // resident bytes
  // Measures the rate of matrix products before the first step: the log then has shares of it.
  bool measure_peak = false;
};

struct Outcome {
  bool finished = false;  // false: ended early, to go on later
  std::int64_t step = 0, tokens = 0;
  double seconds = 0;  // of training, over all continuations
  double nll = 0;      // nats per token, of the last step
  // nats per token and bits per byte over all held-out documents, of the model that is given back
  std::optional<ValidationRecord> validation;
  std::string chosen;   // which weights these are: "mean of 5 checkpoints"
  LanguageModel model;  // f32
};

// What a run needs and how long it takes, without doing it.
struct Forecast {
  std::int64_t parameters = 0, steps = 0, tokens = 0;  // steps, tokens: 0 if time decides
  std::int64_t learner_bytes = 0;                      // parameters, gradients, moments
  std::int64_t checkpoint_bytes = 0;                   // of one
  std::int64_t disk_bytes = 0;                         // of all that are kept, and the model
  double step_seconds = 0;       // the faster of two steps, done and thrown away
  double flops_per_token = 0;    // forward and backward
  std::int64_t data_tokens = 0;  // of one pass over the data
};

// Throws Error{invalid} for a loss or gradient that is not finite, naming step and batch (the last
// checkpoint is left as it is), for checkpoints of another recipe or data, for data without
// targets; Error{io} when a file cannot be written: what was there before is still there.
Outcome run(const Recipe& recipe, const RunOptions& options);
Forecast forecast(const Recipe& recipe, const RunOptions& options);

}  // namespace pliant::train
