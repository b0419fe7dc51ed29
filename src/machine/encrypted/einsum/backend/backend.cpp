#include "machine/encrypted/einsum/backend/backend.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

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

double largest(std::span<const double> values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::abs(value));
  return most;
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

}  // namespace

Cipher Backend::relinearize_rescale(const Cipher& a) { return rescale(relinearize(a)); }

std::vector<Cipher> Backend::rotate_many(const Cipher& a, std::span<const std::int64_t> steps) {
  std::vector<Cipher> result;
  for (const std::int64_t s : steps) result.push_back(modulo(s, slots()) == 0 ? a : rotate(a, s));
  return result;
}

std::vector<Cipher> Backend::transform(std::span<const Cipher> of,
                                       std::span<const Transform::Term> terms, const Values& values,
                                       int level, double magnitude) {
  const auto babies = rotated(*this, of, terms);
  std::vector<Cipher> sums;
  for (std::size_t first = 0; first < terms.size();) {
    const Transform::Term& head = terms[first];
    Cipher inner;
    std::size_t i = first;
    for (; i < terms.size() && terms[i].result == head.result && terms[i].giant == head.giant;
         ++i) {
      const std::span<const double> slots = values(i);
      accumulate(*this, inner,
                 multiply_plain(babies.at({terms[i].source, terms[i].baby}),
                                encode(slots, level, largest(slots))),
                 magnitude);
    }
    if (modulo(head.giant, slots()) != 0) inner = rotate(inner, head.giant);
    if (sums.size() <= static_cast<std::size_t>(head.result)) sums.emplace_back();
    accumulate(*this, sums.back(), inner, magnitude);
    first = i;
  }
  for (Cipher& sum : sums) sum = rescale(sum);
  return sums;
}

void Backend::tighten(const Cipher&, double) {}

}  // namespace pliant::einsum
