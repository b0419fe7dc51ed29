// The tensors that a plan is run with, checked against it.
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"
#include "machine/encrypted/einsum/backend/backend.h"
#include "machine/encrypted/einsum/program/plan.h"

namespace pliant::einsum {

std::vector<double> elements_of(const TensorView& view);
// The elements of a tensor whose index on `axis`, of even size, is in the first half or the second;
// and all of them again.
struct Halves {
  std::vector<double> first, second;
};
Halves halves(std::span<const double> elements, const Shape& shape, int axis);
std::vector<double> whole(const Halves& halves, const Shape& shape, int axis);
// Throws Error{capacity} where the back end has too few levels or other slots than planned.
void require_fits(const Plan& plan, const Backend& backend);
// Throws Error{invalid} naming the operand where the shape differs or an element exceeds the
// magnitude that was planned.
void require_tensor(const Plan& plan, std::size_t i, const TensorView& view);
// Of every operand in the clear; `tensors` are all of the plan's.
void require_plain(const Plan& plan, std::span<const TensorView> tensors);

}  // namespace pliant::einsum
