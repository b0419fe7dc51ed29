#include "graph/passes/patterns.h"

#include <algorithm>
#include <map>

namespace pliant {
namespace {

bool is_anchor(const Kind& kind) {
  return std::holds_alternative<kind::Convolve>(kind) ||
         std::holds_alternative<kind::Einsum>(kind) || std::holds_alternative<kind::Pool>(kind);
}

// Turns Maps and Reshapes into one expression over the values that stand outside.
class Composer {
 public:
  void start(ValueId inside) {  // becomes operand 0
    operands_.push_back(inside);
    known_.emplace(inside, argument(0));
  }

  void add(const Op& op) {
    if (const auto* map = std::get_if<kind::Map>(&op.kind)) {
      std::vector<Expr> inner;
      for (ValueId id : op.in) inner.push_back(of(id));
      known_.insert_or_assign(op.out[0], compose(map->expr, inner));
    } else {
      known_.insert_or_assign(op.out[0], of(op.in[0]));
    }
  }

  Expr of(ValueId id) {
    if (auto at = known_.find(id); at != known_.end()) return at->second;
    operands_.push_back(id);
    return known_.emplace(id, argument(static_cast<int>(operands_.size()) - 1)).first->second;
  }

  const std::vector<ValueId>& operands() const { return operands_; }

 private:
  std::vector<ValueId> operands_;
  std::map<ValueId, Expr> known_;
};

}  // namespace

bool moves_rows(const Graph& graph, const Op& op) {
  if (const auto* concat = std::get_if<kind::Concat>(&op.kind)) return concat->axis == 2;
  const auto* slice = std::get_if<kind::Slice>(&op.kind);
  if (slice == nullptr || slice->size.size() < 3) return false;
  const Shape& shape = graph.value(op.in[0]).type.shape;
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    if (slice->step[axis] != 1 || (axis != 2 && slice->size[axis] != shape[axis])) return false;
  return true;
}

std::optional<GroupPattern> group_pattern(const Graph& graph, const Group& group) {
  GroupPattern pattern;
  const Op& last = graph.op(group.ops.back());
  pattern.result = last.out[0];
  pattern.dtype = graph.value(pattern.result).type.dtype;
  std::size_t next = 0;
  auto anchor = std::find_if(group.ops.begin(), group.ops.end(),
                             [&](OpId id) { return is_anchor(graph.op(id).kind); });
  Composer epilogue;
  if (anchor != group.ops.end()) {
    pattern.anchor = *anchor;
    next = static_cast<std::size_t>(anchor - group.ops.begin()) + 1;
    std::size_t first = 0;
    for (; moves_rows(graph, graph.op(group.ops[first])); ++first)
      pattern.assembly.push_back(group.ops[first]);
    if (next > first + 1) {
      Composer prologue;
      for (std::size_t i = first; i + 1 < next; ++i) prologue.add(graph.op(group.ops[i]));
      pattern.prologue = prologue.of(graph.op(*anchor).in[0]);
      pattern.prologue_input = prologue.operands()[0];
    }
    epilogue.start(graph.op(*anchor).out[0]);
  } else if (!std::holds_alternative<kind::Map>(last.kind)) {
    return std::nullopt;
  }
  for (; next < group.ops.size(); ++next) epilogue.add(graph.op(group.ops[next]));
  pattern.epilogue = epilogue.of(pattern.result);
  pattern.operands = epilogue.operands();
  return pattern;
}

}  // namespace pliant
