#include <algorithm>

#include "machine/native/group_kernel.h"
#include "machine/native/windows/tap_rows.h"

namespace pliant::native {

namespace {

using Refused = std::optional<std::string>;

bool is_half(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }

struct Types {
  const Graph& graph;
  const Op& op;

  const TensorType& in(std::size_t i) const { return graph.value(op.in[i]).type; }
  const TensorType& out(std::size_t i) const { return graph.value(op.out[i]).type; }

  Refused only_f32(std::size_t operands) const {
    for (std::size_t i = 0; i < operands; ++i)
      if (in(i).dtype != DType::f32)
        return "operand " + std::to_string(i) + " is " + to_string(in(i)) +
               "; this kind runs in f32 only";
    return {};
  }
  Refused no_wide_floats() const {
    for (const auto& ids : {op.in, op.out})
      for (const ValueId id : ids)
        if (graph.value(id).type.dtype == DType::f64)
          return "'" + graph.value(id).name + "' is f64; arithmetic runs in f32 only";
    return {};
  }
};

Refused spatial_rank(const Types& types) {
  const std::size_t rank = types.in(0).shape.size() - 2;
  if (rank > 3) return std::to_string(rank) + " spatial axes; the most is 3";
  return types.only_f32(types.op.in.size());
}

Refused check(const kind::Opaque& kind, const Types&) {
  return "a foreign operator (" + kind.domain + (kind.domain.empty() ? "" : ".") + kind.type + ")";
}

Refused check(const kind::Einsum& kind, const Types& types) {
  if (kind.in.size() > 8) return std::to_string(kind.in.size()) + " operands; the most is 8";
  if (kind.in.size() > 1) return types.only_f32(kind.in.size());
  const bool sums = kind.in[0].find_first_not_of(kind.out) != std::string::npos;
  if (sums && (is_half(types.in(0).dtype) || types.in(0).dtype == DType::f64))
    return types.only_f32(1);
  return {};
}

Refused check(const kind::Map&, const Types& types) {
  if (types.op.in.size() > most_operands)
    return std::to_string(types.op.in.size()) + " operands; the most is " +
           std::to_string(most_operands);
  return types.no_wide_floats();
}

Refused check(const kind::Reduce&, const Types& types) {
  if (is_float(types.in(0).dtype)) return types.only_f32(1);
  return {};
}

Refused check(const kind::Softmax&, const Types& types) { return types.only_f32(1); }
Refused check(const kind::Normalize&, const Types& types) { return types.only_f32(1); }
Refused check(const kind::Rotary&, const Types& types) { return types.only_f32(1); }
Refused check(const kind::Attention& kind, const Types& types) {
  if (kind.cache < 0) return types.only_f32(3);
  if (!kind.causal)
    return "reads a cache but is not causal: what a row sees would depend on the rows of its run";
  if (kind.has_tree) return "reads a cache under a tree mask";
  for (const std::size_t i : {kind.k, kind.v})
    if (types.in(i).shape[2] > kv::widest_head)
      return "cached heads are " + std::to_string(types.in(i).shape[2]) + " wide; the most is " +
             std::to_string(kv::widest_head);
  for (const std::size_t i : {kind.seq, kind.pos, kind.tag})
    if (types.graph.value(types.op.in[i]).role != Role::input)
      return "reads a cache, but '" + types.graph.value(types.op.in[i]).name +
             "' is not an input of the graph";
  return types.only_f32(3);
}
Refused check(const kind::CrossEntropy&, const Types& types) { return types.only_f32(2); }
Refused check(const kind::Convolve&, const Types& types) { return spatial_rank(types); }

Refused check(const kind::Pool& kind, const Types& types) {
  if (auto refused = spatial_rank(types)) return refused;
  const Shape& x = types.in(0).shape;
  if (elements(types.out(0).shape) == x[0] * x[1] && Shape(x.begin() + 2, x.end()) == kind.size)
    return {};  // whole planes are pooled where they are
  const Spatial s =
      spatial_of(x, types.out(0).shape, kind.size, kind.stride, kind.low, kind.dilation, false);
  const std::int64_t floats = TapRows(s).floats(1);
  if (floats <= pool_room) return {};
  return "a window row that spans " + std::to_string(floats) + " elements; the most is " +
         std::to_string(pool_room);
}

Refused check(const kind::Gather&, const Types&) { return {}; }
Refused check(const kind::Reshape&, const Types&) { return {}; }
Refused check(const kind::Slice&, const Types&) { return {}; }
Refused check(const kind::Concat&, const Types&) { return {}; }
Refused check(const kind::Pad&, const Types&) { return {}; }
Refused check(const kind::Window&, const Types&) { return {}; }

}  // namespace

bool uses_cache(const Op& op) {
  const auto* attention = std::get_if<kind::Attention>(&op.kind);
  return attention != nullptr && attention->cache >= 0;
}

Refused refusal(const Graph& graph, const Op& op) {
  const Types types{graph, op};
  return std::visit([&](const auto& kind) { return check(kind, types); }, op.kind);
}

}  // namespace pliant::native
