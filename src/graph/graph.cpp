#include "graph/graph.h"

#include <algorithm>
#include <map>

#include "core/checked.h"

namespace pliant {
namespace {

std::int64_t product(const Shape& shape, std::string_view place) {
  std::int64_t total = 1;
  for (std::int64_t size : shape) total = checked_multiply(total, size, place);
  return total;
}

std::int64_t einsum_macs(const Graph& graph, const Op& op, const kind::Einsum& kind) {
  if (op.in.size() < 2) return 0;
  std::map<char, std::int64_t> sizes;
  for (std::size_t i = 0; i < op.in.size(); ++i)
    for (std::size_t axis = 0; axis < kind.in[i].size(); ++axis)
      sizes[kind.in[i][axis]] = graph.value(op.in[i]).type.shape[axis];
  std::int64_t total = 1;
  for (auto [label, size] : sizes) total = checked_multiply(total, size, op.name);
  return total;
}

std::int64_t convolve_macs(const Graph& graph, const Op& op, const kind::Convolve& kind) {
  const Shape& pixels = graph.value(kind.transposed ? op.in[kind.x] : op.out[0]).type.shape;
  Shape kernel = graph.value(op.in[kind.w]).type.shape;
  kernel[0] = 1;
  return checked_multiply(product(pixels, op.name), product(kernel, op.name), op.name);
}

std::int64_t attention_macs(const Graph& graph, const Op& op, const kind::Attention& kind) {
  const Shape& q = graph.value(op.in[kind.q]).type.shape;
  std::int64_t depth = checked_add(q[2], graph.value(op.in[kind.v]).type.shape[2], op.name);
  return product({q[0], q[0], q[1], depth}, op.name);
}

std::int64_t cross_entropy_macs(const Graph& graph, const Op& op, const kind::CrossEntropy& kind) {
  const Shape& hidden = graph.value(op.in[kind.hidden]).type.shape;
  return product({hidden[0], hidden[1], graph.value(op.in[kind.table]).type.shape[0]}, op.name);
}

}  // namespace

std::optional<ValueId> Graph::find(std::string_view value_name) const {
  auto at = std::lower_bound(
      by_name_.begin(), by_name_.end(), value_name,
      [&](ValueId id, std::string_view wanted) { return value(id).name < wanted; });
  if (at == by_name_.end() || value(*at).name != value_name) return std::nullopt;
  return *at;
}

ById<ValueId, std::vector<OpId>> Graph::consumers() const {
  ById<ValueId, std::vector<OpId>> result(values_.size());
  for (const OpId op : ops_.ids())
    for (const ValueId in : ops_[op].in)
      if (auto& users = result[in]; users.empty() || users.back() != op) users.push_back(op);
  return result;
}

std::int64_t macs(const Graph& graph, const Op& op) {
  return std::visit(
      Overloaded{
          [&](const kind::Einsum& kind) { return einsum_macs(graph, op, kind); },
          [&](const kind::Convolve& kind) { return convolve_macs(graph, op, kind); },
          [&](const kind::Attention& kind) { return attention_macs(graph, op, kind); },
          [&](const kind::CrossEntropy& kind) { return cross_entropy_macs(graph, op, kind); },
          [](const auto&) { return std::int64_t{0}; },
      },
      op.kind);
}

}  // namespace pliant
