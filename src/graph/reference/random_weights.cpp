#include "graph/reference/random_weights.h"

#include <algorithm>
#include <cmath>

#include "core/rng.h"

namespace pliant {
namespace {

double product_without(const Shape& shape, std::size_t axis) {
  double product = 1;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (i != axis) product *= static_cast<double>(shape[i]);
  return product;
}

double contracted_size(const kind::Einsum& einsum, std::size_t operand, const Shape& shape) {
  double product = 1;
  std::string seen = einsum.out;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const char label = einsum.in[operand][axis];
    if (seen.find(label) == std::string::npos) product *= static_cast<double>(shape[axis]);
    seen += label;
  }
  return product;
}

// Kinds that rearrange a weight and leave its fan-in to whoever reads the result.
bool passes_on(const Op& op) {
  if (const auto* einsum = std::get_if<kind::Einsum>(&op.kind)) return einsum->in.size() == 1;
  return std::holds_alternative<kind::Map>(op.kind) ||
         std::holds_alternative<kind::Slice>(op.kind) ||
         std::holds_alternative<kind::Reshape>(op.kind);
}

double fan_in(const Graph& graph, const ById<ValueId, std::vector<OpId>>& consumers,
              ValueId weight) {
  for (ValueId id = weight; !consumers[id].empty();) {
    const Op& op = graph.op(consumers[id].front());
    const Shape& shape = graph.value(id).type.shape;
    const auto operand = static_cast<std::size_t>(std::ranges::find(op.in, id) - op.in.begin());
    if (const auto* convolve = std::get_if<kind::Convolve>(&op.kind);
        convolve != nullptr && operand == convolve->w)
      return product_without(shape, convolve->transposed ? 1 : 0);
    if (std::holds_alternative<kind::Gather>(op.kind) && operand == kind::Gather::x) return 1;
    if (!passes_on(op)) {
      if (const auto* einsum = std::get_if<kind::Einsum>(&op.kind))
        return contracted_size(*einsum, operand, shape);
      break;
    }
    id = op.out[0];
  }
  return product_without(graph.value(weight).type.shape, 0);
}

// Small integers; those that index a table stay inside it.
void fill_integers(const Graph& graph, const std::vector<OpId>& readers, ValueId id,
                   const TensorView& view, Rng& rng) {
  const DType dtype = view.type.dtype;
  const bool is_signed =
      dtype == DType::i8 || dtype == DType::i16 || dtype == DType::i32 || dtype == DType::i64;
  double low = is_signed ? -8 : 0, high = dtype == DType::boolean ? 2 : 8;
  for (const OpId reader : readers) {
    const Op& op = graph.op(reader);
    const auto* gather = std::get_if<kind::Gather>(&op.kind);
    if (gather == nullptr || op.in[gather->index] != id) continue;
    const std::int64_t size = graph.value(op.in[gather->x]).type.shape[gather->axis];
    low = 0;
    high = std::min(high, static_cast<double>(size));
  }
  fill_uniform(view, rng, low, high);
}

}  // namespace

WeightStore random_weights(const Graph& graph, std::uint64_t seed) {
  const auto consumers = graph.consumers();
  WeightStore store;
  for (const ValueId id : graph.values().ids()) {
    const Value& value = graph.value(id);
    if (value.role != Role::weight) continue;
    Rng rng(seed, hash64(value.name));
    Tensor tensor(value.type);
    if (!is_float(value.type.dtype)) fill_integers(graph, consumers[id], id, tensor.view(), rng);
    else if (value.type.shape.size() <= 1) fill_uniform(tensor.view(), rng, 0.5, 1.5);
    else
      fill_normal(tensor.view(), rng, 1 / std::sqrt(std::max(1.0, fan_in(graph, consumers, id))));
    store.add(value.name, std::move(tensor));
  }
  return store;
}

}  // namespace pliant
