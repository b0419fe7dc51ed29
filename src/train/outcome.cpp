// Which of the weights that a run leaves is its model.
#include <fmt/format.h>

#include <algorithm>

#include "train/trainer.h"

namespace pliant::train {
namespace {

constexpr std::int64_t most_windows = 1024;  // of held-out text, to compare weights by

struct Candidate {
  std::string name;
  std::shared_ptr<const WeightStore> weights;
};

// The weights of a model, from `changed` where they stand there.
std::shared_ptr<const WeightStore> renewed(const WeightStore& model, const WeightStore& changed) {
  auto result = std::make_shared<WeightStore>();
  model.for_each([&](const std::string& name, const Stored&) {
    const WeightStore& from = changed.find(name) == nullptr ? model : changed;
    result->add(name, from.at(name), from.owner(name));
  });
  return result;
}

}  // namespace

std::shared_ptr<const WeightStore> Trainer::weights(bool averaged) const {
  return renewed(*model_.weights, learner_->weights(averaged));  // which has a teacher's too
}

Outcome Trainer::outcome() {
  Outcome result{finished(), state_.step, state_.tokens, state_.seconds, last_nll_, {}, "", {}};
  const std::shared_ptr<const WeightStore> last = weights();
  std::vector<Candidate> candidates{{"the last weights", last}};
  if (!finished()) {  // whoever ended the run early is waiting
    result.chosen = candidates.front().name;
    result.model = {model_.config, last};
    return result;
  }
  if (recipe_.optimizer.average > 0 && state_.step > 0)
    candidates.push_back({"their running average", weights(true)});
  const std::int64_t used = std::min(recipe_.save.average, std::ssize(checkpoints_.steps()));
  if (used > 1)
    candidates.push_back({fmt::format("the mean of {} checkpoints", used),
                          renewed(*last, checkpoints_.average(used))});
  const Candidate* chosen = &candidates.back();
  for (const Candidate& each : candidates) {
    if (!held_out_) break;
    aten::Learner learner(torch_options(), each.weights, {});
    LossRunner runner(learner, text_loss_->graph());
    const auto record = validate(std::max(recipe_.validate.sequences, most_windows), runner, false);
    if (!record) break;
    note(fmt::format("{}: {:.4f} bits per byte", each.name, record->bits_per_byte));
    if (result.validation && record->nll >= result.validation->nll) continue;
    result.validation = record;
    chosen = &each;
  }
  result.chosen = chosen->name;
  result.model = {model_.config, chosen->weights};
  if (result.validation && journal_) journal_->add(*result.validation);
  return result;
}

}  // namespace pliant::train
