// What an evaluating side can do before any ciphertext comes: encode what it knows in the clear.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "machine/encrypted/einsum/backend/backend.h"
#include "machine/encrypted/einsum/program/plan.h"

namespace pliant::einsum {

// Of one plan and its tensors in the clear, for one back end. Immutable; each part stays valid as
// long as somebody holds it.
struct Prepared {
  // By step: the plaintext or transform that it applies, null where it applies none.
  std::vector<std::shared_ptr<const Backend::Object>> steps;
  std::size_t bytes() const;  // of what is encoded
};

// The server does it once for many inputs; of `tensors` it reads the plain ones alone. Throws what
// evaluate() does, before anything is encoded.
Prepared prepare(const Plan& plan, Backend& backend, std::span<const TensorView> tensors);

// Makes each part as it is wanted.
class Preparing {
 public:
  // Of `tensors` it reads the plain ones alone. Program and back end must outlive it.
  Preparing(const Program& program, Backend& backend, std::span<const TensorView> tensors);
  // As Prepared has it.
  std::shared_ptr<const Backend::Object> of(std::size_t step);
  // The plaintext of a step that is no transform; and a transform, keeping no plaintext of it.
  Backend::Plaintext plaintext(std::size_t step);
  std::vector<Backend::Cipher> transform(std::size_t step, std::span<const Backend::Cipher> of,
                                         double magnitude);

 private:
  std::span<const double> slots_of(PlainId id);  // until the next call
  Backend::Values values(const Transform& transform);
  Backend::Plaintext encoded(PlainId id, int level);

  const Program& program_;
  Backend& backend_;
  ById<ClearId, std::vector<double>> clears_;
  std::vector<double> slots_;
};

}  // namespace pliant::einsum
