#include "machine/encrypted/einsum/backend/backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "core/error.h"

namespace pliant::einsum {
namespace {

using Cipher = Backend::Cipher;

void accumulate(Backend& backend, Cipher& sum, const Cipher& term, double magnitude) {
  if (!sum) {
    sum = term;
    return;
  }
  sum = backend.add(sum, term);
  backend.tighten(sum, magnitude);
}

// Every baby rotation that the terms want, by source and steps.
std::map<std::pair<int, std::int64_t>, Cipher> rotated(Backend& backend, std::span<const Cipher> of,
                                                       std::span<const Transform::Term> terms) {
  std::map<std::pair<int, std::int64_t>, Cipher> result;
  for (const Transform::Term& term : terms) result[{term.source, term.baby}] = nullptr;
  for (std::size_t source = 0; source < of.size(); ++source) {
    std::vector<std::int64_t> steps;
    for (auto& [key, baby] : result)
      if (key.first == static_cast<int>(source)) steps.push_back(key.second);
    const std::vector<Cipher> babies = backend.rotate_many(of[source], steps);
    for (std::size_t i = 0; i < steps.size(); ++i)
      result[{static_cast<int>(source), steps[i]}] = babies[i];
  }
  return result;
}

using Giants = std::map<std::int64_t, Cipher>;

Cipher rotated_sum(Backend& backend, const Giants& giants, double magnitude) {
  Cipher sum;
  for (const auto& [steps, part] : giants) {
    const bool stays = modulo(steps, backend.slots()) == 0;
    accumulate(backend, sum, stays ? part : backend.rotate(part, steps), magnitude);
  }
  return sum;
}

// From the farthest giant step inwards, by `stride` each time.
Cipher strided_sum(Backend& backend, const Giants& giants, std::int64_t stride, double magnitude) {
  Cipher sum;
  const auto walk = [&](std::int64_t from, std::int64_t by) {
    Cipher part;
    for (std::int64_t at = from; at != 0; at -= by) {
      if (const auto giant = giants.find(at); giant != giants.end())
        accumulate(backend, part, giant->second, magnitude);
      part = backend.rotate(part, by);
    }
    if (part) accumulate(backend, sum, part, magnitude);
  };
  if (const auto still = giants.find(0); still != giants.end()) sum = still->second;
  walk(std::max<std::int64_t>(giants.rbegin()->first, 0), stride);
  walk(std::min<std::int64_t>(giants.begin()->first, 0), -stride);
  return sum;
}

// plain(i) is the plaintext of term i.
template <typename PlainOf>
std::vector<Cipher> transformed(Backend& backend, std::span<const Cipher> of, const Transform& how,
                                double magnitude, const PlainOf& plain) {
  const auto babies = rotated(backend, of, how.terms);
  std::map<int, Giants> sums;  // by result and giant step
  for (std::size_t i = 0; i < how.terms.size(); ++i) {
    const Transform::Term& term = how.terms[i];
    accumulate(backend, sums[term.result][term.giant],
               backend.multiply_plain(babies.at({term.source, term.baby}), plain(i)), magnitude);
  }
  std::vector<Cipher> results;
  for (auto& [number, giants] : sums)
    results.push_back(backend.rescale(how.stride == 0
                                          ? rotated_sum(backend, giants, magnitude)
                                          : strided_sum(backend, giants, how.stride, magnitude)));
  return results;
}

// A transform for back ends that know no better.
struct Encoded : Backend::Object {
  Transform how;
  std::vector<Backend::Plaintext> plains;  // by term

  std::size_t bytes() const override {
    std::size_t sum = 0;
    for (const Backend::Plaintext& plain : plains) sum += plain->bytes();
    return sum;
  }
};

}  // namespace

double largest(std::span<const double> values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::abs(value));
  return most;
}

Cipher Backend::encrypt_complex(std::span<const std::complex<double>>, int, double) {
  throw Error(ErrorKind::unsupported, name(), "has no complex slots", "plan with real ones");
}
std::vector<std::complex<double>> Backend::decrypt_complex(const Cipher&) {
  throw Error(ErrorKind::unsupported, name(), "has no complex slots", "plan with real ones");
}

void Backend::load_keys(const KeyNeed&) {}
void Backend::free_keys(const KeyNeed&) {}

Cipher Backend::relinearize_rescale(const Cipher& a) { return rescale(relinearize(a)); }

std::vector<Cipher> Backend::rotate_many(const Cipher& a, std::span<const std::int64_t> steps) {
  std::vector<Cipher> result;
  for (const std::int64_t s : steps) result.push_back(modulo(s, slots()) == 0 ? a : rotate(a, s));
  return result;
}

std::vector<Cipher> Backend::transform(std::span<const Cipher> of, const Transform& how,
                                       const Values& values, int level, double magnitude) {
  return transformed(*this, of, how, magnitude, [&](std::size_t i) {
    const std::span<const double> slots = values(i);
    return encode(slots, level, largest(slots));
  });
}

Backend::Ready Backend::prepare(const Transform& how, const Values& values, int level) {
  auto ready = std::make_shared<Encoded>();
  ready->how = how;
  for (std::size_t i = 0; i < how.terms.size(); ++i) {
    const std::span<const double> slots = values(i);
    ready->plains.push_back(encode(slots, level, largest(slots)));
  }
  return ready;
}

std::vector<Cipher> Backend::transform(std::span<const Cipher> of, const Ready& ready,
                                       double magnitude) {
  const auto* encoded = dynamic_cast<const Encoded*>(ready.get());
  if (encoded == nullptr)
    throw Error(ErrorKind::invalid, name() + " transform", "a transform of another back end");
  const Transform& how = encoded->how;
  if (of.size() != how.of.size())
    throw Error(ErrorKind::invalid, name() + " transform",
                fmt::format("{} ciphertexts, prepared for {}", of.size(), how.of.size()));
  return transformed(*this, of, how, magnitude, [&](std::size_t i) { return encoded->plains[i]; });
}

double Backend::deviation(const Disturbance&) const {
  return std::numeric_limits<double>::infinity();
}
double Backend::fixed(const Cipher&, const Disturbance&) const {
  return std::numeric_limits<double>::infinity();
}
std::int64_t Backend::most_errors() const { return 0; }
void Backend::watch(const std::function<void()>&) {}

void Backend::tighten(const Cipher&, double) {}

}  // namespace pliant::einsum
