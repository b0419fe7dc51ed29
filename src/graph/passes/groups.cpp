#include <algorithm>
#include <set>

#include "core/error.h"
#include "graph/passes/fixed.h"
#include "graph/passes/passes.h"
#include "graph/passes/patterns.h"

namespace pliant {
namespace {

constexpr std::size_t max_operands = 8;  // of a composed expression
// operators that may join before the group is whole again
constexpr std::size_t max_look_ahead = 8;

class Grouper {
 public:
  Grouper(const Graph& graph, const GroupRules& rules)
      : graph_(graph),
        rules_(rules),
        consumers_(graph.consumers()),
        is_output_(graph.values().size()),
        fixed_(fixed_values(graph)),
        taken_(graph.ops().size()) {
    for (ValueId id : graph.outputs()) is_output_[id] = true;
  }

  std::vector<Group> run() {
    std::vector<Group> result;
    for (const OpId op : graph_.ops().ids()) {
      if (taken_[op]) continue;
      result.push_back(rules_.fuse ? start(op) : Group{{op}});
      for (OpId each : result.back().ops) taken_[each] = true;
    }
    // Only a group's last operator gives results, so this order is topological.
    std::sort(result.begin(), result.end(),
              [](const Group& a, const Group& b) { return a.ops.back() < b.ops.back(); });
    return result;
  }

 private:
  // A group under construction: what may join it.
  struct Growth {
    Group group;
    Shape shape;  // of every Map that joins
    // other operands: per-channel or scalar, known before the run; or `source`
    bool anchored = false;
    bool convolve = false;           // channels are axis 1
    ValueId source = ValueId::none;  // the input of a Pool's prologue
    std::set<ValueId> inside;
  };

  const Op& op(OpId id) const { return graph_.op(id); }
  const TensorType& type(ValueId id) const { return graph_.value(id).type; }

  Group start(OpId first) {
    const Kind& kind = op(first).kind;
    if (std::holds_alternative<kind::Map>(kind)) {
      if (std::optional<Group> around_pool = start_prologue(first)) return *around_pool;
      return grow(begin({first}, type(op(first).out[0]).shape, false));
    }
    if (rules_.halo)
      if (std::optional<Group> banded = start_rows(first)) return *banded;
    bool product = std::holds_alternative<kind::Einsum>(kind) && op(first).in.size() == 2;
    bool convolve = std::holds_alternative<kind::Convolve>(kind);
    if (!product && !convolve && !std::holds_alternative<kind::Pool>(kind)) return {{first}};
    Growth growth = begin({first}, type(op(first).out[0]).shape, true);
    growth.convolve = convolve;
    return grow(std::move(growth));
  }

  // A Concat, a Slice or both along the rows, and the Convolve or Pool that reads what they give.
  std::optional<Group> start_rows(OpId first) const {
    if (!moves_rows(graph_, op(first)) || fixed_[op(first).out[0]] ||
        type(op(first).out[0]).dtype != DType::f32)
      return std::nullopt;
    std::vector<OpId> ops = {first};
    std::optional<OpId> next = only_consumer(op(first).out[0]);
    if (next && std::holds_alternative<kind::Concat>(op(first).kind) &&
        std::holds_alternative<kind::Slice>(op(*next).kind) && moves_rows(graph_, op(*next))) {
      ops.push_back(*next);
      next = only_consumer(op(*next).out[0]);
    }
    if (!next) return std::nullopt;
    const bool convolve = std::holds_alternative<kind::Convolve>(op(*next).kind);
    if (!convolve && !std::holds_alternative<kind::Pool>(op(*next).kind)) return std::nullopt;
    const std::vector<ValueId>& operands = op(*next).in;
    if (operands[0] != op(ops.back()).out[0] ||
        std::count(operands.begin(), operands.end(), operands[0]) > 1)
      return std::nullopt;
    ops.push_back(*next);
    Growth growth = begin(std::move(ops), type(op(*next).out[0]).shape, true);
    growth.convolve = convolve;
    return grow(std::move(growth));
  }

  Growth begin(std::vector<OpId> ops, const Shape& shape, bool anchored) const {
    Growth growth{{std::move(ops)}, shape, anchored, false, ValueId::none, {}};
    for (OpId id : growth.group.ops) growth.inside.insert(op(id).out.begin(), op(id).out.end());
    return growth;
  }

  // The one operator that reads `id`, if nothing else does and it may stay out of memory.
  std::optional<OpId> only_consumer(ValueId id) const {
    const auto& users = consumers_[id];
    if (users.size() != 1 || is_output_[id] || taken_[users[0]]) return std::nullopt;
    return users[0];
  }

  // Appends reshapes while they are the only readers; gives the value they end in.
  ValueId follow_reshapes(ValueId id, std::vector<OpId>& ops) const {
    for (std::optional<OpId> next = only_consumer(id); next; next = only_consumer(id)) {
      if (!std::holds_alternative<kind::Reshape>(op(*next).kind)) break;
      ops.push_back(*next);
      id = op(*next).out[0];
    }
    return id;
  }

  // Map of one value, Pool of it (reshapes between), Maps of the result and that value:
  // cross-channel normalisation.
  std::optional<Group> start_prologue(OpId first) const {
    const Op& map = op(first);
    bool unary =
        std::all_of(map.in.begin(), map.in.end(), [&](ValueId id) { return id == map.in[0]; });
    if (!unary || type(map.out[0]).dtype != DType::f32 || type(map.in[0]).dtype != DType::f32)
      return std::nullopt;
    std::vector<OpId> ops = {first};
    std::optional<OpId> pool = only_consumer(follow_reshapes(map.out[0], ops));
    if (!pool || !std::holds_alternative<kind::Pool>(op(*pool).kind)) return std::nullopt;
    ops.push_back(*pool);
    ValueId end = follow_reshapes(op(*pool).out[0], ops);
    const Shape& shape = type(map.in[0]).shape;
    if (type(end).shape != shape || type(end).dtype != DType::f32) return std::nullopt;
    std::size_t before = ops.size();
    Growth growth = begin(std::move(ops), shape, true);
    growth.source = map.in[0];
    Group group = grow(std::move(growth));
    bool reads_source = std::any_of(group.ops.begin() + before, group.ops.end(),
                                    [&](OpId id) { return reads(op(id), map.in[0]); });
    return reads_source ? std::optional<Group>(group) : std::nullopt;
  }

  static bool reads(const Op& op, ValueId id) {
    return std::find(op.in.begin(), op.in.end(), id) != op.in.end();
  }

  // Adds Maps in order and keeps the longest run after which only the last one's result leaves the
  // group.
  Group grow(Growth growth) const {
    Group best = growth.group;
    while (growth.group.ops.size() < best.ops.size() + max_look_ahead) {
      std::optional<OpId> next = next_to_join(growth);
      if (!next) break;
      growth.group.ops.push_back(*next);
      growth.inside.insert(op(*next).out[0]);
      if (is_whole(growth) && composes(growth.group)) best = growth.group;
    }
    return best;
  }

  std::optional<OpId> next_to_join(const Growth& growth) const {
    std::optional<OpId> next;
    for (ValueId id : growth.inside)
      for (OpId user : consumers_[id]) {
        if (next && user >= *next) break;
        if (user > growth.group.ops.back() && !taken_[user] && fits(growth, op(user))) next = user;
      }
    return next;
  }

  bool fits(const Growth& growth, const Op& map) const {
    // An anchor's kernel accumulates where its group's result will be.
    if (growth.anchored && type(map.out[0]).dtype != DType::f32) return false;
    if (!std::holds_alternative<kind::Map>(map.kind) || type(map.out[0]).shape != growth.shape)
      return false;
    ValueId first = op(growth.group.ops[0]).out[0];
    if (fixed_[map.out[0]] != fixed_[first]) return false;
    return std::all_of(map.in.begin(), map.in.end(), [&](ValueId id) {
      if (growth.inside.contains(id))
        return type(id).dtype == DType::f32 && type(id).shape == growth.shape;
      return !growth.anchored || id == growth.source || is_per_channel(growth, id);
    });
  }

  bool is_per_channel(const Growth& growth, ValueId id) const {
    if (!fixed_[id]) return false;
    const Shape& shape = type(id).shape;
    std::size_t wide = 0;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] == 1) continue;
      ++wide;
      if (growth.convolve && axis + growth.shape.size() - shape.size() != 1) return false;
    }
    return wide <= 1;
  }

  bool is_whole(const Growth& growth) const {
    const auto& ops = growth.group.ops;
    for (std::size_t i = 0; i + 1 < ops.size(); ++i)
      for (ValueId id : op(ops[i]).out) {
        const auto& users = consumers_[id];
        bool leaves = std::any_of(users.begin(), users.end(), [&](OpId user) {
          return !std::binary_search(ops.begin(), ops.end(), user);
        });
        if (leaves || is_output_[id]) return false;
      }
    return true;
  }

  bool composes(const Group& group) const {
    try {
      return group_pattern(graph_, group)->operands.size() <= max_operands;
    } catch (const Error&) {
      return false;  // too many instructions
    }
  }

  const Graph& graph_;
  const GroupRules& rules_;
  ById<ValueId, std::vector<OpId>> consumers_;
  ById<ValueId, bool> is_output_;
  ById<ValueId, bool> fixed_;  // derived from weights and constants alone
  ById<OpId, bool> taken_;
};

void add_once(std::vector<ValueId>& ids, ValueId id) {
  if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
}

}  // namespace

std::vector<Group> groups(const Graph& graph, const GroupRules& rules) {
  return Grouper(graph, rules).run();
}

std::vector<ValueId> group_inputs(const Graph& graph, const Group& group) {
  std::vector<ValueId> result;
  for (OpId id : group.ops)
    for (ValueId in : graph.op(id).in)
      if (!std::binary_search(group.ops.begin(), group.ops.end(), graph.value(in).producer))
        add_once(result, in);
  return result;
}

std::vector<ValueId> group_outputs(const Graph& graph, const Group& group) {
  return graph.op(group.ops.back()).out;
}

}  // namespace pliant
