#include "machine/encrypted/einsum/backend/backend.h"

#include <map>
#include <utility>

namespace pliant::einsum {
namespace {

using Cipher = Backend::Cipher;

void accumulate(Backend& backend, Cipher& sum, const Cipher& term, double magnitude) {
  sum = sum ? backend.bounded(backend.add(sum, term), magnitude) : term;
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
                                       std::span<const Transform::Term> terms,
                                       const std::function<Plaintext(std::size_t)>& plain,
                                       double magnitude) {
  const auto babies = rotated(*this, of, terms);
  std::vector<Cipher> sums;
  for (std::size_t first = 0; first < terms.size();) {
    const Transform::Term& head = terms[first];
    Cipher inner;
    std::size_t i = first;
    for (; i < terms.size() && terms[i].result == head.result && terms[i].giant == head.giant; ++i)
      accumulate(*this, inner,
                 multiply_plain(babies.at({terms[i].source, terms[i].baby}), plain(i)), magnitude);
    if (modulo(head.giant, slots()) != 0) inner = rotate(inner, head.giant);
    if (sums.size() <= static_cast<std::size_t>(head.result)) sums.emplace_back();
    accumulate(*this, sums.back(), inner, magnitude);
    first = i;
  }
  for (Cipher& sum : sums) sum = rescale(sum);
  return sums;
}

Cipher Backend::bounded(const Cipher& a, double) { return a; }

}  // namespace pliant::einsum
