#include "machine/encrypted/einsum/simulator/simulator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace pliant::einsum {
namespace {

using Cipher = Backend::Cipher;

constexpr double kErrorDeviation = 3.24;  // of a coefficient of a fresh error

// A ciphertext or plaintext. `noise` is the standard deviation of a slot, in units of the value.
struct Simulated : Backend::Object {
  std::vector<double> slots;
  int level = 0, factors = 1, parts = 2;
  double magnitude = 1, noise = 0;
  bool cipher = true;
};

[[noreturn]] void refuse(ErrorKind kind, std::string_view verb, std::string problem,
                         std::string next_step = "") {
  throw Error(kind, fmt::format("simulator {}", verb), std::move(problem), std::move(next_step));
}

const Simulated& own(const std::shared_ptr<const Backend::Object>& object, std::string_view verb,
                     bool cipher = true) {
  const auto* result = dynamic_cast<const Simulated*>(object.get());
  if (result == nullptr || result->cipher != cipher)
    refuse(ErrorKind::invalid, verb, "an object of another back end");
  return *result;
}

void require_equal(std::string_view verb, std::string_view what, int a, int b) {
  if (a != b) refuse(ErrorKind::invalid, verb, fmt::format("{} {} and {} differ", what, a, b));
}

void require_two_parts(std::string_view verb, const Simulated& a) {
  if (a.parts != 2)
    refuse(ErrorKind::invalid, verb, fmt::format("a ciphertext of {} parts instead of 2", a.parts),
           "relinearize it first");
}

double root_sum(double a, double b) { return std::hypot(a, b); }

// What every verb of one parameter set needs: noises in units of the value.
struct Model {
  const SimulatorOptions& options;

  double n() const { return 2.0 * static_cast<double>(options.slots); }
  double unit() const { return std::exp2(-options.scale_bits); }
  double secret() const { return 1 + n() * 2 / 3; }  // 1 + the sum of the squares of the secret
  double encoding() const { return unit() * std::sqrt(n() / 12); }
  double encryption() const {
    return unit() * kErrorDeviation * std::sqrt(n() * (2 * secret() - 1));
  }
  double division() const { return unit() * std::sqrt(n() / 12 * secret()); }
  double switching(int factors) const {  // smaller beside a squared scale
    return factors == 1 ? 2 * division() : 2 * division() * unit();
  }

  void require_level(std::string_view verb, int level) const {
    if (level < 0 || level > options.levels)
      refuse(ErrorKind::invalid, verb,
             fmt::format("level {} is not between 0 and {}", level, options.levels));
  }
  std::shared_ptr<Simulated> checked(std::string_view verb, Simulated made) const {
    const double bits =
        std::log2(std::max(made.magnitude, unit())) + made.factors * options.scale_bits + 1;
    const double have = options.first_bits + static_cast<double>(made.level) * options.scale_bits;
    if (bits > have)
      refuse(ErrorKind::capacity, verb,
             fmt::format("exhausted level: a message of 2^{:.1f} does not fit the {} bits of "
                         "level {}",
                         bits, have, made.level),
             "plan with a smaller magnitude or more levels");
    return std::make_shared<Simulated>(std::move(made));
  }
};

template <typename Combine>
Simulated combined(const Simulated& a, const Simulated& b, const Combine& combine) {
  Simulated out = a;
  for (std::size_t i = 0; i < out.slots.size(); ++i) out.slots[i] = combine(a.slots[i], b.slots[i]);
  return out;
}

}  // namespace

void Simulator::make_keys(const KeyNeed& need) {
  keys_.relinearization = std::max(keys_.relinearization, need.relinearization);
  keys_.rotations.insert(keys_.rotations.end(), need.rotations.begin(), need.rotations.end());
}

Backend::Plaintext Simulator::encode(std::span<const double> values, int level, double bound) {
  const Model model{options_};
  model.require_level("encode", level);
  Simulated out;
  out.slots.assign(values.begin(), values.end());
  if (values.size() != static_cast<std::size_t>(options_.slots))
    refuse(ErrorKind::invalid, "encode",
           fmt::format("{} values for {} slots", values.size(), options_.slots));
  for (const double value : values)
    if (!(std::abs(value) <= bound))
      refuse(ErrorKind::invalid, "encode", fmt::format("{} is beyond the bound {}", value, bound));
  out.level = level;
  out.magnitude = bound;
  out.noise = model.encoding();
  out.cipher = false;
  return model.checked("encode", std::move(out));
}

Cipher Simulator::encrypt(std::span<const double> values, int level, double bound) {
  Simulated out = own(encode(values, level, bound), "encrypt", false);
  out.cipher = true;
  out.noise = root_sum(out.noise, Model{options_}.encryption());
  return std::make_shared<Simulated>(std::move(out));
}

const std::vector<double>& Simulator::look(const Cipher& a) const { return own(a, "look").slots; }
std::vector<double> Simulator::decrypt(const Cipher& a) { return own(a, "decrypt").slots; }
double Simulator::error(const Cipher& a) const { return 6 * own(a, "error").noise; }

Cipher Simulator::add(const Cipher& a, const Cipher& b) {
  const Simulated &x = own(a, "add"), &y = own(b, "add");
  require_equal("add", "levels", x.level, y.level);
  require_equal("add", "scales: powers", x.factors, y.factors);
  Simulated out = combined(x, y, std::plus<>());
  out.parts = std::max(x.parts, y.parts);
  out.magnitude = x.magnitude + y.magnitude;
  out.noise = root_sum(x.noise, y.noise);
  return Model{options_}.checked("add", std::move(out));
}

Cipher Simulator::add_plain(const Cipher& a, const Plaintext& b) {
  const Simulated &x = own(a, "add plain"), &y = own(b, "add plain", false);
  require_equal("add plain", "levels", x.level, y.level);
  require_equal("add plain", "scales: powers", x.factors, y.factors);
  Simulated out = combined(x, y, std::plus<>());
  out.magnitude = x.magnitude + y.magnitude;
  out.noise = root_sum(x.noise, y.noise);
  return Model{options_}.checked("add plain", std::move(out));
}

Cipher Simulator::negate(const Cipher& a) {
  Simulated out = own(a, "negate");
  for (double& slot : out.slots) slot = -slot;
  return std::make_shared<Simulated>(std::move(out));
}

Cipher Simulator::multiply(const Cipher& a, const Cipher& b) {
  const Simulated &x = own(a, "multiply"), &y = own(b, "multiply");
  require_two_parts("multiply", x);
  require_two_parts("multiply", y);
  require_equal("multiply", "levels", x.level, y.level);
  Simulated out = combined(x, y, std::multiplies<>());
  out.factors = x.factors + y.factors;
  out.parts = 3;
  out.magnitude = x.magnitude * y.magnitude;
  out.noise = root_sum(x.magnitude * y.noise, y.magnitude * x.noise);
  return Model{options_}.checked("multiply", std::move(out));
}

Cipher Simulator::multiply_plain(const Cipher& a, const Plaintext& b) {
  const Simulated &x = own(a, "multiply plain"), &y = own(b, "multiply plain", false);
  require_equal("multiply plain", "levels", x.level, y.level);
  Simulated out = combined(x, y, std::multiplies<>());
  out.factors = x.factors + y.factors;
  out.magnitude = x.magnitude * y.magnitude;
  out.noise = root_sum(x.magnitude * y.noise, y.magnitude * x.noise);
  return Model{options_}.checked("multiply plain", std::move(out));
}

Cipher Simulator::relinearize(const Cipher& a) {
  const Simulated& x = own(a, "relinearize");
  require_equal("relinearize", "parts", x.parts, 3);
  if (keys_.relinearization < x.level)
    refuse(ErrorKind::not_found, "relinearize", fmt::format("no key at level {}", x.level));
  Simulated out = x;
  out.parts = 2;
  out.noise = root_sum(x.noise, Model{options_}.switching(x.factors));
  return std::make_shared<Simulated>(std::move(out));
}

Cipher Simulator::rescale(const Cipher& a) {
  const Simulated& x = own(a, "rescale");
  if (x.level == 0) refuse(ErrorKind::capacity, "rescale", "level 0 has nothing to give");
  require_equal("rescale", "scales: powers", x.factors, 2);
  Simulated out = x;
  out.level = x.level - 1;
  out.factors = 1;
  out.noise = root_sum(x.noise, Model{options_}.division());
  return Model{options_}.checked("rescale", std::move(out));
}

Cipher Simulator::lower(const Cipher& a, int level) {
  const Simulated& x = own(a, "lower");
  if (level >= x.level || level < 0)
    refuse(ErrorKind::invalid, "lower", fmt::format("from level {} to {}", x.level, level));
  require_equal("lower", "scales: powers", x.factors, 1);
  Simulated out = x;
  out.level = level;
  out.noise = root_sum(x.noise, Model{options_}.division());
  return Model{options_}.checked("lower", std::move(out));
}

Cipher Simulator::rotate(const Cipher& a, std::int64_t steps) {
  const Simulated& x = own(a, "rotate");
  require_two_parts("rotate", x);
  const std::int64_t by = modulo(steps, options_.slots);
  const auto fits = [&](const KeyNeed::Rotation& key) {
    return key.steps == by && key.level >= x.level;
  };
  if (std::ranges::none_of(keys_.rotations, fits))
    refuse(ErrorKind::not_found, "rotate",
           fmt::format("no key for rotation by {} at level {}", by, x.level));
  Simulated out = x;
  std::rotate_copy(x.slots.begin(), x.slots.begin() + by, x.slots.end(), out.slots.begin());
  out.noise = root_sum(x.noise, Model{options_}.switching(x.factors));
  return std::make_shared<Simulated>(std::move(out));
}

void Simulator::tighten(const Cipher& a, double magnitude) {
  for (const double slot : own(a, "tighten").slots)
    if (!(std::abs(slot) <= magnitude * (1 + 1e-9)))
      refuse(ErrorKind::internal, "tighten",
             fmt::format("a slot of {} above the stated bound {}", slot, magnitude));
  auto& x = dynamic_cast<Simulated&>(*a);
  x.magnitude = std::min(x.magnitude, magnitude);
}

}  // namespace pliant::einsum
