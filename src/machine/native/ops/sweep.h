// Visits an operand whose axes are kept or reduced: row by row where the reduced part is
// contiguous, else down blocks of columns where the kept part is.
#pragma once

#include <algorithm>

#include "machine/native/ops/operator_kernel.h"

namespace pliant::native {

class Sweep {
 public:
  static constexpr std::int64_t short_row = 16;  // elements at most

  // Strides: [0] in the operand, [1] in the result.
  Sweep(const Nest<2>& kept, const Nest<2>& reduced) : kept_(merge(kept)), lines_(merge(reduced)) {
    for (const Axis<2>& axis : reduced) reduced_ *= axis.size;
    if (!lines_.empty() && lines_.back().stride[0] == 1) {
      length_ = lines_.back().size;
      lines_.pop_back();
    } else if (!kept_.empty() && !kept_.back().rows && kept_.back().stride[0] == 1 &&
               kept_.back().stride[1] == 1) {
      columns_ = kept_.back().size;
      kept_.pop_back();
    }
  }

  std::int64_t kept(const Rows& rows) const { return count(kept_, rows); }

  // Rows that follow each other in operand and result, too short for a vector each.
  bool short_rows() const {
    std::int64_t distance = length_;
    for (std::size_t a = kept_.size(); a-- > 0; distance *= kept_[a].size)
      if (kept_[a].stride[0] != distance || kept_[a].stride[1] != distance) return false;
    return columns_ == 0 && lines_.empty() && length_ == reduced_ && length_ > 1 &&
           length_ <= short_row;
  }

  std::int64_t reduced() const { return reduced_; }  // elements that become one

  // row(x, to) per kept element, or column(x, to, n) per block of at most block_elements columns;
  // then done(to, n) over contiguous elements of the result.
  template <typename Row, typename Column, typename Done>
  void run(const KernelCall& call, const Row& row, const Column& column, const Done& done) const {
    const std::int64_t outer = count(kept_, call.rows);
    if (columns_ > 0) {
      const std::int64_t blocks = (columns_ + block_elements - 1) / block_elements;
      each(call.pool, outer * blocks, [&](std::int64_t task) {
        const auto at = offsets(kept_, task / blocks, call.rows);
        const std::int64_t first = task % blocks * block_elements,
                           n = std::min(block_elements, columns_ - first);
        column(call.f32(0) + at[0] + first, at[1] + first, n);
        done(at[1] + first, n);
      });
      return;
    }
    const std::int64_t grain =
        std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(reduced_, 1));
    pieces(call.pool, outer, grain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const auto at = offsets(kept_, i, call.rows);
        row(call.f32(0) + at[0], at[1]);
        done(at[1], 1);
      }
    });
  }

  // visit(p, length) for each contiguous line that belongs to the kept element (or block of
  // columns) at x.
  template <typename Visit>
  void lines(const KernelCall& call, const float* x, const Visit& visit) const {
    if (lines_.empty()) return visit(x, length_);
    walk(lines_, call.rows,
         [&](const std::array<std::int64_t, 2>& at) { visit(x + at[0], length_); });
  }

 private:
  Nest<2> kept_, lines_;
  std::int64_t reduced_ = 1, length_ = 1, columns_ = 0;
};

}  // namespace pliant::native
