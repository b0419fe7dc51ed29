#include "plan/graph/in_place.h"

#include <algorithm>

#include "graph/passes/patterns.h"
#include "plan/format/in_place.h"

namespace pliant::plan {
namespace {

class InPlaceFinder {
 public:
  InPlaceFinder(const Graph& graph, GraphProblem& mapping)
      : graph_(graph),
        mapping_(mapping),
        producer_(mapping.problem.tensors.size(), -1),
        uses_(mapping.problem) {
    in_run_.assign(producer_.size(), false);
    for (std::size_t op = 0; op < mapping.problem.operators.size(); ++op) {
      for (const TensorId t : mapping.problem.operators[op].outputs)
        producer_[t] = static_cast<OperatorId>(op);
      for (const auto& run : mapping.problem.operators[op].adjacent)
        for (const TensorId t : run) in_run_[t] = true;
    }
  }

  void run() {
    for (std::size_t op = 0; op < mapping_.problem.operators.size(); ++op)
      find_for(static_cast<OperatorId>(op));
  }

 private:
  Place place(ValueId value) const { return mapping_.storage.places[value]; }
  std::int64_t elements_of(ValueId value) const { return elements(graph_.value(value).type.shape); }

  void find_for(OperatorId id) {
    const pliant::Group& group = mapping_.groups[mapping_.group_of[id]];
    const auto pattern = group_pattern(graph_, group);
    if (!pattern || pattern->anchor != OpId::none) return;
    Operator& op = mapping_.problem.operators[id];
    if (in_run_[op.outputs[0]]) return;
    TensorId best = -1;
    for (const TensorId input : op.inputs) {
      if (in_run_[input] || !may_overwrite(group, pattern->result, input)) continue;
      if (!uses_.is_last(input, id)) continue;
      if (best < 0 || producer_[input] > producer_[best]) best = input;
    }
    if (best >= 0) op.in_place.push_back({op.outputs[0], best});
  }

  // Whether every element of the tensor is read for the element of the result that takes its bytes,
  // and no other.
  bool may_overwrite(const pliant::Group& group, ValueId result, TensorId input) const {
    const std::vector<TensorInfo>& tensors = mapping_.problem.tensors;
    const TensorId output = mapping_.tensor_of[place(result).buffer];
    if (tensors[input].bytes != tensors[output].bytes || place(result).offset != 0) return false;
    const std::vector<ValueId> reads = group_inputs(graph_, group);
    return std::all_of(reads.begin(), reads.end(), [&](ValueId value) {
      if (mapping_.tensor_of[place(value).buffer] != input) return true;
      return place(value).offset == 0 && elements_of(value) == elements_of(result) && fills(value);
    });
  }

  // A view of a part of a tensor fills nothing.
  bool fills(ValueId value) const {
    const auto& places = mapping_.storage.places;
    const auto owner = std::find(places.begin(), places.end(), Place{place(value).buffer, 0});
    return elements_of(static_cast<ValueId>(owner - places.begin())) == elements_of(value);
  }

  const Graph& graph_;
  GraphProblem& mapping_;
  std::vector<OperatorId> producer_;
  // per tensor: it has neighbours somewhere, whose places would bind the result's
  std::vector<bool> in_run_;
  LastUses uses_;
};

}  // namespace

void find_in_place(const Graph& graph, GraphProblem& problem) {
  InPlaceFinder(graph, problem).run();
}

}  // namespace pliant::plan
