#include "search/training/training.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <utility>

#include "core/error.h"

namespace pliant::search {

SupernetTraining::SupernetTraining(SupernetLearner& learner, StepSampler& sampler,
                                   const data::ImageBatches& batches,
                                   const TrainingOptions& options, const std::string& folder)
    : learner_(learner),
      sampler_(sampler),
      batches_(batches),
      options_(options),
      schedule_(options.schedule, options.rate, options.steps,
                options.steps -
                    std::llround(static_cast<double>(options.steps) * options.schedule.decay)),
      checkpoints_(folder),
      before_(options.clock ? options.clock() : 0) {}

bool SupernetTraining::resume(std::vector<std::string>* broken) {
  std::vector<std::string> unread;
  const std::optional<train::Checkpoint> found = checkpoints_.newest(&unread);
  if (broken != nullptr) *broken = unread;
  if (!found && unread.empty()) return false;
  if (!found)
    throw Error(ErrorKind::format, unread.back(), "and no other checkpoint can be read",
                "remove them to begin anew");
  const std::string place = checkpoints_.path(found->state.step);
  const std::string& saved = found->state.recipe;
  std::optional<std::string> differs;
  if (options_.difference) differs = options_.difference(saved, place);
  else if (saved != options_.recipe) differs = "its text is another";
  if (differs)
    throw Error(ErrorKind::invalid, place, "was written by another recipe: " + *differs,
                "go on with the recipe of its run, or train in another folder");
  learner_.restore(found->tensors);
  sampler_.restore(found->state.data, place);
  state_ = found->state;
  if (options_.clock) before_ = options_.clock();
  return true;
}

void SupernetTraining::check(const TrainedStep& step) const {
  double sum = step.gradient;
  for (const double loss : step.losses) sum += loss;
  if (std::isfinite(sum)) return;
  throw Error(ErrorKind::invalid, fmt::format("step {}", step.step),
              "a loss or the gradient is not finite; checkpoints are as they were",
              "lower the rate or lengthen the warm-up");
}

// On pictures as they are, so that what augmentation did to a batch does not count.
void SupernetTraining::tell_scores(const std::vector<Drawn>& subnets) {
  std::vector<elasticvit::Architecture> explored;
  for (const Drawn& each : subnets)
    if (each.to_score) explored.push_back(each.architecture);
  if (explored.empty()) return sampler_.told({});
  const data::ImageTensors plain = batches_.plain(state_.step);
  sampler_.told(learner_.scores(explored, {plain.images.view(), plain.targets.view()}));
}

// On one batch, as scores of several are no equals.
void SupernetTraining::rescore() {
  const std::vector<elasticvit::Architecture> all = sampler_.remembered();
  if (all.empty()) return;
  const data::ImageTensors plain = batches_.plain(state_.step);
  sampler_.rescored(learner_.scores(all, {plain.images.view(), plain.targets.view()}));
}

TrainedStep SupernetTraining::update() {
  if (options_.rescore_every > 0 && state_.step % options_.rescore_every == 0) rescore();
  TrainedStep result;
  result.step = state_.step + 1;
  result.subnets = sampler_.next();
  const data::ImageTensors batch = batches_.training(state_.step);
  aten::Learner& learner = learner_.learner();
  learner.clear_gradients();
  result.losses = learner_.accumulate(result.subnets, {batch.images.view(), batch.targets.view()});
  result.gradient = learner.gradient_norm();
  result.rate = schedule_.rate(state_.step);
  check(result);
  if (options_.clip > 0) learner.clip_gradients_by_weights(options_.clip);
  learner.update(result.rate);
  if (options_.average > 0) learner.average(options_.average);
  tell_scores(result.subnets);
  ++state_.step;
  state_.tokens += batch.images.type().shape[0];
  if (options_.clock) {
    const double now = options_.clock();
    result.seconds = now - std::exchange(before_, now);
    state_.seconds += result.seconds;
  }
  return result;
}

TrainedStep SupernetTraining::step() {
  TrainedStep result = update();
  if (finished() || (options_.save.every > 0 && state_.step % options_.save.every == 0)) save();
  return result;
}

void SupernetTraining::save() {
  state_.data = sampler_.state();
  state_.recipe = options_.recipe;
  checkpoints_.save(state_, learner_.state(), options_.save.keep, options_.save.milestone);
}

}  // namespace pliant::search
