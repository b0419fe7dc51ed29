#include "machine/torch/learner.h"

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "graph/reference/reference.h"
#include "machine/torch/buckets.h"
#include "machine/torch/fused/node.h"
#include "machine/torch/kinds/values.h"
#include "machine/torch/leaves.h"
#include "machine/torch/process.h"
#include "machine/torch/state.h"
#include "machine/torch/update.h"
#include "machine/torch/workers/group.h"

namespace pliant::aten {
namespace {

class GraphPass : public Pass {
 public:
  GraphPass(std::shared_ptr<const Graph> graph, const Options& options, const WeightStore& weights,
            const Buckets& buckets, const at::Device& device)
      : plan_(graph, options), graph_(std::move(graph)), fixed_(empty_frame(*graph_)) {
    set_constants(*graph_, device, fixed_);
    for (const ValueId id : graph_->values().ids()) {
      const Value& value = graph_->value(id);
      if (value.role != Role::weight) continue;
      if (const Slot* slot = buckets.find(value.name)) learnt_.push_back({id, slot});
      else fixed_.values[id] = stored(weights.at(value.name), device);
    }
  }
  const Graph& graph() const override { return *graph_; }
  const Plan& plan() const { return plan_; }

  // With the parameters as leaves, or as the views that `bucket` and `halves` have of them.
  Frame frame(const Buckets& buckets, const at::Tensor& bucket, const at::Tensor& halves) const {
    Frame frame = fixed_;
    for (const Learnt& each : learnt_) {
      frame.values[each.id] =
          bucket.defined() ? Buckets::view(bucket, *each.slot) : buckets.leaf(*each.slot);
      if (halves.defined()) frame.halves[each.id] = Buckets::view(halves, *each.slot);
    }
    return frame;
  }

 private:
  struct Learnt {
    ValueId id;
    const Slot* slot;
  };
  Plan plan_;
  std::shared_ptr<const Graph> graph_;
  Frame fixed_;
  std::vector<Learnt> learnt_;
};

void check_loss(const Graph& graph) {
  const Value& loss = graph.value(graph.outputs().front());
  if (loss.type.dtype != DType::f32 || elements(loss.type.shape) != 1)
    throw Error(ErrorKind::invalid, "output " + graph.output_names().front(),
                fmt::format("{} is no loss: one f32 number is", to_string(loss.type)));
}

}  // namespace

struct Learner::State {
  State(const Options& given, std::shared_ptr<const WeightStore> store, std::vector<Group> groups)
      : options(given),
        device(configure(given)),
        weights(std::move(store)),
        buckets(*weights, std::move(groups), device, half()),
        slow(slow_products(half())) {}
  bool half() const { return options.precision == Precision::bf16; }

  Frame bound(const GraphPass& pass, std::span<const TensorView> inputs,
              std::span<const TensorView> outputs, const at::Tensor& bucket,
              const at::Tensor& halves) const {
    const Graph& graph = pass.graph();
    check_bindings(graph, inputs, outputs, graph.rows());
    Frame frame = pass.frame(buckets, bucket, halves);
    set_inputs(graph, inputs, device, frame);
    return frame;
  }

  Options options;
  at::Device device;
  std::shared_ptr<const WeightStore> weights;
  Buckets buckets;
  std::string slow;
  std::int64_t steps = 0;
};

Learner::Learner(const Options& options, std::shared_ptr<const WeightStore> weights,
                 std::vector<Group> groups)
    : state_(std::make_unique<State>(options, std::move(weights), std::move(groups))) {}
Learner::~Learner() = default;
Learner::Learner(Learner&&) noexcept = default;

std::unique_ptr<Pass> Learner::prepare(std::shared_ptr<const Graph> graph) const {
  check_weights(*graph, *state_->weights);
  check_loss(*graph);
  return std::make_unique<GraphPass>(std::move(graph), state_->options, *state_->weights,
                                     state_->buckets, state_->device);
}

void Learner::accumulate(const Pass& pass, std::span<const TensorView> inputs,
                         std::span<const TensorView> outputs, double weight) {
  const auto& own = dynamic_cast<const GraphPass&>(pass);
  Frame frame = state_->bound(own, inputs, outputs, {}, state_->buckets.halves);
  const at::AutoGradMode record(true);
  own.plan().run(frame, true);
  write_outputs(own.graph(), frame, outputs);
  const at::Tensor loss = frame.values[own.graph().outputs().front()];
  frame = {};  // what the backward pass does not need
  if (loss.requires_grad()) add_gradients(loss, weight);
}

void Learner::evaluate(const Pass& pass, std::span<const TensorView> inputs,
                       std::span<const TensorView> outputs, bool averaged) const {
  const auto& own = dynamic_cast<const GraphPass&>(pass);
  const Buckets& buckets = state_->buckets;
  const at::NoGradGuard no_record;
  const bool other = averaged && buckets.average.defined();
  const at::Tensor bucket = other ? buckets.average : buckets.parameters;
  const at::Tensor halves =
      other && state_->half() ? buckets.average.to(at::kBFloat16) : buckets.halves;
  Frame frame = state_->bound(own, inputs, outputs, bucket, halves);
  own.plan().run(frame, false);
  write_outputs(own.graph(), frame, outputs);
}

void Learner::clear_gradients() { state_->buckets.gradients.zero_(); }

double Learner::gradient_norm() const {
  const at::Tensor& all = state_->buckets.gradients;
  constexpr std::int64_t piece = 1 << 14;
  double squares = 0;
  for (std::int64_t at = 0; at < all.numel(); at += piece) {
    const at::Tensor part = all.narrow(0, at, std::min(piece, all.numel() - at));
    squares += part.dot(part).item<double>();
  }
  return std::sqrt(squares);
}

void Learner::sum_gradients(Workers& workers) {
  at::Tensor host = state_->buckets.gradients.cpu();  // the same tensor, where it lies there
  workers.group().sum(host);
  if (!host.is_same(state_->buckets.gradients)) state_->buckets.gradients.copy_(host);
}

void Learner::scale_gradients(double factor) { state_->buckets.gradients.mul_(factor); }

void Learner::clip_gradients_by_weights(double most) {
  const at::NoGradGuard no_record;
  constexpr double shortest = 1e-3, no_division = 1e-6;
  for (const Slot& slot : state_->buckets.slots()) {
    const bool rows = slot.shape.size() > 1;
    const auto by_row = [&](const at::Tensor& bucket) {
      return Buckets::view(bucket, slot).view({rows ? slot.shape[0] : 1, -1});
    };
    at::Tensor gradient = by_row(state_->buckets.gradients);
    const at::Tensor allowed =
        by_row(state_->buckets.parameters).norm(2, {1}, true).clamp_min_(shortest).mul_(most);
    gradient.mul_(allowed.div_(gradient.norm(2, {1}, true).clamp_min_(no_division)).clamp_max_(1));
  }
}

void Learner::update(double rate) {
  const at::NoGradGuard no_record;
  ++state_->steps;
  for (const Range& range : state_->buckets.ranges())
    aten::update(state_->buckets, range, rate, state_->steps, state_->half());
  state_->buckets.refresh_halves();
}

void Learner::average(double decay) {
  Buckets& buckets = state_->buckets;
  if (!buckets.average.defined()) buckets.average = buckets.parameters.clone();
  else buckets.average.mul_(decay).add_(buckets.parameters, 1 - decay);
}

std::string Learner::blas() const { return state_->slow; }
double Learner::product_rate() const { return aten::product_rate(state_->options, state_->device); }
std::int64_t Learner::steps() const { return state_->steps; }
std::int64_t Learner::bytes() const { return state_->buckets.bytes(); }

std::int64_t Learner::parameters() const {
  std::int64_t sum = 0;
  for (const Slot& slot : state_->buckets.slots()) sum += slot.count;
  return sum;
}

Tensor Learner::parameter(std::string_view name) const {
  return copy_of(state_->buckets.parameters, state_->buckets.at(name));
}

Tensor Learner::gradient(std::string_view name) const {
  return copy_of(state_->buckets.gradients, state_->buckets.at(name));
}

WeightStore Learner::weights(bool averaged) const {
  const Buckets& buckets = state_->buckets;
  const bool other = averaged && buckets.average.defined();
  WeightStore result;
  state_->weights->for_each([&](const std::string& name, const Stored& stored) {
    if (const Slot* slot = buckets.find(name))
      result.add(name, copy_of(other ? buckets.average : buckets.parameters, *slot));
    else result.add(name, stored, state_->weights->owner(name));
  });
  return result;
}

WeightStore Learner::state() const { return saved(state_->buckets, state_->steps); }

void Learner::restore(const WeightStore& state) {
  state_->steps = restored(state, state_->buckets);
}

}  // namespace pliant::aten
