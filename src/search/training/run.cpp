#include "search/training/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "core/error.h"
#include "core/files.h"
#include "core/units.h"
#include "data/images/portion.h"
#include "machine/native/native.h"
#include "machine/torch/torch.h"
#include "models/elasticvit/counts.h"
#include "models/elasticvit/random.h"
#include "search/judging/judging.h"
#include "search/recipe/supernet_file.h"
#include "search/samplers/by_level.h"
#include "search/training/training.h"

namespace pliant::search {
namespace {

using elasticvit::Architecture;

struct ToJudge {
  std::string name;
  Architecture architecture;
};

// Drawn once for all runs of a space and its levels.
std::vector<ToJudge> subnets_to_judge(const SupernetRecipe& recipe) {
  const SamplerRecipe& sampler = recipe.sampler;
  Rng rng(hash64("judged"));
  std::vector<ToJudge> result{{"smallest", smallest(recipe.space)}};
  if (sampler.kind == SamplerKind::walk || sampler.kind == SamplerKind::independent) {
    const LevelDraws draws(recipe.space, levels_of(sampler), smallest_of(recipe), 1 << 16);
    for (std::size_t i = 0; i < draws.levels().size(); ++i)
      result.push_back(
          {fmt::format("level {} M", draws.levels()[i].low / 1e6), draws.draw(i, rng)});
    return result;
  }
  const Flops flops(recipe.space);
  const Windows all(flops);
  for (int i = 1; i <= 3; ++i)
    result.push_back({fmt::format("random {}", i), all.within(0, all.most()).draw(rng)});
  result.push_back({"largest", largest(recipe.space)});
  return result;
}

aten::Options torch_options(const SupernetRecipe& recipe, const SupernetRunOptions& options) {
  return {.device = recipe.machine.device,
          .precision = recipe.machine.bf16 ? aten::Precision::bf16 : aten::Precision::f32,
          .threads = options.pool->threads(),
          .deterministic = recipe.machine.deterministic,
          .fused = recipe.machine.fused,
          .recompute = recipe.machine.recompute};
}

aten::Group group_of(const SupernetOptimizer& optimizer) {
  aten::Group group;
  group.decay = optimizer.decay;
  group.beta1 = optimizer.beta1;
  group.beta2 = optimizer.beta2;
  group.epsilon = optimizer.epsilon;
  return group;
}

TeachingOptions teaching_of(const TeachingRecipe& recipe) {
  return {.temperature = recipe.temperature,
          .smallest = recipe.alpha_divergence ? elasticvit::Objective::alpha_divergence
                                              : elasticvit::Objective::cross_entropy,
          .momentum = recipe.momentum};
}

std::int64_t steps_in(double epochs, std::int64_t per_epoch) {
  return std::llround(epochs * static_cast<double>(per_epoch));
}

class Run {
 public:
  Run(const SupernetRecipe& recipe, const SupernetRunOptions& options);
  void resume();
  void go();  // until the end, or until it is stopped
  SupernetOutcome outcome();
  SupernetForecast forecast();

 private:
  bool stopped() const { return options_.stop != nullptr && *options_.stop; }
  void note(const std::string& text) const {
    if (options_.note) options_.note(text);
  }
  std::string path(const char* name) const { return options_.folder + "/" + name; }
  bool has_held_out() const { return to_learn_.size() < images_->size(); }
  TrainingOptions training_options() const;
  void tell(const TrainedStep& step);
  void write_page() const;
  std::vector<Judgement> judge(bool averaged);

  const SupernetRecipe recipe_;
  const SupernetRunOptions options_;
  std::unique_ptr<const data::ImageSet> images_;
  data::Portion to_learn_;
  data::ImageBatches batches_;
  std::int64_t steps_;
  SupernetLearner learner_;
  std::unique_ptr<StepSampler> sampler_;
  SupernetTraining training_;
  std::unique_ptr<SupernetJournal> journal_;
  // made when something is judged first
  std::vector<ToJudge> to_judge_;
  std::unique_ptr<Judging> judging_;
};

Run::Run(const SupernetRecipe& recipe, const SupernetRunOptions& options)
    : recipe_(recipe),
      options_(options),
      images_(image_set(recipe_)),
      to_learn_(*images_, data::ImagePart::training, recipe_.images.held_out, recipe_.seed),
      batches_(to_learn_, batch_options(recipe_)),
      steps_(recipe_.steps > 0
                 ? recipe_.steps
                 : std::max<std::int64_t>(1, steps_in(recipe_.epochs, batches_.per_epoch()))),
      learner_(recipe_.space, torch_options(recipe_, options_),
               elasticvit::initial_supernet(recipe_.space, recipe_.seed),
               group_of(recipe_.optimizer), teaching_of(recipe_.teaching)),
      sampler_(step_sampler(recipe_, batches_.per_epoch())),
      training_(learner_, *sampler_, batches_, training_options(), path("checkpoints")) {}

TrainingOptions Run::training_options() const {
  return {.steps = steps_,
          .rate = recipe_.optimizer.rate,
          .schedule = recipe_.schedule,
          .clip = recipe_.optimizer.clip,
          .average = recipe_.optimizer.average,
          .save = recipe_.save,
          .rescore_every = steps_in(recipe_.sampler.rescore_epochs, batches_.per_epoch()),
          .recipe = to_json(recipe_),
          .difference =
              [this](const std::string& saved, const std::string& place) {
                return difference(supernet_recipe_from_json(saved, place, ""), recipe_);
              },
          .clock = options_.clock};
}

void Run::resume() {
  std::vector<std::string> broken;
  const bool found = training_.resume(&broken);
  for (const std::string& each : broken) note("passed over: " + each);
  if (found) note(fmt::format("goes on from step {}", training_.state().step));
  journal_ = std::make_unique<SupernetJournal>(path("log.jsonl"), training_.state().step);
  write_file(path("recipe.json"), to_json(recipe_));
}

void Run::tell(const TrainedStep& step) {
  LoggedStep logged{.step = step.step,
                    .subnets = {},
                    .rate = step.rate,
                    .gradient = step.gradient,
                    .seconds = step.seconds,
                    .memory_bytes = options_.memory ? options_.memory() : 0};
  for (std::size_t i = 0; i < step.subnets.size(); ++i)
    logged.subnets.push_back(
        {step.subnets[i].part,
         static_cast<double>(flops(recipe_.space, step.subnets[i].architecture)), step.losses[i]});
  const train::RunState& state = training_.state();
  const double each = state.seconds / static_cast<double>(state.step);
  if (options_.told) options_.told(logged, each * static_cast<double>(steps_ - state.step));
  journal_->add(std::move(logged));
}

void Run::write_page() const {
  write_file(path("report.html"),
             journal_->page(std::filesystem::path(options_.folder).filename().string()));
}

// On this computer's native machine, or on the device that trains.
std::vector<Judgement> Run::judge(bool averaged) {
  if (!judging_) {
    judging_ = std::make_unique<Judging>(recipe_, *images_);
    to_judge_ = subnets_to_judge(recipe_);
  }
  const Evaluator evaluator(
      recipe_.space, std::make_shared<const WeightStore>(learner_.weights(averaged)),
      [&]() -> std::unique_ptr<Machine> {
        if (recipe_.machine.device == "cpu")
          return std::make_unique<native::Machine>(*options_.pool);
        return std::make_unique<aten::Machine>(torch_options(recipe_, options_));
      },
      *options_.pool);
  std::vector<Judgement> result;
  for (const ToJudge& each : to_judge_) {
    if (stopped()) return {};
    result.push_back({each.name, static_cast<double>(flops(recipe_.space, each.architecture)),
                      judging_->worth(evaluator, each.architecture)});
  }
  return result;
}

void Run::go() {
  while (!training_.finished() && !stopped()) {
    tell(training_.step());
    const std::int64_t step = training_.state().step;
    if (recipe_.judge.every > 0 && step % recipe_.judge.every == 0 && has_held_out() &&
        !training_.finished())
      if (std::vector<Judgement> judged = judge(false); !judged.empty())
        journal_->add(LoggedJudgements{step, std::move(judged)});
    if (step % recipe_.save.every == 0) write_page();
  }
  if (!training_.finished() && training_.state().step > 0) training_.save();
}

double mean_loss(const std::vector<Judgement>& judged) {
  double sum = 0;
  for (const Judgement& each : judged) sum += each.worth.loss;
  return sum / static_cast<double>(judged.size());
}

SupernetOutcome Run::outcome() {
  const train::RunState& state = training_.state();
  SupernetOutcome result{.finished = training_.finished(),
                         .step = state.step,
                         .images = state.tokens,
                         .seconds = state.seconds,
                         .chosen = "the last weights",
                         .judged = {}};
  bool averaged = false;
  if (result.finished && has_held_out()) {
    result.judged = judge(false);
    if (recipe_.optimizer.average > 0) {
      std::vector<Judgement> others = judge(true);
      averaged = !others.empty() && mean_loss(others) < mean_loss(result.judged);
      if (averaged) {
        result.judged = std::move(others);
        result.chosen = "their running average";
      }
    }
    const auto& logged = journal_->judgements();
    const bool told = !logged.empty() && logged.back().step == state.step;  // by the run before
    if (!result.judged.empty() && !told) journal_->add(LoggedJudgements{state.step, result.judged});
  }
  write_supernet(path(supernet_file_name), recipe_, learner_.weights(averaged));
  write_page();
  return result;
}

SupernetForecast Run::forecast() {
  SupernetForecast result;
  result.parameters = learner_.learner().parameters();
  result.steps = steps_;
  result.images = steps_ * recipe_.batch;
  result.training_images = to_learn_.size();
  result.held_out_images = images_->size() - to_learn_.size();
  result.learner_bytes = learner_.learner().bytes();
  learner_.state().for_each([&](const std::string&, const Stored& stored) {
    result.checkpoint_bytes += std::ssize(stored.bytes);
  });
  if (recipe_.optimizer.average > 0) result.checkpoint_bytes += 4 * result.parameters;
  std::int64_t kept = recipe_.save.keep + 1;  // one is written before the oldest goes
  if (recipe_.save.milestone > 0) kept += steps_ / recipe_.save.milestone;
  result.disk_bytes = kept * result.checkpoint_bytes + 4 * result.parameters;
  int done = 0;
  for (; done < 3 && !stopped(); ++done) result.step_seconds += training_.update().seconds;
  if (done > 0) result.step_seconds /= done;
  return result;
}

}  // namespace

SupernetOutcome run(const SupernetRecipe& recipe, const SupernetRunOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) throw Error(ErrorKind::io, options.folder, "cannot be made: " + error.message());
  Run run(recipe, options);
  run.resume();
  run.go();
  return run.outcome();
}

SupernetForecast forecast(const SupernetRecipe& recipe, const SupernetRunOptions& options) {
  return Run(recipe, options).forecast();
}

}  // namespace pliant::search
