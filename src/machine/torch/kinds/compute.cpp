#include "machine/torch/kinds/compute.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/pool.h"
#include "graph/reference/reference.h"
#include "machine/torch/kinds/values.h"

namespace pliant::aten {
namespace {

// Arithmetic on integers alone wraps and has no gradient: it is the reference evaluator's.
bool is_whole(const Call& call) {
  const auto& kind = call.op.kind;
  if (!std::holds_alternative<kind::Einsum>(kind) && !std::holds_alternative<kind::Map>(kind) &&
      !std::holds_alternative<kind::Reduce>(kind))
    return false;
  for (std::size_t i = 0; i < call.op.in.size(); ++i)
    if (is_float(call.dtype(i))) return false;
  return !is_float(call.result().dtype);
}

Tensors compute_whole(const Call& call) {
  std::vector<Tensor> operands, results;
  std::vector<TensorView> in, out;
  for (std::size_t i = 0; i < call.in.size(); ++i) {
    const auto sizes = call.in[i].sizes();
    operands.emplace_back(TensorType{call.dtype(i), Shape(sizes.begin(), sizes.end())});
    in.push_back(operands.back().view());
    write(call.in[i], in.back());
  }
  for (std::size_t i = 0; i < call.op.out.size(); ++i)
    out.push_back(results.emplace_back(call.result(i)).view());
  ThreadPool pool(1);
  evaluate(call.op, in, out, pool);
  Tensors tensors;
  const at::Device device = call.in.empty() ? at::Device(at::kCPU) : call.in[0].device();
  for (const TensorView& view : out) tensors.push_back(copied(view, device));
  return tensors;
}

}  // namespace

TensorType Call::result(std::size_t i) const {
  const Value& value = graph.value(op.out[i]);
  TensorType type = value.type;
  if (value.rows) type.shape[0] = rows;
  return type;
}

at::Tensor Call::real(std::size_t operand) const { return aten::real(in[operand], dtype(operand)); }

at::Tensor Call::factor(std::size_t operand) const {
  if (half && dtype(operand) != DType::f64) return in[operand].to(at::kBFloat16);
  return real(operand);
}

at::Tensor Call::held(const at::Tensor& real, std::size_t i) const {
  const DType dtype = result(i).dtype;
  if (half && dtype == DType::f32 && real.scalar_type() == at::kBFloat16) return real;
  return aten::held(real, dtype);
}

Tensors compute(const Call& call) {
  if (is_whole(call)) return compute_whole(call);
  return std::visit(Overloaded{[&](const auto& kind) { return compute(kind, call); },
                               [&](const kind::Opaque&) -> Tensors {
                                 throw Error(ErrorKind::unsupported, call.op.name,
                                             "a foreign operator");
                               }},
                    call.op.kind);
}

}  // namespace pliant::aten
