#include "machine/encrypted/einsum/backend/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <functional>
#include <limits>
#include <numbers>

#include "core/error.h"
#include "machine/encrypted/einsum/backend/operands.h"
#include "machine/encrypted/einsum/program/gains.h"

namespace pliant::einsum {
namespace {

using Cipher = Backend::Cipher;

// An error is multiplied by factors that have errors themselves: far less than this, relatively.
constexpr double kOfFactors = 0x1p-16;

// Every ciphertext that the program reads.
void require_inputs(const Plan& plan, const std::vector<std::vector<Cipher>>& inputs) {
  if (inputs.size() != plan.inputs.size())
    throw Error(ErrorKind::invalid, "einsum " + plan.expression,
                fmt::format("{} encrypted operands, planned for {} in all", inputs.size(),
                            plan.inputs.size()));
  for (const ProgramStep& step : plan.program.steps)
    if (const auto* input = std::get_if<Input>(&step.action))
      if (std::cmp_less_equal(inputs[input->tensor].size(), input->index) ||
          inputs[input->tensor][input->index] == nullptr)
        throw Error(ErrorKind::invalid,
                    fmt::format("einsum {}, operand {}", plan.expression, input->tensor),
                    fmt::format("ciphertext {} is missing", input->index));
}

bool knows_deviations(const Backend& backend) {
  return std::isfinite(backend.deviation({Disturbance::Kind::encryption}));
}
bool has_gains(const Plan& plan) {
  return std::ranges::all_of(plan.outputs,
                             [](const auto& output) { return output.gains.has_value(); });
}

// By the plan's gains: random errors as ckks::ErrorModel::bound takes them, exceeded in one of the
// elements with a probability below 2^-30.
double sharp_bound(const PlannedOutput& output, const Backend& backend, const Cipher& cipher) {
  if (!output.gains || output.gains->empty()) return std::numeric_limits<double>::infinity();
  double squares = 0, peaks = 0, sum = 0;
  for (const ErrorGain& gain : *output.gains) {
    if (gain.squares > 0) {
      const double deviation = backend.deviation(gain.of);
      squares += gain.squares * deviation * deviation;
      peaks += gain.peaks * deviation * deviation;
    }
    if (gain.sum > 0) sum += gain.sum * backend.fixed(cipher, gain.of);
  }
  const double tail =
      30 * std::numbers::ln2 + std::log(static_cast<double>(elements(output.shape)) + 1) + 3;
  return (1 + kOfFactors) * (sum + std::sqrt(tail * squares) + tail / 2 * std::sqrt(peaks));
}

// One step after the other. A ciphertext goes when its last use is past.
class Interpreter {
 public:
  using Results = std::vector<Cipher>;
  // What a step applies, encoded ahead or now.
  struct Applied {
    std::function<Backend::Plaintext(std::size_t step)> plaintext;
    std::function<Results(std::size_t step, std::span<const Cipher> of, double magnitude)>
        transform;
  };

  Interpreter(const Plan& plan, Backend& backend, const std::vector<std::vector<Cipher>>& inputs,
              Applied applied)
      : program_(plan.program),
        backend_(backend),
        inputs_(inputs),
        applied_(std::move(applied)),
        turnovers_(key_turnovers(plan.program)),
        values_(program_.values.size()),
        last_use_(program_.values.size(), 0) {
    for (std::size_t i = 0; i < program_.steps.size(); ++i)
      for (const CipherId id : operands(program_.steps[i].action)) last_use_[id] = i;
    for (const CipherId id : program_.outputs) last_use_[id] = program_.steps.size();
  }

  std::vector<Cipher> run() {
    for (std::size_t i = 0; i < program_.steps.size();) i += advance(i);
    std::vector<Cipher> outputs;
    for (const CipherId id : program_.outputs) outputs.push_back(values_[id]);
    return outputs;
  }

 private:
  // How many steps were done: a relinearisation and its rescale are one division.
  std::size_t advance(std::size_t i) {
    const ProgramStep& step = program_.steps[i];
    backend_.load_keys(turnovers_[i].first);
    const auto* first = std::get_if<Relinearize>(&step.action);
    const bool both = first != nullptr && i + 1 < program_.steps.size() &&
                      std::holds_alternative<Rescale>(program_.steps[i + 1].action) &&
                      operands(program_.steps[i + 1].action)[0] == step.out[0] &&
                      last_use_[step.out[0]] == i + 1;
    if (both) keep(program_.steps[i + 1], {backend_.relinearize_rescale(values_[first->of])});
    else
      keep(step, std::visit([&](const auto& action) { return perform(action, i); }, step.action));
    backend_.free_keys(turnovers_[i].last);
    for (const CipherId id : operands(step.action))
      if (last_use_[id] == i) values_[id] = nullptr;
    return both ? 2 : 1;
  }

  void keep(const ProgramStep& step, const Results& results) {
    for (std::size_t r = 0; r < results.size(); ++r) {
      values_[step.out[r]] = results[r];
      backend_.tighten(results[r], program_.values[step.out[r]].magnitude);
    }
  }

  Results perform(const Input& a, std::size_t) { return {inputs_[a.tensor][a.index]}; }
  Results perform(const Rotate& a, std::size_t) {
    return {backend_.rotate(values_[a.of], a.steps)};
  }
  Results perform(const Add& a, std::size_t) {
    return {backend_.add(values_[a.left], values_[a.right])};
  }
  Results perform(const Multiply& a, std::size_t) {
    return {backend_.multiply(values_[a.left], values_[a.right])};
  }
  Results perform(const MultiplyPlain& a, std::size_t i) {
    return {backend_.multiply_plain(values_[a.of], applied_.plaintext(i))};
  }
  Results perform(const AddPlain& a, std::size_t i) {
    return {backend_.add_plain(values_[a.of], applied_.plaintext(i))};
  }
  Results perform(const Negate& a, std::size_t) { return {backend_.negate(values_[a.of])}; }
  Results perform(const Relinearize& a, std::size_t) {
    return {backend_.relinearize(values_[a.of])};
  }
  Results perform(const Rescale& a, std::size_t) { return {backend_.rescale(values_[a.of])}; }
  Results perform(const Lower& a, std::size_t) { return {backend_.lower(values_[a.of], a.level)}; }
  Results perform(const Transform& a, std::size_t i) {
    std::vector<Cipher> of;
    for (const CipherId id : a.of) of.push_back(values_[id]);
    double magnitude = 0;
    for (const CipherId id : program_.steps[i].out)
      magnitude = std::max(magnitude, program_.values[id].magnitude);
    return applied_.transform(i, of, magnitude);
  }

  const Program& program_;
  Backend& backend_;
  const std::vector<std::vector<Cipher>>& inputs_;
  Applied applied_;
  std::vector<KeyTurnover> turnovers_;
  ById<CipherId, Cipher> values_;
  ById<CipherId, std::size_t> last_use_;
};

}  // namespace

namespace {

// encrypted(index, level) for each ciphertext of the operand that the program reads.
template <typename Encrypted>
std::vector<Cipher> encrypt_each(const Plan& plan, std::size_t operand, std::size_t count,
                                 const Encrypted& encrypted) {
  std::vector<Cipher> result(count);
  for (const ProgramStep& step : plan.program.steps)
    if (const auto* input = std::get_if<Input>(&step.action);
        input != nullptr && std::cmp_equal(input->tensor, operand))
      result[input->index] = encrypted(input->index, plan.program.values[step.out[0]].level);
  return result;
}

// An output's elements, from its ciphertexts.
std::vector<double> decrypted(const PlannedOutput& output, Backend& backend,
                              std::span<const Cipher> ciphers) {
  std::vector<std::vector<double>> real, imaginary;
  for (const Cipher& cipher : ciphers) {
    if (output.halved < 0) {
      real.push_back(backend.decrypt(cipher));
      continue;
    }
    std::vector<double>&first = real.emplace_back(), &second = imaginary.emplace_back();
    for (const std::complex<double>& slot : backend.decrypt_complex(cipher)) {
      first.push_back(slot.real());
      second.push_back(slot.imag());
    }
  }
  if (output.halved < 0) return unpack(real, output.layout);
  return whole({unpack(real, output.layout), unpack(imaginary, output.layout)}, output.shape,
               output.halved);
}

}  // namespace

std::vector<Cipher> encrypt_operand(const Plan& plan, Backend& backend, std::size_t operand,
                                    const TensorView& tensor) {
  require_fits(plan, backend);
  require_tensor(plan, operand, tensor);
  const PlannedInput& planned = plan.inputs[operand];
  const double bound = plan.program.magnitudes[operand];
  if (planned.halved < 0) {
    const auto slots = pack(elements_of(tensor), planned.layout);
    return encrypt_each(plan, operand, slots.size(), [&](int index, int level) {
      return backend.encrypt(slots[index], level, bound);
    });
  }
  const Halves parts = halves(elements_of(tensor), planned.shape, planned.halved);
  const auto real = pack(parts.first, planned.layout),
             imaginary = pack(parts.second, planned.layout);
  return encrypt_each(plan, operand, real.size(), [&](int index, int level) {
    std::vector<std::complex<double>> slots;
    for (std::size_t i = 0; i < real[index].size(); ++i)
      slots.emplace_back(real[index][i], imaginary[index][i]);
    return backend.encrypt_complex(slots, level, bound);
  });
}

std::vector<std::vector<Cipher>> encrypt(const Plan& plan, Backend& backend,
                                         std::span<const TensorView> tensors) {
  require_fits(plan, backend);
  if (tensors.size() != plan.inputs.size())
    throw Error(ErrorKind::invalid, "einsum " + plan.expression,
                fmt::format("{} operands, planned for {}", tensors.size(), plan.inputs.size()));
  std::vector<std::vector<Cipher>> result(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (plan.inputs[i].secret) result[i] = encrypt_operand(plan, backend, i, tensors[i]);
    else require_tensor(plan, i, tensors[i]);
  return result;
}

std::vector<Cipher> evaluate(const Plan& plan, Backend& backend,
                             const std::vector<std::vector<Cipher>>& inputs,
                             std::span<const TensorView> tensors) {
  require_fits(plan, backend);
  require_plain(plan, tensors);
  require_inputs(plan, inputs);
  Preparing preparing(plan.program, backend, tensors);
  return Interpreter(plan, backend, inputs,
                     {[&](std::size_t step) { return preparing.plaintext(step); },
                      [&](std::size_t step, std::span<const Cipher> of, double magnitude) {
                        return preparing.transform(step, of, magnitude);
                      }})
      .run();
}

std::vector<Cipher> evaluate(const Plan& plan, Backend& backend,
                             const std::vector<std::vector<Cipher>>& inputs,
                             const Prepared& prepared) {
  require_fits(plan, backend);
  require_inputs(plan, inputs);
  if (prepared.steps.size() != plan.program.steps.size())
    throw Error(ErrorKind::invalid, "einsum " + plan.expression,
                fmt::format("plaintexts of a program of {} steps for one of {}",
                            prepared.steps.size(), plan.program.steps.size()),
                "prepare this plan");
  return Interpreter(
             plan, backend, inputs,
             {[&](std::size_t step) { return prepared.steps[step]; },
              [&](std::size_t step, std::span<const Cipher> of, double magnitude) {
                auto results = backend.transform(of, prepared.steps[step], magnitude);
                if (results.size() != plan.program.steps[step].out.size())
                  throw Error(
                      ErrorKind::invalid, "einsum " + plan.expression,
                      fmt::format("a transform of {} results in step {}, planned for {}",
                                  results.size(), step, plan.program.steps[step].out.size()),
                      "prepare this plan");
                return results;
              }})
      .run();
}

Decrypted decrypt(const Plan& plan, Backend& backend, std::span<const Cipher> outputs) {
  if (knows_deviations(backend) && !has_gains(plan)) {
    Plan followed = plan;
    assign_gains(followed);
    return decrypt(followed, backend, outputs);
  }
  Decrypted result;
  std::size_t next = 0;
  for (const PlannedOutput& output : plan.outputs) {
    const auto own = outputs.subspan(next, output.ciphertexts.size());
    next += own.size();
    Tensor tensor(TensorType{DType::f64, output.shape});
    std::ranges::copy(decrypted(output, backend, own), tensor.span<double>().begin());
    for (const Cipher& cipher : own)
      result.error_bound =
          std::max(result.error_bound,
                   std::min(backend.error(cipher), sharp_bound(output, backend, cipher)));
    result.outputs.push_back(std::move(tensor));
  }
  return result;
}

Decrypted run(const Plan& plan, Backend& backend, std::span<const TensorView> tensors) {
  require_fits(plan, backend);
  backend.make_keys(keys(plan.program));
  const auto inputs = encrypt(plan, backend, tensors);
  const std::vector<Cipher> outputs = evaluate(plan, backend, inputs, tensors);
  return decrypt(plan, backend, outputs);
}

}  // namespace pliant::einsum
