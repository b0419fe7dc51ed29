#include "graph/kinds/kinds.h"

#include <array>

namespace pliant {

std::string_view name(const Kind& kind) {
  static constexpr std::array<std::string_view, std::variant_size_v<Kind>> names = {
      "einsum", "map",       "reduce",   "gather", "reshape",      "slice",
      "concat", "pad",       "window",   "opaque", "softmax",      "normalize",
      "rotary", "attention", "convolve", "pool",   "cross_entropy"};
  return names[kind.index()];
}

bool is_composite(const Kind& kind) {
  return std::visit([]<typename T>(const T&) { return Composite<T>; }, kind);
}

}  // namespace pliant
