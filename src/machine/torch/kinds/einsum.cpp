// Einsum: one matrix product where the notation is one, libtorch's own contraction elsewhere.
#include <algorithm>

#include "machine/torch/kinds/compute.h"
#include "machine/torch/kinds/linear.h"

namespace pliant::aten {

std::optional<LinearShape> linear_shape(const kind::Einsum& kind) {
  if (kind.in.size() != 2) return {};
  const std::string &x = kind.in[0], &w = kind.in[1];
  if (w.size() != 2 || x.empty() || x.size() != kind.out.size()) return {};
  const std::string lead = x.substr(0, x.size() - 1);
  if (kind.out.substr(0, lead.size()) != lead) return {};
  std::string distinct = x + kind.out.back();
  std::ranges::sort(distinct);
  if (std::ranges::adjacent_find(distinct) != distinct.end()) return {};
  const char in = x.back(), out = kind.out.back();
  if (w[0] == out && w[1] == in) return LinearShape{true};
  if (w[0] == in && w[1] == out) return LinearShape{false};
  return {};
}

Tensors compute(const kind::Einsum& kind, const Call& call) {
  if (const auto shape = linear_shape(kind)) {
    const at::Tensor x = call.factor(0), w = call.factor(1);
    const at::Tensor y = x.reshape({-1, x.size(-1)}).mm(shape->out_first ? w.t() : w);
    return {call.held(y.reshape(call.result().shape))};
  }
  std::string notation;
  Tensors factors;
  for (std::size_t i = 0; i < kind.in.size(); ++i) {
    notation += (i == 0 ? "" : ",") + kind.in[i];
    factors.push_back(kind.in.size() == 1 ? call.real(i) : call.factor(i));
  }
  return {call.held(at::einsum(notation + "->" + kind.out, factors))};
}

}  // namespace pliant::aten
