#include "train/trainer.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "models/language/distill.h"
#include "models/language/random.h"
#include "open/language_model.h"
#include "train/groups.h"

namespace pliant::train {
namespace {

std::vector<data::Source> sources_of(const DataRecipe& recipe) {
  std::vector<data::Source> sources;
  for (const SourceRecipe& each : recipe.sources) sources.push_back({each.shards, each.weight});
  return sources;
}

data::PackingOptions packing_of(const Recipe& recipe, const aten::Workers* workers) {
  data::PackingOptions packing{.rows = recipe.at_once() * recipe.data.length,
                               .length = recipe.data.length,
                               .cut_and_drop = recipe.data.cut_and_drop,
                               .seed = recipe.seed,
                               .held_out = recipe.data.held_out};
  if (workers == nullptr) return packing;
  packing.part = workers->rank();
  packing.parts = workers->size();
  if (recipe.at_once() % packing.parts != 0)
    throw Error(ErrorKind::usage, "batch.at_once",
                fmt::format("{} sequences for {} processes", recipe.at_once(), packing.parts),
                "choose a multiple of their number");
  return packing;
}

LanguageModel first_model(const Recipe& recipe, std::int64_t vocabulary) {
  if (recipe.model.from.empty())
    return initial_language_model(config_of(recipe.model, vocabulary, recipe.data.length),
                                  recipe.seed);
  LanguageModel model = load_language_model(recipe.model.from);
  if (model.config.vocabulary < vocabulary)
    throw Error(ErrorKind::invalid, recipe.model.from,
                fmt::format("has {} rows of embeddings for data of {} tokens",
                            model.config.vocabulary, vocabulary),
                "pack the data with the tokenizer of this model");
  return model;
}

std::shared_ptr<const Graph> text_loss(const Recipe& recipe, const LanguageModel& model,
                                       std::int64_t rows) {
  return std::make_shared<const Graph>(loss_graph(model.config, rows, recipe.optimizer.z_loss));
}

struct Lesson {
  std::shared_ptr<const Graph> graph;
  std::shared_ptr<const WeightStore> weights;  // the teacher's too, which are no parameters
};

Lesson lesson_of(const Recipe& recipe, const LanguageModel& model, std::int64_t rows) {
  if (recipe.distill.teacher.empty()) return {text_loss(recipe, model, rows), model.weights};
  const LanguageModel teacher = load_language_model(recipe.distill.teacher);
  auto weights = std::make_shared<WeightStore>(*model.weights);
  teacher.weights->for_each([&](const std::string& name, const Stored& stored) {
    weights->add(std::string(teacher_prefix) + name, stored, teacher.weights->owner(name));
  });
  return {std::make_shared<const Graph>(
              distill_graph(model.config, teacher.config, rows, recipe.optimizer.z_loss,
                            {recipe.distill.weight, recipe.distill.temperature})),
          weights};
}

// Per token, forward and backward: a multiply-add is two operations, and the backward pass takes
// twice the forward one; a teacher has none. Attention sees half a sequence on average.
double operations(const Graph& graph, std::int64_t rows, std::int64_t length) {
  double total = 0;
  for (const OpId id : graph.ops().ids()) {
    const double all = static_cast<double>(macs(graph, graph.op(id)));
    const bool attends = std::holds_alternative<kind::Attention>(graph.op(id).kind);
    const double each = graph.op(id).name.starts_with(teacher_prefix) ? 2 : 6;
    total +=
        each * (attends ? all * static_cast<double>(length) / static_cast<double>(2 * rows) : all);
  }
  return total / static_cast<double>(rows);
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::int64_t steps_of(const Recipe& recipe) {
  if (recipe.length.steps > 0) return recipe.length.steps;
  return (recipe.length.tokens + recipe.step_tokens() - 1) / recipe.step_tokens();
}

}  // namespace

Trainer::Trainer(const Recipe& recipe, const RunOptions& options)
    : recipe_(recipe), options_(options), checkpoints_(options.folder + "/checkpoints") {
  const std::vector<data::Source> sources = sources_of(recipe.data);
  const data::PackingOptions packing = packing_of(recipe, options.workers);
  const std::int64_t rows = packing.rows / packing.parts;
  batches_ = std::make_unique<data::Batches>(sources, packing, data::Split::train);
  if (recipe.data.held_out > 0)
    held_out_ = std::make_unique<data::Batches>(sources, packing, data::Split::held_out);
  model_ = first_model(recipe, batches_->tokenizer().vocabulary);
  const Lesson lesson = lesson_of(recipe, model_, rows);
  learner_ = std::make_unique<aten::Learner>(torch_options(), lesson.weights,
                                             groups_of(model_.config, recipe.optimizer));
  if (const std::string slow = learner_->blas(); !slow.empty()) note(slow);
  text_loss_ = loss_ = std::make_shared<LossRunner>(*learner_, lesson.graph);
  if (!recipe.distill.teacher.empty())
    text_loss_ = std::make_shared<LossRunner>(*learner_, text_loss(recipe, model_, rows));
  parts_.resize(recipe.batch.sequences / recipe.at_once());
  steps_ = steps_of(recipe);
  flops_per_token_ = operations(*lesson.graph, rows, packing.length);
  clock_ = now();
}

aten::Options Trainer::torch_options() const {
  return {.device = recipe_.machine.device,
          .precision = recipe_.machine.bf16 ? aten::Precision::bf16 : aten::Precision::f32,
          .threads = options_.threads,
          .deterministic = recipe_.machine.deterministic,
          .fused = recipe_.machine.fused,
          .recompute = recipe_.machine.recompute};
}

void Trainer::note(const std::string& text) const {
  if (options_.note && leads()) options_.note(text);
}

void Trainer::sum(std::span<double> values) const {
  if (options_.workers != nullptr) options_.workers->sum(values);
}

void Trainer::resume() {
  std::vector<std::string> broken;
  const std::optional<Checkpoint> found = checkpoints_.newest(&broken);
  for (const std::string& each : broken) note("passed over: " + each);
  if (found) {
    const std::string place = checkpoints_.path(found->state.step);
    const Recipe saved = recipe_from_json(found->state.recipe, place, "");
    if (const auto differs = difference(saved, recipe_))
      throw Error(ErrorKind::invalid, place, "was written by another recipe: " + *differs,
                  "go on with the recipe of its run, or train in another folder");
    learner_->restore(found->tensors);
    batches_->restore(data::state_from_json(found->state.data, place));
    state_ = found->state;
    saved_step_ = state_.step;
    note(fmt::format("goes on from step {}", state_.step));
  } else if (!broken.empty()) {
    throw Error(ErrorKind::format, options_.folder + "/checkpoints", "none of them can be read",
                "remove them to begin anew");
  }
  if (leads()) journal_.emplace(path("log.jsonl"), state_.step);
  if (options_.measure_peak) {
    peak_ = learner_->product_rate();
    sum({&peak_, 1});
  }
  clock_ = now();
}

bool Trainer::finished() const {
  const std::int64_t last = steps_ > 0 ? steps_ : state_.last_step;
  return last >= 0 && state_.step >= last;
}

bool Trainer::stopped() const {
  if (options_.workers != nullptr) return stopped_;
  return options_.stop != nullptr && *options_.stop;
}

// A run of so many seconds: once what is left is the share in which the rate falls, the last step
// is known.
void Trainer::decide_the_end() {
  if (steps_ > 0 || state_.decay_from >= 0 || state_.step == 0) return;
  const double left = recipe_.length.seconds - state_.seconds;
  if (left > recipe_.length.seconds * recipe_.schedule.decay) return;
  const double per_step = state_.seconds / static_cast<double>(state_.step);
  const auto more = static_cast<std::int64_t>(std::max(left, 0.0) / per_step);
  state_.decay_from = state_.step;
  state_.last_step = state_.step + std::max<std::int64_t>(1, more);
  note(fmt::format("the rate falls from step {} to {}", state_.decay_from, state_.last_step));
}

double Trainer::rate() const {
  std::int64_t last = steps_, decay_from = Schedule::never;
  if (last > 0) {
    const auto falling = static_cast<double>(last) * recipe_.schedule.decay;
    decay_from = last - std::llround(falling);
  } else {
    last = state_.last_step < 0 ? Schedule::never : state_.last_step;
    if (state_.decay_from >= 0) decay_from = state_.decay_from;
  }
  return Schedule(recipe_.schedule, recipe_.optimizer.rate, last, decay_from).rate(state_.step);
}

void Trainer::fill() {
  double valid = 0;
  for (data::Batch& part : parts_) {
    batches_->next(part);
    valid += static_cast<double>(part.valid);
  }
  sum({&valid, 1});
  valid_ = std::llround(valid);
  if (valid_ == 0)
    throw Error(ErrorKind::invalid, fmt::format("step {}", state_.step + 1),
                "no token of its batch has a successor to learn", "use longer documents");
}

// Before the parameters take anything from it.
void Trainer::check(double loss, double gradient) const {
  if (std::isfinite(loss) && std::isfinite(gradient)) return;
  const std::string kept = saved_step_ < 0
                               ? "no checkpoint was saved yet"
                               : fmt::format("{} is as it was", checkpoints_.path(saved_step_));
  throw Error(ErrorKind::invalid, fmt::format("step {}", state_.step + 1),
              fmt::format("the {} is {}; its batch begins at {}; {}",
                          std::isfinite(loss) ? "gradient" : "loss",
                          std::isfinite(loss) ? gradient : loss, state_.data, kept),
              "lower optimizer.rate or lengthen schedule.warmup");
}

void Trainer::step() {
  decide_the_end();
  const double begin = now(), used = rate();
  state_.data = data::to_json(batches_->state());
  fill();
  learner_->clear_gradients();
  Losses sums;
  for (const data::Batch& part : parts_)
    sums += loss_->accumulate(part, 1 / static_cast<double>(valid_));
  if (options_.workers != nullptr) learner_->sum_gradients(*options_.workers);
  const double gradient = learner_->gradient_norm();
  const bool stop = options_.stop != nullptr && *options_.stop;
  const double end = now(), seconds = end - std::exchange(clock_, end);
  // the leader's clock is everybody's, so that all agree on when a run of so many seconds ends
  std::array all{sums.loss, sums.nll, sums.divergence, stop ? 1.0 : 0.0, leads() ? seconds : 0.0};
  sum(all);
  sums = {all[0], all[1], all[2]};
  stopped_ = all[3] > 0;
  check(sums.loss, gradient);
  // as torch clips: the sum keeps a norm of 0 from dividing by it
  if (const double clip = recipe_.optimizer.clip; clip > 0 && gradient > clip)
    learner_->scale_gradients(clip / (gradient + 1e-6));
  learner_->update(used);
  if (recipe_.optimizer.average > 0) learner_->average(recipe_.optimizer.average);
  ++state_.step;
  state_.tokens += valid_;
  state_.seconds += all[4];
  tell(sums, gradient, used, now() - begin);
}

void Trainer::tell(const Losses& sums, double gradient, double rate, double seconds) {
  const auto count = static_cast<double>(valid_);
  const auto rows = static_cast<double>(recipe_.step_tokens());
  const double speed = rows / seconds;
  StepRecord record{state_.step,
                    state_.tokens,
                    sums.loss / count,
                    last_nll_ = sums.nll / count,
                    rate,
                    gradient,
                    speed,
                    speed * flops_per_token_,
                    options_.memory ? options_.memory() : 0};
  if (recipe_.log.corenet_z_loss)
    record.loss +=
        (rows - count) / count * corenet_logged_z_loss(model_.config, recipe_.optimizer.z_loss);
  if (!recipe_.distill.teacher.empty()) record.divergence = sums.divergence / count;
  if (peak_ > 0) record.peak_share = record.flops / peak_;
  if (journal_) journal_->add(record);
  if (!options_.told || !leads()) return;
  const double each = state_.seconds / static_cast<double>(state_.step);
  std::optional<double> left;
  if (const std::int64_t last = steps_ > 0 ? steps_ : state_.last_step; last > 0)
    left = each * static_cast<double>(last - state_.step);
  else left = recipe_.length.seconds - state_.seconds;
  options_.told(record, left);
}

std::optional<ValidationRecord> Trainer::validate(std::int64_t sequences, LossRunner& runner,
                                                  bool averaged) {
  if (!held_out_) return std::nullopt;
  const data::State beginning = held_out_->state();
  data::Batch batch;
  double lost = 0, tokens = 0;
  for (std::int64_t seen = 0; seen < sequences && held_out_->next(batch);
       seen += recipe_.at_once()) {
    lost += runner.evaluate(batch, averaged).nll;
    tokens += static_cast<double>(batch.valid);
  }
  held_out_->restore(beginning);
  std::array all{lost, tokens};
  sum(all);
  if (all[1] == 0) return std::nullopt;
  const double nll = all[0] / all[1];
  const double bytes_per_token =
      static_cast<double>(held_out_->text_bytes()) / static_cast<double>(held_out_->tokens());
  return ValidationRecord{state_.step, nll, nll / std::log(2.0) / bytes_per_token};
}

void Trainer::keep_going() {
  const auto due = [&](std::int64_t every) { return every > 0 && state_.step % every == 0; };
  if (due(recipe_.validate.every) && !finished())
    if (const auto record = validate(recipe_.validate.sequences, *text_loss_, false)) {
      if (journal_) journal_->add(*record);
      note(fmt::format("step {}: validation {:.4f} nats per token, {:.4f} bits per byte",
                       record->step, record->nll, record->bits_per_byte));
    }
  if (due(recipe_.sample.every) && options_.sample && journal_)
    journal_->add(SampleRecord{state_.step, options_.sample({model_.config, weights()})});
  if (due(recipe_.save.every) || finished()) save();
}

void Trainer::save() {
  if (saved_step_ == state_.step || state_.step == 0) return;
  state_.data = data::to_json(batches_->state());
  state_.recipe = to_json(recipe_);
  saved_step_ = state_.step;
  if (journal_) {
    checkpoints_.save(state_, learner_->state(), recipe_.save.keep, recipe_.save.milestone);
    write_file(path("report.html"),
               journal_->page(std::filesystem::path(options_.folder).filename().string()));
  }
  double nothing = 0;
  sum({&nothing, 1});  // nobody looks for it before it is there
}

}  // namespace pliant::train
