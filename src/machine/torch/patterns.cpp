#include "machine/torch/patterns.h"

#include <algorithm>

#include "machine/torch/kinds/linear.h"

namespace pliant::aten {
namespace {

template <typename Kind>
const Kind* as(const Graph& graph, OpId id) {
  return id == OpId::none ? nullptr : std::get_if<Kind>(&graph.op(id).kind);
}

const TensorType& type(const Graph& graph, ValueId id) { return graph.value(id).type; }
bool is_f32(const Graph& graph, ValueId id) { return type(graph, id).dtype == DType::f32; }

const Expr& product() {
  static const Expr expr = canonical(argument(0) * argument(1));
  return expr;
}
const Expr& sum() {
  static const Expr expr = canonical(argument(0) + argument(1));
  return expr;
}

// A Map of two f32 operands by `expr`, to f32.
bool is_pair(const Graph& graph, OpId id, const Expr& expr) {
  const auto* map = as<kind::Map>(graph, id);
  if (map == nullptr || map->dtype != DType::f32 || map->expr != expr) return false;
  const Op& op = graph.op(id);
  return op.in.size() == 2 && is_f32(graph, op.in[0]) && is_f32(graph, op.in[1]);
}

// Without its mean, over the last axis, one f32 result.
const kind::Normalize* plain_norm(const Graph& graph, OpId id) {
  const auto* norm = as<kind::Normalize>(graph, id);
  if (norm == nullptr || norm->centre || graph.op(id).out.size() != 1) return nullptr;
  const ValueId x = graph.op(id).in[0];
  const int last = static_cast<int>(type(graph, x).shape.size()) - 1;
  return is_f32(graph, x) && norm->axes == kind::Axes{last} ? norm : nullptr;
}

// The Map that multiplies `x`, which nobody else reads, by a weight of its last axis: that weight.
std::optional<std::pair<OpId, ValueId>> scaling(const Graph& graph, const Readers& readers,
                                                ValueId x) {
  const std::optional<OpId> next = readers.only(x);
  if (!next || !is_pair(graph, *next, product())) return {};
  const Op& op = graph.op(*next);
  const ValueId weight = op.in[0] == x ? op.in[1] : op.in[0];
  if (weight == x || type(graph, weight).shape != Shape{type(graph, x).shape.back()}) return {};
  return std::pair(*next, weight);
}

}  // namespace

Readers::Readers(const Graph& graph)
    : consumers_(graph.consumers()), outputs_(graph.values().size(), false) {
  for (const ValueId id : graph.outputs()) outputs_[id] = true;
}

std::optional<OpId> Readers::only(ValueId id) const {
  if (outputs_[id] || consumers_[id].size() != 1) return {};
  return consumers_[id][0];
}

std::optional<NormPattern> norm_pattern(const Graph& graph, const Readers& readers,
                                        OpId normalize) {
  const auto* norm = plain_norm(graph, normalize);
  if (norm == nullptr) return {};
  NormPattern found;
  found.eps = norm->eps;
  found.x = graph.op(normalize).in[0];
  if (const OpId before = graph.value(found.x).producer; is_pair(graph, before, sum())) {
    const Op& op = graph.op(before);
    if (type(graph, op.in[0]).shape == type(graph, op.in[1]).shape && op.in[0] != op.in[1]) {
      found.ops.push_back(before);
      found.sum = found.x;
      found.x = op.in[0];
      found.delta = op.in[1];
    }
  }
  found.ops.push_back(normalize);
  found.y = graph.op(normalize).out[0];
  if (const auto scaled = scaling(graph, readers, found.y)) {
    found.ops.push_back(scaled->first);
    found.weight = scaled->second;
    found.y = graph.op(scaled->first).out[0];
  }
  return found;
}

std::optional<HeadsPattern> heads_pattern(const Graph& graph, const Readers& readers, OpId first) {
  constexpr std::int64_t widest = 512;  // of the kernel
  HeadsPattern found;
  found.x = graph.op(first).in.empty() ? ValueId::none : graph.op(first).in[0];
  if (found.x == ValueId::none) return {};
  const TensorType& x = type(graph, found.x);
  if (x.dtype != DType::f32 || x.shape.size() != 3 || x.shape[2] > widest) return {};
  OpId last = first;
  found.y = graph.op(first).out[0];
  if (const auto* norm = plain_norm(graph, first)) {
    found.ops.push_back(first);
    found.normed = true;
    found.eps = norm->eps;
    if (const auto scaled = scaling(graph, readers, found.y)) {
      found.ops.push_back(scaled->first);
      found.weight = scaled->second;
      found.y = graph.op(scaled->first).out[0];
    }
    const std::optional<OpId> next = readers.only(found.y);
    if (!next || graph.op(*next).in[0] != found.y) return {};
    last = *next;
  }
  if (as<kind::Rotary>(graph, last) == nullptr) return {};
  found.ops.push_back(last);
  found.rotary = last;
  found.y = graph.op(last).out[0];
  return found;
}

std::optional<GatedPattern> gated_pattern(const Graph& graph, OpId id) {
  static const Expr expr = canonical(apply(Fn::silu, {argument(0)}) * argument(1));
  if (!is_pair(graph, id, expr)) return {};
  const Op& op = graph.op(id);
  const Shape &gate = type(graph, op.in[0]).shape, &up = type(graph, op.in[1]).shape;
  if (gate != up || gate.size() < 2) return {};
  return GatedPattern{op.in[0], op.in[1]};
}

namespace {

struct Product {
  std::vector<OpId> ops;
  ValueId x, weight;
  LinearPattern::Part part;
};

// One product with a whole weight [out, in], or with rows of it.
std::optional<Product> product_of(const Graph& graph, const Readers& readers, OpId id) {
  const auto* einsum = as<kind::Einsum>(graph, id);
  if (einsum == nullptr) return {};
  const auto shape = linear_shape(*einsum);
  if (!shape || !shape->out_first) return {};
  const Op& op = graph.op(id);
  if (!is_f32(graph, op.in[0]) || !is_f32(graph, op.in[1])) return {};
  Product found{{id}, op.in[0], op.in[1], {0, type(graph, op.in[1]).shape[0], op.out[0]}};
  const OpId maker = graph.value(op.in[1]).producer;
  const auto* slice = as<kind::Slice>(graph, maker);
  if (slice == nullptr || !readers.only(op.in[1])) return found;
  const ValueId whole = graph.op(maker).in[0];
  const bool rows_alone = slice->step == kind::Sizes{1, 1} && slice->start[1] == 0 &&
                          slice->size[1] == type(graph, whole).shape[1];
  if (!rows_alone) return found;
  found.ops = {maker, id};
  found.weight = whole;
  found.part.first = slice->start[0];
  return found;
}

}  // namespace

std::optional<LinearPattern> linear_pattern(const Graph& graph, const Readers& readers,
                                            OpId einsum) {
  const auto first = product_of(graph, readers, einsum);
  if (!first) return {};
  std::vector<Product> products{*first};
  for (const OpId other : readers.all(first->x)) {
    if (other == einsum) continue;
    const auto more = product_of(graph, readers, other);
    if (more && more->x == first->x && more->weight == first->weight) products.push_back(*more);
  }
  std::ranges::sort(products, {}, [](const Product& each) { return each.part.first; });
  LinearPattern found{{}, first->x, first->weight, {}};
  for (const Product& each : products) {
    if (!found.parts.empty() &&
        found.parts.back().first + found.parts.back().count != each.part.first)
      return LinearPattern{first->ops, first->x, first->weight, {first->part}};
    found.ops.insert(found.ops.end(), each.ops.begin(), each.ops.end());
    found.parts.push_back(each.part);
  }
  std::ranges::sort(found.ops);
  return found;
}

}  // namespace pliant::aten
