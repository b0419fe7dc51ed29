// A Map over linear ranges of its result: as an operator of its own, or as what follows a kernel on
// its result's tile.
#pragma once

#include <span>
#include <vector>

#include "graph/graph.h"
#include "machine/native/kernels/kernels.h"
#include "machine/native/ops/options.h"

namespace pliant::native {

class Pointwise {
 public:
  // Operands broadcast to `result`'s shape. Integers: computed in i64 if operands and result all
  // are.
  Pointwise(const Expr& expr, std::span<const TensorType> operands, const TensorType& result,
            const Options& options, bool integers = true);

  // Elements [first, first + n) of the result, in row-major order. operands[i] is the start of
  // operand i's data; `out` may be one that is not broadcast and has elements of the same size.
  void apply(std::span<const std::byte* const> operands, std::byte* out, std::int64_t first,
             std::int64_t n) const;

  std::size_t operands() const { return dtypes_.size(); }

 private:
  void run(const Argument* arguments, std::byte* out, std::int64_t n) const;
  void merge(const Shape& shape, std::span<const TensorType> operands);

  const MapKernels* kernels_;
  Expr expr_;
  Code code_;
  StepChain chain_;
  DType result_;
  bool integer_ = false;
  std::vector<DType> dtypes_;
  std::vector<std::int64_t> sizes_;                 // merged axes, outermost first; at least one
  std::vector<std::vector<std::int64_t>> strides_;  // per operand
};

// of an expression: as many as it has instructions
inline constexpr std::size_t most_operands = 64;

}  // namespace pliant::native
