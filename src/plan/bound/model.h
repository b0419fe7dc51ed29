// The planner's view of a problem for one scratchpad size: only tensors that may stay or leave
// between steps are tracked; all other bytes of a step are a constant of its operator. Internal to
// plan/.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "plan/format/plan.h"
#include "plan/format/problem.h"

namespace pliant::plan {

// A tensor with bytes > 0 that is used again after the step that creates it, or by two operators.
struct Tracked {
  TensorId tensor = 0;
  std::int64_t space = 0;  // bytes rounded up to the alignment: what it takes of the scratchpad
  std::int64_t bytes = 0;
  // leaving costs no store: inputs, weights, and outputs (their one store is compulsory)
  bool born_clean = false;
  OperatorId producer = -1;  // -1: given (input or weight)
  std::vector<OperatorId> consumers;
  std::int64_t load_price = 0, store_price = 0;  // what one load or one store costs
};

struct ModelOperator {
  std::vector<std::int32_t> inputs, outputs;  // tracked tensors, ascending
  // space of everything else in its step, less what is written in place
  std::int64_t local = 0;
  std::int64_t need = 0;                  // space of its whole step
  std::vector<OperatorId> before, after;  // direct predecessors and successors
  bool waits = false;  // needs nothing planned: loses nothing by running just before its first
                       // consumer (without addresses)
};

struct ScheduleModel {
  std::vector<Tracked> tracked;
  std::vector<ModelOperator> operators;
  std::int64_t capacity = 0;  // of rounded sizes alive together: a relaxation of placing
  Costs costs;
};

ScheduleModel make_model(const Problem& problem, std::int64_t scratchpad_bytes,
                         std::int64_t alignment, const Costs& costs = {});

// Bytes the operator's own tensors and workspace take side by side, aligned, in the best sequence.
std::int64_t required_bytes(const Problem& problem, OperatorId op, std::int64_t alignment);

// What a tensor pays to leave the scratchpad and come back once.
inline std::int64_t leave_price(const Tracked& tensor, bool dirty) {
  return tensor.load_price + (dirty ? tensor.store_price : 0);
}

}  // namespace pliant::plan
