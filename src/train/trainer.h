// The parts of a run: data, learner, checkpoints and log, and one step of training.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/shards/batches.h"
#include "machine/torch/learner.h"
#include "train/loop.h"
#include "train/loss_runner.h"
#include "train/recipe/schedule.h"
#include "train/run/checkpoint.h"

namespace pliant::train {

class Trainer {
 public:
  Trainer(const Recipe& recipe, const RunOptions& options);

  // Goes on from the newest checkpoint of the run's folder, if there is one.
  void resume();
  bool finished() const;
  bool stopped() const;  // somebody wants the run to end early
  void step();           // one update; throws as run()
  void keep_going();     // what is due after it: validating, sampling, saving
  void save();
  Outcome outcome();

  const RunState& state() const { return state_; }
  aten::Learner& learner() { return *learner_; }
  std::int64_t steps() const { return steps_; }  // of the whole run; 0: time decides
  double flops_per_token() const { return flops_per_token_; }
  const data::Batches& data() const { return *batches_; }
  const LanguageConfig& config() const { return model_.config; }

 private:
  bool leads() const { return options_.workers == nullptr || options_.workers->rank() == 0; }
  void decide_the_end();
  double rate() const;
  aten::Options torch_options() const;
  void fill();
  void sum(std::span<double> values) const;                                 // over all processes
  std::shared_ptr<const WeightStore> weights(bool averaged = false) const;  // of the model alone
  void check(double loss, double gradient) const;
  void tell(const Losses& sums, double gradient, double rate, double seconds);
  // Over the first `sequences` held-out windows at least, or all; none if nothing is held out.
  std::optional<ValidationRecord> validate(std::int64_t sequences, LossRunner& runner,
                                           bool averaged);
  void note(const std::string& text) const;
  std::string path(const char* name) const { return options_.folder + "/" + name; }

  const Recipe recipe_;
  const RunOptions options_;
  LanguageModel model_;  // as training began
  std::unique_ptr<data::Batches> batches_, held_out_;
  std::unique_ptr<aten::Learner> learner_;
  std::shared_ptr<LossRunner> loss_, text_loss_;  // what is learnt; without a teacher, the same
  Checkpoints checkpoints_;
  std::optional<Journal> journal_;
  RunState state_;
  std::vector<data::Batch> parts_;  // of one step
  std::int64_t valid_ = 0;          // their targets, in all processes
  bool stopped_ = false;            // in any process, when the last step was done
  std::int64_t steps_ = 0, saved_step_ = -1;
  double flops_per_token_ = 0, last_nll_ = 0;
  double peak_ = 0;   // operations per second that all processes can do; 0: not measured
  double clock_ = 0;  // when state_.seconds was last added to
};

}  // namespace pliant::train
