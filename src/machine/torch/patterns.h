// What in a graph has the shape of a fused operator.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.h"

namespace pliant::aten {

// Who reads what, for finding patterns: an inner value is read by one operator and is no output.
class Readers {
 public:
  explicit Readers(const Graph& graph);
  // The one operator that reads a value which nobody else sees.
  std::optional<OpId> only(ValueId id) const;
  const std::vector<OpId>& all(ValueId id) const { return consumers_[id]; }
  bool is_output(ValueId id) const { return outputs_[id]; }

 private:
  ById<ValueId, std::vector<OpId>> consumers_;
  ById<ValueId, bool> outputs_;
};

// [delta +] x, normalised over the last axis without its mean, [times a weight of that axis].
struct NormPattern {
  std::vector<OpId> ops;
  ValueId x = ValueId::none, delta = ValueId::none, weight = ValueId::none;
  ValueId sum = ValueId::none, y = ValueId::none;  // sum: if there is a delta
  double eps = 0;
};
std::optional<NormPattern> norm_pattern(const Graph& graph, const Readers& readers, OpId normalize);

// A norm over the last axis of [R,H,D], a rotation, or both.
struct HeadsPattern {
  std::vector<OpId> ops;
  ValueId x = ValueId::none, weight = ValueId::none, y = ValueId::none;
  bool normed = false;
  double eps = 0;
  OpId rotary = OpId::none;
};
std::optional<HeadsPattern> heads_pattern(const Graph& graph, const Readers& readers, OpId first);

// silu(gate) * up.
struct GatedPattern {
  ValueId gate = ValueId::none, up = ValueId::none;
};
std::optional<GatedPattern> gated_pattern(const Graph& graph, OpId map);

// Products of one x with neighbouring rows of one weight, or with a whole one.
struct LinearPattern {
  struct Part {
    std::int64_t first = 0, count = 0;
    ValueId y = ValueId::none;
  };
  std::vector<OpId> ops;
  ValueId x = ValueId::none, weight = ValueId::none;
  std::vector<Part> parts;
};
std::optional<LinearPattern> linear_pattern(const Graph& graph, const Readers& readers,
                                            OpId einsum);

}  // namespace pliant::aten
