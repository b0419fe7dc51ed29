#include "train/loop.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/error.h"
#include "core/files.h"
#include "train/trainer.h"

namespace pliant::train {

Outcome run(const Recipe& recipe, const RunOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) throw Error(ErrorKind::io, options.folder, "cannot be made: " + error.message());
  Trainer trainer(recipe, options);
  trainer.resume();
  if (options.workers == nullptr || options.workers->rank() == 0)
    write_file(options.folder + "/recipe.json", to_json(recipe));
  while (!trainer.finished() && !trainer.stopped()) {
    trainer.step();
    trainer.keep_going();
  }
  trainer.save();
  return trainer.outcome();
}

Forecast forecast(const Recipe& recipe, const RunOptions& options) {
  Trainer trainer(recipe, options);
  Forecast result;
  result.parameters = parameter_count(trainer.config());
  result.steps = trainer.steps();
  result.tokens = result.steps * recipe.step_tokens();
  result.learner_bytes = trainer.learner().bytes();
  double fastest = 1e300;
  for (int i = 0; i < 2 && !(options.stop != nullptr && *options.stop); ++i) {
    const double before = trainer.state().seconds;
    trainer.step();
    fastest = std::min(fastest, trainer.state().seconds - before);
  }
  result.step_seconds = fastest;
  trainer.learner().state().for_each([&](const std::string&, const Stored& stored) {
    result.checkpoint_bytes += std::ssize(stored.bytes);
  });
  const std::int64_t model = 4 * result.parameters;
  std::int64_t kept = recipe.save.keep + 1;  // one is written before the oldest goes
  if (recipe.save.milestone > 0) kept += result.steps / recipe.save.milestone;
  result.disk_bytes = kept * result.checkpoint_bytes + model;
  result.flops_per_token = trainer.flops_per_token();
  result.data_tokens = trainer.data().tokens();
  return result;
}

}  // namespace pliant::train
