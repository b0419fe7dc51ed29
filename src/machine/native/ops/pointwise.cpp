#include "machine/native/ops/pointwise.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "machine/native/kernels/convert.h"

namespace pliant::native {

namespace {

Code prepare_code(const Expr& expr) {
  Code code;
  code.instructions = expr.code;
  for (const Instruction& instruction : expr.code) {
    code.constants.push_back(static_cast<float>(instruction.value));
    code.arities.push_back(arity(instruction.fn));
  }
  return code;
}

bool links(Fn fn) {
  return fn == Fn::add || fn == Fn::subtract || fn == Fn::multiply || fn == Fn::maximum ||
         fn == Fn::minimum;
}

// From the result backwards: each step has a leaf on one side, and on the other the step before it
// or the start.
StepChain chain_of(const Expr& expr) {
  const auto leaf = [&](std::size_t i) {
    return expr.code[i].fn == Fn::argument || expr.code[i].fn == Fn::constant;
  };
  StepChain chain;
  std::size_t at = expr.code.size() - 1;
  while (links(expr.code[at].fn) && chain.links.size() < StepChain::most_links) {
    const Instruction& step = expr.code[at];
    const bool reversed = leaf(step.a) && (!leaf(step.b) || expr.code[step.a].fn == Fn::constant);
    const Instruction& operand = expr.code[reversed ? step.a : step.b];
    if (!leaf(reversed ? step.a : step.b)) return {};
    const bool constant = operand.fn == Fn::constant;
    chain.links.insert(chain.links.begin(),
                       {step.fn, constant ? -1 : operand.a,
                        static_cast<float>(constant ? operand.value : 0), reversed});
    at = reversed ? step.b : step.a;
  }
  if (expr.code[at].fn == Fn::argument) chain.start = expr.code[at].a;
  return chain;
}

// `scalar(k)`: argument k is one value along a row.
template <typename Scalar>
std::optional<StepChain::Affine> affine_of(const StepChain& chain, const Scalar& scalar) {
  StepChain::Affine affine;
  int stage = 0;  // steps come in the order multiply, add, maximum, each once at most
  for (const StepChain::Link& link : chain.links) {
    const int next = link.fn == Fn::multiply  ? 1
                     : link.fn == Fn::add     ? 2
                     : link.fn == Fn::maximum ? 3
                                              : 0;
    const bool constant = link.argument < 0;
    if (next <= stage || link.reversed || (!constant && (next == 3 || !scalar(link.argument))))
      return std::nullopt;
    stage = next;
    if (next == 3) affine.floor = link.constant;
    (next == 1 ? affine.scale : affine.shift) = next == 3 ? affine.shift : link.argument;
    if (constant && next == 1) affine.scale_constant = link.constant;
    if (constant && next == 2) affine.shift_constant = link.constant;
  }
  return affine;
}

// Strides of an operand that is broadcast to `shape`, one per axis of `shape`.
std::vector<std::int64_t> broadcast_strides(const Shape& shape, const Shape& operand) {
  std::vector<std::int64_t> result(shape.size(), 0);
  const std::vector<std::int64_t> own = strides(operand);
  for (std::size_t i = 0; i < operand.size(); ++i)
    if (operand[i] != 1) result[shape.size() - operand.size() + i] = own[i];
  return result;
}

}  // namespace

Pointwise::Pointwise(const Expr& expr, std::span<const TensorType> operands,
                     const TensorType& result, const Options& options, bool integers)
    : kernels_(&map_kernels(options.isa)),
      expr_(expr),
      code_(prepare_code(expr)),
      result_(result.dtype) {
  assert(operands.size() <= most_operands);
  integer_ = integers && !is_float(result.dtype);
  for (const TensorType& type : operands) {
    dtypes_.push_back(type.dtype);
    integer_ = integer_ && !is_float(type.dtype);
  }
  if (options.chains &&
      std::ranges::all_of(dtypes_, [](DType each) { return each == DType::f32; }) &&
      result_ == DType::f32)
    chain_ = chain_of(expr);
  merge(result.shape, operands);
  const auto fits = [&](std::size_t k) { return strides_[k].back() <= 1; };
  for (std::size_t k = 0; k < operands.size(); ++k)
    if (!fits(k) || (static_cast<int>(k) == chain_.start && strides_[k].back() == 0))
      chain_.start = -1;
  chain_.affine = affine_of(chain_, [&](int argument) { return strides_[argument].back() == 0; });
}

void Pointwise::merge(const Shape& shape, std::span<const TensorType> operands) {
  std::vector<std::vector<std::int64_t>> full;
  for (const TensorType& type : operands) full.push_back(broadcast_strides(shape, type.shape));
  strides_.resize(operands.size());
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] == 1) continue;
    bool joins = !sizes_.empty();
    for (std::size_t i = 0; joins && i < full.size(); ++i)
      joins = strides_[i].back() == full[i][axis] * shape[axis];
    if (joins) sizes_.back() *= shape[axis];
    else sizes_.push_back(shape[axis]);
    for (std::size_t i = 0; i < full.size(); ++i) {
      if (joins) strides_[i].back() = full[i][axis];
      else strides_[i].push_back(full[i][axis]);
    }
  }
  if (!sizes_.empty()) return;
  sizes_.push_back(1);
  for (auto& stride : strides_) stride.push_back(0);
}

void Pointwise::run(const Argument* arguments, std::byte* out, std::int64_t n) const {
  if (chain_.start >= 0)
    return kernels_->chain(chain_, arguments, reinterpret_cast<float*>(out), n);
  if (!integer_) return kernels_->interpret(code_, arguments, out, result_, n);
  std::array<std::int64_t, most_operands> values{};
  const std::size_t count = dtypes_.size();
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < count; ++k)
      values[k] = load_int(arguments[k].data, arguments[k].dtype, i * arguments[k].stride);
    store_int(out, result_, i, evaluate_int(expr_, {values.data(), count}));
  }
}

void Pointwise::apply(std::span<const std::byte* const> operands, std::byte* out,
                      std::int64_t first, std::int64_t n) const {
  assert(operands.size() == dtypes_.size());
  std::array<Argument, most_operands> arguments;
  const std::int64_t inner = sizes_.back(), last = first + n, size = size_of(result_);
  while (first < last) {
    std::int64_t index = first / inner;  // divisions are slow: none for the outermost axis
    const std::int64_t start = first - index * inner,
                       length = std::min(inner - start, last - first);
    std::array<std::int64_t, most_operands> offsets;
    for (std::size_t k = 0; k < operands.size(); ++k) offsets[k] = start * strides_[k].back();
    for (std::size_t axis = sizes_.size() - 1; axis-- > 0;) {
      const std::int64_t outer = axis == 0 ? 0 : index / sizes_[axis],
                         at = index - outer * sizes_[axis];
      for (std::size_t k = 0; k < operands.size(); ++k) offsets[k] += at * strides_[k][axis];
      index = outer;
    }
    for (std::size_t k = 0; k < operands.size(); ++k)
      arguments[k] = {operands[k] + offsets[k] * size_of(dtypes_[k]), dtypes_[k],
                      strides_[k].back()};
    run(arguments.data(), out + first * size, length);
    first += length;
  }
}

}  // namespace pliant::native
