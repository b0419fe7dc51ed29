#include "machine/torch/fuse.h"

#include <algorithm>

#include "machine/torch/fused/fused.h"
#include "machine/torch/kinds/compute.h"
#include "machine/torch/patterns.h"

namespace pliant::aten {
namespace {

std::pair<at::Tensor, at::Tensor> shared_turns(const Graph& graph, const Op& op, const Frame& frame,
                                               bool half) {
  const auto& kind = std::get<kind::Rotary>(op.kind);
  const ValueId pos = op.in[kind.pos],
                factors = op.in.size() > kind.factors ? op.in[kind.factors] : ValueId::none;
  if (frame.turns != nullptr)
    for (const Turns& each : *frame.turns)
      if (each.pos == pos && each.factors == factors && each.kind == kind) return each.tables;
  Tensors in;
  for (const ValueId each : op.in) in.push_back(frame.values[each]);
  const auto tables = turns(kind, {graph, op, in, frame.rows, half});
  if (frame.turns != nullptr) frame.turns->push_back({pos, factors, kind, tables});
  return tables;
}

class Fusion {
 public:
  Fusion(const Graph& graph, bool half)
      : graph_(graph), readers_(graph), half_(half), step_of_(graph.ops().size(), none) {}

  std::vector<Step> run() {
    for (const OpId id : graph_.ops().ids()) {
      if (step_of_[id] == none) linear(id);
      if (step_of_[id] == none) heads(id);
    }
    for (const OpId id : graph_.ops().ids())
      if (step_of_[id] == none) norm(id);
    for (const OpId id : graph_.ops().ids()) {
      if (step_of_[id] == none) gated(id);
      if (step_of_[id] == none) attention(id);
      if (step_of_[id] == none) loss(id);
      if (step_of_[id] == none) rows(id);
      if (step_of_[id] == none) add(plain_step(graph_, id, half_));
    }
    return in_order();
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  bool free(const std::vector<OpId>& ops) const {
    return std::ranges::all_of(ops, [&](OpId id) { return step_of_[id] == none; });
  }
  void add(Step step) {
    for (const OpId id : step.ops) step_of_[id] = steps_.size();
    steps_.push_back(std::move(step));
  }
  void add(std::vector<OpId> ops, std::vector<ValueId> out,
           std::function<Tensors(const Frame&)> run) {
    Step step{std::move(ops), {}, std::move(out), std::move(run), {}};
    find_inputs(graph_, step);
    add(std::move(step));
  }

  // Read by products alone, which round it to bf16 anyway.
  bool for_products(ValueId id) const {
    return half_ && !readers_.is_output(id) && std::ranges::all_of(readers_.all(id), [&](OpId op) {
             const Kind& kind = graph_.op(op).kind;
             if (const auto* einsum = std::get_if<kind::Einsum>(&kind))
               return einsum->in.size() > 1;
             return std::holds_alternative<kind::CrossEntropy>(kind);
           });
  }

  void linear(OpId id) {
    const auto found = linear_pattern(graph_, readers_, id);
    if (!found || !free(found->ops)) return;
    std::vector<RowRange> ranges;
    std::vector<ValueId> out;
    for (const LinearPattern::Part& part : found->parts) {
      ranges.push_back({part.first, part.count});
      out.push_back(part.y);
    }
    add(found->ops, out,
        [ranges, x = found->x, weight = found->weight, half = half_](const Frame& frame) {
          return fused_linear(frame.values[x], frame.values[weight], frame.halves[weight], ranges,
                              half);
        });
  }

  void heads(OpId id) {
    const auto found = heads_pattern(graph_, readers_, id);
    if (!found || !free(found->ops)) return;
    add(found->ops, {found->y},
        [this_graph = &graph_, found = *found, half = half_](const Frame& frame) {
          const Op& op = this_graph->op(found.rotary);
          const auto& rotary = std::get<kind::Rotary>(op.kind);
          Tensors operands{frame.values[found.x]};
          const bool weighted = found.weight != ValueId::none;
          if (weighted) operands.push_back(frame.values[found.weight]);
          const auto [cosine, sine] = shared_turns(*this_graph, op, frame, half);
          operands.push_back(cosine);
          operands.push_back(sine);
          return Tensors{fused_heads(operands, {found.normed, weighted, found.eps, rotary.dims,
                                                rotary.style == kind::RotaryStyle::pairs})};
        });
  }

  void norm(OpId id) {
    auto found = norm_pattern(graph_, readers_, id);
    if (!found) return;
    if (found->delta != ValueId::none &&
        step_of_[found->ops[0]] != none) {  // the sum is made already
      found->ops.erase(found->ops.begin());
      found->x = found->sum;
      found->delta = found->sum = ValueId::none;
    }
    if (!free(found->ops)) return;
    const NormOptions options{found->eps, for_products(found->y)};
    std::vector<ValueId> out{found->y};
    if (found->delta != ValueId::none) out.insert(out.begin(), found->sum);
    add(found->ops, out, [found = *found, options](const Frame& frame) {
      const bool has_delta = found.delta != ValueId::none,
                 has_weight = found.weight != ValueId::none;
      Tensors in{frame.values[found.x]};
      if (has_delta) in.push_back(frame.values[found.delta]);
      if (has_weight) in.push_back(frame.values[found.weight]);
      return fused_norm(in, has_delta, has_weight, options);
    });
  }

  void gated(OpId id) {
    const auto found = gated_pattern(graph_, id);
    if (!found) return;
    const ValueId y = graph_.op(id).out[0];
    add({id}, {y}, [found = *found, half = for_products(y)](const Frame& frame) {
      return Tensors{fused_gated(frame.values[found.gate], frame.values[found.up], half)};
    });
  }

  void attention(OpId id) {
    const Op& op = graph_.op(id);
    const auto* kind = std::get_if<kind::Attention>(&op.kind);
    if (kind == nullptr || kind->has_bias || kind->has_tree) return;
    for (const ValueId each : op.in)
      if (const DType dtype = graph_.value(each).type.dtype;
          dtype != DType::f32 && dtype != DType::i32)
        return;
    Step plain = plain_step(graph_, id, half_);
    add({id}, op.out, [kind, &op, chain = plain.run](const Frame& frame) {
      Tensors in;
      for (const ValueId each : op.in) in.push_back(frame.values[each]);
      if (auto found = fused_attention(*kind, in)) return Tensors{*found};
      return chain(frame);
    });
  }

  void loss(OpId id) {
    const Op& op = graph_.op(id);
    const auto* kind = std::get_if<kind::CrossEntropy>(&op.kind);
    if (kind == nullptr) return;
    for (const auto operand : {kind->hidden, kind->table})
      if (graph_.value(op.in[operand]).type.dtype != DType::f32) return;
    add({id}, op.out, [this_graph = &graph_, kind, &op, half = half_](const Frame& frame) {
      Tensors in;
      for (const ValueId each : op.in) in.push_back(frame.values[each]);
      check_targets(*kind, {*this_graph, op, in, frame.rows, half});
      return fused_loss(in, frame.halves[op.in[kind->table]], half);
    });
  }

  // Look-ups in a table.
  void rows(OpId id) {
    const Op& op = graph_.op(id);
    const auto* kind = std::get_if<kind::Gather>(&op.kind);
    if (kind == nullptr || kind->axis != 0 || kind->batch_axes != 0) return;
    const TensorType& table = graph_.value(op.in[kind->x]).type;
    if (table.dtype != DType::f32 || table.shape.size() != 2) return;
    add({id}, op.out, [this_graph = &graph_, kind, &op, half = half_](const Frame& frame) {
      const Tensors in{frame.values[op.in[kind->x]], frame.values[op.in[kind->index]]};
      const Call call{*this_graph, op, in, frame.rows, half};
      const at::Tensor index = in[1].to(at::kLong);
      check_index(index, in[0].size(0), call);
      return Tensors{fused_rows(in[0], index.flatten()).reshape(call.result().shape)};
    });
  }

  // Each step behind those that make what it reads.
  std::vector<Step> in_order() {
    std::vector<Step> ordered;
    std::vector<bool> done(steps_.size(), false);
    for (const OpId id : graph_.ops().ids()) place(step_of_[id], done, ordered);
    return ordered;
  }
  void place(std::size_t i, std::vector<bool>& done, std::vector<Step>& ordered) {
    if (done[i]) return;
    done[i] = true;
    for (const ValueId each : steps_[i].in)
      if (const OpId maker = graph_.value(each).producer; maker != OpId::none)
        place(step_of_[maker], done, ordered);
    ordered.push_back(std::move(steps_[i]));
  }

  const Graph& graph_;
  Readers readers_;
  bool half_;
  ById<OpId, std::size_t> step_of_;
  std::vector<Step> steps_;
};

}  // namespace

std::vector<Step> make_steps(const Graph& graph, const Options& options) {
  const bool half = options.precision == Precision::bf16;
  if (options.fused && options.device == "cpu") return Fusion(graph, half).run();
  std::vector<Step> steps;
  for (const OpId id : graph.ops().ids()) steps.push_back(plain_step(graph, id, half));
  return steps;
}

}  // namespace pliant::aten
