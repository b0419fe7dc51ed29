#include "machine/encrypted/einsum/program/bounds.h"

#include <algorithm>
#include <cmath>

namespace pliant::einsum {
namespace {

using Bounds = std::vector<double>;  // of |slot|; zero where a slot is known to be zero

// Values go when their last use is past: as many vectors as the program itself keeps ciphertexts.
class Bounding {
 public:
  Bounding(const Program& program, const std::vector<SlotLayout>& inputs)
      : program_(program),
        inputs_(inputs),
        bounds_(program.values.size()),
        last_use_(program.values.size(), 0) {
    for (std::size_t i = 0; i < program.steps.size(); ++i)
      for (const CipherId id : operands(program.steps[i].action)) last_use_[id] = i;
  }

  template <typename Visit>
  void run(const Visit& visit) {
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
      const ProgramStep& step = program_.steps[i];
      for (std::size_t r = 0; r < step.out.size(); ++r) {
        Bounds bounds = std::visit([&](const auto& action) { return of(action, r); }, step.action);
        for (double& bound : bounds) bound = std::min(bound, program_.values[step.out[r]].claim);
        visit(step.out[r], std::span<const double>(bounds));
        bounds_[step.out[r]] = std::move(bounds);
      }
      for (const CipherId id : operands(step.action))
        if (last_use_[id] == i) bounds_[id] = {};
    }
  }

 private:
  Bounds of(const Input& a, std::size_t) const {
    const SlotLayout& layout = inputs_[a.tensor];
    const double magnitude = program_.magnitudes[a.tensor];
    Bounds result(program_.slots, layout.clean ? 0 : magnitude);
    const std::int64_t number = ciphertexts(layout)[a.index];
    for (const std::int64_t offset : copy_offsets(layout))
      for (const std::int64_t at : addresses(layout))
        if ((at + offset) / layout.slots == number)
          result[(at + offset) % layout.slots] = magnitude;
    return result;
  }
  Bounds of(const Rotate& a, std::size_t) const {
    const Bounds& x = bounds_[a.of];
    Bounds result(x.size());
    std::ranges::rotate_copy(x, x.begin() + modulo(a.steps, program_.slots), result.begin());
    return result;
  }
  Bounds of(const Add& a, std::size_t) const {
    Bounds result = bounds_[a.left];
    for (std::size_t i = 0; i < result.size(); ++i) result[i] += bounds_[a.right][i];
    return result;
  }
  Bounds of(const Multiply& a, std::size_t) const {
    Bounds result = bounds_[a.left];
    for (std::size_t i = 0; i < result.size(); ++i) result[i] *= bounds_[a.right][i];
    return result;
  }
  Bounds of(const MultiplyPlain& a, std::size_t) const {
    const Plain& by = program_.plains[a.by];
    Bounds result(program_.slots, 0);
    for (const Plain::Cell& cell : by.cells)
      result[cell.slot] += bounds_[a.of][cell.slot] * bound(by, program_);
    return result;
  }
  Bounds of(const AddPlain& a, std::size_t) const {
    const Plain& by = program_.plains[a.by];
    Bounds result = bounds_[a.of];
    for (const Plain::Cell& cell : by.cells) result[cell.slot] += bound(by, program_);
    return result;
  }
  Bounds of(const Transform& a, std::size_t r) const {
    Bounds result(program_.slots, 0);
    for (const Transform::Term& term : a.terms) {
      if (std::cmp_not_equal(term.result, r)) continue;
      const Plain& by = program_.plains[term.plain];
      const Bounds& x = bounds_[a.of[term.source]];
      for (const Plain::Cell& cell : by.cells)
        result[modulo(cell.slot - term.giant, program_.slots)] +=
            bound(by, program_) * x[modulo(cell.slot + term.baby, program_.slots)];
    }
    return result;
  }
  Bounds of(const auto& a, std::size_t) const { return bounds_[a.of]; }

  const Program& program_;
  const std::vector<SlotLayout>& inputs_;
  ById<CipherId, Bounds> bounds_;
  ById<CipherId, std::size_t> last_use_;
};

}  // namespace

void each_slot_bound(const Program& program, const std::vector<SlotLayout>& inputs,
                     const std::function<void(CipherId, std::span<const double>)>& visit) {
  Bounding(program, inputs).run(visit);
}

void assign_magnitudes(Program& program, const std::vector<SlotLayout>& inputs) {
  each_slot_bound(program, inputs, [&](CipherId id, std::span<const double> bounds) {
    program.values[id].magnitude = *std::ranges::max_element(bounds);
  });
}

}  // namespace pliant::einsum
