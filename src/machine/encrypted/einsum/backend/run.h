// Runs a plan on a back end: in one process, or in the three parts that client and server do.
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"
#include "machine/encrypted/einsum/backend/prepare.h"
#include "machine/encrypted/einsum/program/plan.h"

namespace pliant::einsum {

struct Decrypted {
  std::vector<Tensor> outputs;  // f64
  double error_bound = 0;       // of every element
};

// The client encrypts: the ciphertexts of every secret tensor, in order, null where the plan does
// not read one; of others none. `tensors`
// in the order of plan.inputs, of any type; throws Error{invalid} naming the operand where a shape
// differs or an element exceeds the magnitude that was planned.
std::vector<std::vector<Backend::Cipher>> encrypt(const Plan& plan, Backend& backend,
                                                  std::span<const TensorView> tensors);
// The same of one secret operand.
std::vector<Backend::Cipher> encrypt_operand(const Plan& plan, Backend& backend,
                                             std::size_t operand, const TensorView& tensor);
// The server evaluates; of `tensors` it reads the plain ones alone. Throws Error{capacity} where
// the back end has too few levels or other slots than planned, before anything runs.
std::vector<Backend::Cipher> evaluate(const Plan& plan, Backend& backend,
                                      const std::vector<std::vector<Backend::Cipher>>& inputs,
                                      std::span<const TensorView> tensors);
// The same with what was encoded ahead by prepare(), for this plan and back end.
std::vector<Backend::Cipher> evaluate(const Plan& plan, Backend& backend,
                                      const std::vector<std::vector<Backend::Cipher>>& inputs,
                                      const Prepared& prepared);
// The client decrypts what evaluate() gave.
Decrypted decrypt(const Plan& plan, Backend& backend, std::span<const Backend::Cipher> outputs);

// All of it, the keys first.
Decrypted run(const Plan& plan, Backend& backend, std::span<const TensorView> tensors);

}  // namespace pliant::einsum
