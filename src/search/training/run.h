// A supernet's run: from a recipe to checkpoints, a log and the supernet. The run's folder holds
// recipe.json, log.jsonl, report.html, checkpoints/ and, when it has ended or was stopped,
// supernet.safetensors; a run that was ended in any way goes on from there, bit for bit.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/pool.h"
#include "search/recipe/recipe.h"
#include "search/training/journal.h"

namespace pliant::search {

struct SupernetRunOptions {
  std::string folder;
  ThreadPool* pool = nullptr;               // of judging; libtorch has as many threads
  const std::atomic<bool>* stop = nullptr;  // once true: a checkpoint is saved, and the run ends
  std::function<double()> clock;            // seconds
  // Called after each step; `left`: seconds.
  std::function<void(const LoggedStep& step, double left)> told;
  std::function<void(std::string_view text)> note;  // what a person should read
  std::function<double()> memory;                   // resident bytes; none: 0 is logged
};

struct SupernetOutcome {
  bool finished = false;  // false: ended early, to go on later
  std::int64_t step = 0, images = 0;
  double seconds = 0;  // of training, over all continuations
  std::string chosen;  // which weights were written: the last ones, or their running average
  std::vector<Judgement> judged;  // with these; none where no image is held out
};

// What a run needs and how long it takes, without doing it.
struct SupernetForecast {
  std::int64_t parameters = 0, steps = 0, images = 0;     // images: learned from in all, one by one
  std::int64_t training_images = 0, held_out_images = 0;  // of the set
  std::int64_t learner_bytes = 0, checkpoint_bytes = 0;
  std::int64_t disk_bytes = 0;  // of all checkpoints that are kept, and the supernet
  double step_seconds = 0;      // mean of the steps that were done and thrown away
};

// Throws as SupernetTraining and what the recipe names; Error{io} when a file cannot be written:
// what was there before is still there.
SupernetOutcome run(const SupernetRecipe& recipe, const SupernetRunOptions& options);
SupernetForecast forecast(const SupernetRecipe& recipe, const SupernetRunOptions& options);

}  // namespace pliant::search
