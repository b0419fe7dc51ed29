// The loop that trains a supernet: sampler, batches, schedule, checkpoints. A run that was ended in
// any way goes on from its newest whole checkpoint, bit by bit as it would have.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/images/batches.h"
#include "search/samplers/step_sampler.h"
#include "search/supernet/supernet_learner.h"
#include "train/recipe/recipe.h"
#include "train/recipe/schedule.h"
#include "train/run/checkpoint.h"

namespace pliant::search {

struct TrainingOptions {
  std::int64_t steps = 0;
  double rate = 5e-4;  // the highest
  train::ScheduleRecipe schedule;
  double clip = 0.1;   // Learner::clip_gradients_by_weights; 0: none
  double average = 0;  // decay of a running average of the weights; 0: none
  train::SaveRecipe save;
  std::int64_t rescore_every = 0;  // steps; 0: never
  // Text for everything that decides what is computed. Checkpoints are refused for which there is a
  // difference(), which says what it is; without that, those of another text.
  std::string recipe;
  std::function<std::optional<std::string>(const std::string& saved, const std::string& place)>
      difference;
  std::function<double()> clock;  // seconds; none: no time is kept
};

struct TrainedStep {
  std::int64_t step = 0;       // done, after this one
  std::vector<Drawn> subnets;  // and their losses
  std::vector<double> losses;
  double rate = 0, gradient = 0;  // gradient: its norm before clipping
  double seconds = 0;             // since the one before
};

class SupernetTraining {
 public:
  // All must outlive this. Checkpoints lie in `folder`, which is made with the first one.
  SupernetTraining(SupernetLearner& learner, StepSampler& sampler,
                   const data::ImageBatches& batches, const TrainingOptions& options,
                   const std::string& folder);

  // Goes on from the newest checkpoint, if there is one; broken ones are told to `broken`. Throws
  // Error{invalid} for that of another recipe, Error{format} when all are broken.
  bool resume(std::vector<std::string>* broken = nullptr);
  bool finished() const { return state_.step >= options_.steps; }
  // One update. Throws Error{invalid} for a loss or gradient that is not finite, before the
  // parameters take anything from it.
  TrainedStep update();
  TrainedStep step();  // the same, and a checkpoint if it is due
  void save();
  const train::RunState& state() const { return state_; }

 private:
  void rescore();
  void tell_scores(const std::vector<Drawn>& subnets);
  void check(const TrainedStep& step) const;

  SupernetLearner& learner_;
  StepSampler& sampler_;
  const data::ImageBatches& batches_;
  TrainingOptions options_;
  train::Schedule schedule_;
  train::Checkpoints checkpoints_;
  train::RunState state_;
  double before_ = 0;  // by the clock, when state_.seconds was last added to
};

}  // namespace pliant::search
