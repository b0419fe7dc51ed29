#include "machine/torch/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/error.h"
#include "graph/passes/fixed.h"
#include "machine/torch/fuse.h"
#include "machine/torch/fused/node.h"
#include "machine/torch/kinds/compute.h"

namespace pliant::aten {
namespace {

// "layers.3" for the operator "layers.3.ffn.up" and the pattern "layers.*".
std::optional<std::string_view> matched_scope(std::string_view name, std::string_view pattern) {
  std::size_t at = 0;
  while (true) {
    const std::size_t dot = pattern.find('.');
    const std::string_view part = pattern.substr(0, dot);
    const std::size_t end = std::min(name.find('.', at), name.size());
    if (part != "*" && part != name.substr(at, end - at)) return {};
    if (dot == std::string_view::npos) return name.substr(0, end);
    if (end == name.size()) return {};
    at = end + 1;
    pattern.remove_prefix(dot + 1);
  }
}

std::string recomputed_scope(const std::string& name, const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns)
    if (const auto scope = matched_scope(name, pattern)) return std::string(*scope);
  return "";
}

void add_once(std::vector<ValueId>& list, ValueId id) {
  if (std::ranges::find(list, id) == list.end()) list.push_back(id);
}

bool is_made(const Frame& frame, const Step& step) {
  return std::ranges::all_of(step.out, [&](ValueId id) { return frame.values[id].defined(); });
}

}  // namespace

std::string refusal(const Graph& graph, const Op& op) {
  if (std::holds_alternative<kind::Opaque>(op.kind)) return "a foreign operator";
  if (const auto* attention = std::get_if<kind::Attention>(&op.kind);
      attention != nullptr && attention->cache >= 0)
    return "reads a cache; this machine trains, on whole sequences";
  if (std::holds_alternative<kind::Convolve>(op.kind)) {
    const std::size_t axes = graph.value(op.in[0]).type.shape.size() - 2;
    if (axes > 3) return fmt::format("{} spatial axes; the most is 3", axes);
  }
  return "";
}

Step plain_step(const Graph& graph, OpId id, bool half) {
  const Op& op = graph.op(id);
  Step step;
  step.ops = {id};
  step.in = op.in;
  step.out = op.out;
  step.run = [&graph, &op, half](const Frame& frame) {
    Tensors in;
    for (const ValueId each : op.in) in.push_back(frame.values[each]);
    return compute({graph, op, in, frame.rows, half});
  };
  return step;
}

void find_inputs(const Graph& graph, Step& step) {
  step.in.clear();
  for (const OpId id : step.ops)
    for (const ValueId each : graph.op(id).in)
      if (std::ranges::find(step.ops, graph.value(each).producer) == step.ops.end())
        add_once(step.in, each);
}

std::vector<ValueId> results_of(const Graph& graph, const std::vector<OpId>& ops) {
  const auto inside = [&](OpId id) { return std::ranges::find(ops, id) != ops.end(); };
  std::vector<ValueId> made, read;
  for (const OpId id : ops)
    for (const ValueId each : graph.op(id).out) made.push_back(each);
  const auto note = [&](ValueId each) {
    if (std::ranges::find(made, each) != made.end()) add_once(read, each);
  };
  for (const OpId id : graph.ops().ids())
    if (!inside(id)) std::ranges::for_each(graph.op(id).in, note);
  std::ranges::for_each(graph.outputs(), note);
  return read;
}

Plan::Plan(std::shared_ptr<const Graph> graph, const Options& options) : graph_(std::move(graph)) {
  for (const Op& op : graph_->ops())
    if (const std::string reason = refusal(*graph_, op); !reason.empty())
      throw Error(ErrorKind::unsupported, op.name, reason);
  steps_ = make_steps(*graph_, options);
  find_segments(options.recompute);
  find_last_uses();
}

void Plan::find_segments(const std::vector<std::string>& recompute) {
  std::string current;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const std::string scope = recomputed_scope(graph_->op(steps_[i].ops.back()).name, recompute);
    if (segments_.empty() || scope != current) segments_.push_back({i, i, {}, {}, !scope.empty()});
    segments_.back().last = i + 1;
    current = scope;
  }
  for (Segment& segment : segments_) {
    if (!segment.recomputed) continue;
    Step whole;
    for (std::size_t i = segment.first; i < segment.last; ++i)
      whole.ops.insert(whole.ops.end(), steps_[i].ops.begin(), steps_[i].ops.end());
    find_inputs(*graph_, whole);
    segment.in = whole.in;
    segment.out = results_of(*graph_, whole.ops);
  }
}

void Plan::find_last_uses() {
  ById<ValueId, bool> used(graph_->values().size(), false);
  for (const ValueId id : graph_->outputs()) used[id] = true;
  for (std::size_t i = steps_.size(); i-- > 0;) {
    Step& step = steps_[i];
    for (const auto& ids : {step.in, step.out})
      for (const ValueId id : ids) {
        if (used[id]) continue;
        used[id] = true;
        step.last_uses.push_back(id);
      }
  }
}

void Plan::run_steps(const Segment& segment, Frame& frame, bool forget) const {
  for (std::size_t i = segment.first; i < segment.last; ++i) {
    const Step& step = steps_[i];
    if (!is_made(frame, step)) {
      Tensors made = step.run(frame);
      for (std::size_t k = 0; k < made.size(); ++k) frame.values[step.out[k]] = std::move(made[k]);
    }
    if (!forget) continue;
    for (const ValueId id : step.last_uses) frame.values[id] = at::Tensor();
  }
}

// Forward without a record; the backward pass runs it once more, with one.
void Plan::run_again_later(const Segment& segment, Frame& frame) const {
  Tensors in;
  for (const ValueId id : segment.in) in.push_back(frame.values[id]);
  const auto again = [this, &segment, halves = frame.halves, rows = frame.rows,
                      turns = frame.turns](const Tensors& given) {
    Frame own{ById<ValueId, at::Tensor>(graph_->values().size()), halves, rows, turns};
    for (std::size_t i = 0; i < given.size(); ++i) own.values[segment.in[i]] = given[i];
    run_steps(segment, own, false);
    Tensors out;
    for (const ValueId id : segment.out) out.push_back(own.values[id]);
    return out;
  };
  Tensors out = recomputed(again, in);
  for (std::size_t i = 0; i < out.size(); ++i) frame.values[segment.out[i]] = out[i];
  for (std::size_t i = segment.first; i < segment.last; ++i)
    for (const ValueId id : steps_[i].last_uses) frame.values[id] = at::Tensor();
}

void Plan::run(Frame& frame, bool learning) const {
  frame.turns = std::make_shared<std::vector<Turns>>();
  for (const Segment& segment : segments_) {
    if (learning && segment.recomputed) run_again_later(segment, frame);
    else run_steps(segment, frame, true);
  }
}

void Plan::run_fixed(Frame& frame) const {
  const ById<ValueId, bool> fixed = fixed_values(*graph_);
  for (const Step& step : steps_) {
    if (!std::ranges::all_of(step.out, [&](ValueId id) { return fixed[id]; })) continue;
    Tensors made = step.run(frame);
    for (std::size_t k = 0; k < made.size(); ++k) frame.values[step.out[k]] = std::move(made[k]);
  }
}

}  // namespace pliant::aten
