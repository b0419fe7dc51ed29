// Emits programs: single steps, and what is done to whole tensors.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "machine/encrypted/einsum/layout/layout.h"
#include "machine/encrypted/einsum/plan/moves/move.h"
#include "machine/encrypted/einsum/program/program.h"

namespace pliant::einsum {

// A tensor in ciphertexts; the key is a ciphertext's number in the layout's addresses.
struct PlacedTensor {
  SlotLayout layout;
  std::map<std::int64_t, CipherId> ciphertexts;
};

// What a linear transform multiplies by: ones, or elements of a tensor in the clear.
struct PlainFactor {
  ClearId tensor = ClearId::none;
  std::string labels = {};
  Shape shape = {};
  std::int64_t first = 0;  // element of the tensor that is the first one of the factor
};

// The baby and giant steps of the element at an index; their sum is its distance modulo the slots.
// With a stride, giants are multiples of it and done by it (Transform::stride).
struct Turns {
  std::function<std::pair<std::int64_t, std::int64_t>(const Index&)> of;
  std::int64_t stride = 0;
};
Turns turns(const Split& split, const SlotLayout& from, const SlotLayout& to);

// One of several linear maps of a tensor.
struct LinearPart {
  SlotLayout from, to;  // the tensor's, as the map names its axes, and the result's
  Turns turns;
  PlainFactor factor = {};
  // Maps of one group have their results in the same ciphertexts, each from a slot of its own on,
  // where it finds a copy of the tensor.
  std::int64_t group = 0, slot = 0;
};

// Knows the depth of each ciphertext: the levels that lie between it and the inputs.
class ProgramBuilder {
 public:
  ProgramBuilder(std::int64_t slots, std::vector<double> magnitudes);

  std::int64_t slots() const { return program_.slots; }
  CipherId rotate(CipherId of, std::int64_t steps);  // `of` itself for a multiple of the slots
  CipherId add(CipherId left, CipherId right);
  CipherId add(CipherId of, Plain by);
  CipherId negate(CipherId of);
  CipherId multiply(CipherId left, CipherId right);
  CipherId multiply(CipherId of, Plain by);
  CipherId relinearize(CipherId of);
  CipherId rescale(CipherId of);
  std::vector<CipherId> transform(Transform transform, std::size_t results);
  CipherId shift_sum(CipherId of, std::int64_t count, std::int64_t step);
  int depth(CipherId of) const { return depths_[of]; }
  // No slot of it will exceed `bound` (State::claim).
  void claim(CipherId of, double bound) { program_.values[of].claim = bound; }
  // What was emitted is multiplied after all: a plaintext's factor, what is claimed.
  void scale(PlainId plain, double by) { program_.plains[plain].factor *= by; }
  void scale_claim(CipherId of, double by) { program_.values[of].claim *= by; }
  PlainId next_plain() const { return program_.plains.next(); }
  const Plain& at(PlainId plain) const { return program_.plains[plain]; }
  const Clear& at(ClearId clear) const { return program_.clears[clear]; }
  // Of the transform that has this result, those that it is made with; otherwise none.
  std::vector<PlainId> diagonals(CipherId result) const;
  PlainId plain(Plain plain) { return program_.plains.push_back(std::move(plain)); }
  int tensor(double magnitude);  // another one of the plan's, of elements up to `magnitude`

  PlacedTensor input(int tensor, const SlotLayout& layout);
  ClearId clear(Clear clear) { return program_.clears.push_back(std::move(clear)); }
  ClearId joined(std::vector<ClearId> parts);  // their elements, one after the other
  // Each without copies: only the elements stay.
  PlacedTensor masked(const PlacedTensor& a);
  PlacedTensor moved(const PlacedTensor& a, const LayoutMove& move);
  // By diagonals. The labels of `to` that the tensor lacks come from `factor`; those of the tensor
  // that `to` lacks are summed.
  PlacedTensor transformed(const PlacedTensor& a, const SlotLayout& to, const Turns& turns,
                           const PlainFactor& factor = {});
  // Several maps of one tensor by one transform: the result of each, as it lies.
  std::vector<PlacedTensor> transformed(const std::map<std::int64_t, CipherId>& ciphertexts,
                                        const std::vector<LinearPart>& parts);
  PlacedTensor copied(PlacedTensor a, const std::vector<LabelAxis>& copies);  // of a clean one
  // The results of `transform` are the ciphertexts `results` of a tensor in the layout `to`.
  PlacedTensor emit(Transform transform, const std::vector<std::int64_t>& results,
                    const SlotLayout& to);

  Program take(std::vector<CipherId> outputs);

 private:
  CipherId emit(Action action, int depth);
  PlacedTensor fanned(PlacedTensor a, const LayoutMove& move);
  PlacedTensor renamed(const PlacedTensor& a, const SlotLayout& to) const;

  Program program_;
  ById<CipherId, int> depths_;
};

}  // namespace pliant::einsum
