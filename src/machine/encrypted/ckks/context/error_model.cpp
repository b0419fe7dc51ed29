#include "machine/encrypted/ckks/context/error_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <tuple>

namespace pliant::ckks {

namespace {

bool before(const ErrorModel::Term& a, const ErrorModel::Term& b) {
  return std::tie(a.source, a.offset) < std::tie(b.source, b.offset);
}

// f(terms of one source), for each.
template <typename F>
void by_source(std::span<const ErrorModel::Term> terms, const F& f) {
  for (std::size_t first = 0; first < terms.size();) {
    std::size_t last = first;
    while (last < terms.size() && terms[last].source == terms[first].source) ++last;
    f(terms.subspan(first, last - first));
    first = last;
  }
}

u64 mix(u64 a, u64 b) {  // the finisher of SplitMix64
  u64 z = a + 0x9e3779b97f4a7c15u * (b + 1);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

}  // namespace

u64 source_of(Event event, const Poly& poly, const Modulus& first) {
  u64 name = static_cast<u64>(event);
  for (std::size_t i = 0; i < 2; ++i) {
    const u64 word = poly.limb(0)[i];
    name = mix(name, std::min(word, first.q - word));
  }
  return name;
}

double ErrorModel::deviation() const {
  double squares = 0;
  for (const Term& term : terms_) squares += term.amplitude * term.amplitude;
  return std::min(limit_, unknown_ + std::sqrt(squares));
}

bool ErrorModel::uncorrelated() const {
  bool single = unknown_ == 0;
  by_source(terms_, [&](std::span<const Term> terms) { single = single && terms.size() == 1; });
  return single;
}

// Sources share the secret's value in a slot: their largest terms may meet in one.
double ErrorModel::peak() const {
  double squares = 0;
  by_source(terms_, [&](std::span<const Term> terms) {
    double most = 0;
    for (const Term& term : terms) most = std::max(most, term.amplitude);
    squares += most * most;
  });
  return unknown_peak_ + std::sqrt(squares);
}

// A source's covariance between slots is at most its deviation's square times the identity, so a
// sum of its rotations has at most the sum of amplitudes as the norm of its root; that divided by
// sqrt(n) bounds a coefficient, which is a unit vector's product with the slots over sqrt(n).
double ErrorModel::coefficient_deviation(std::size_t n) const {
  double squares = 0;
  by_source(terms_, [&](std::span<const Term> terms) {
    double sum = 0;
    for (const Term& term : terms) sum += term.amplitude;
    squares += sum * sum;
  });
  return unknown_ + std::sqrt(squares / n);
}

// Terms are no heavier in the tail than products of two normal numbers (rounding times secret).
// Chernoff's method over their sum gives sqrt(L) deviation + L/2 peak for a tail of exp(-L); 3 of L
// pay for the absolute value of a complex number.
double ErrorModel::bound(std::size_t slots) const {
  const double tail = 30 * std::numbers::ln2 + std::log(slots) + 3;
  return bias_ + std::sqrt(tail) * deviation() + tail / 2 * peak();
}

void ErrorModel::clear() {
  bias_ = unknown_ = unknown_peak_ = limit_ = 0;
  terms_.clear();
}

void ErrorModel::assign(const ErrorModel& other) {
  if (this == &other) return;
  bias_ = other.bias_;
  unknown_ = other.unknown_;
  unknown_peak_ = other.unknown_peak_;
  limit_ = other.limit_;
  terms_.assign(other.terms_.begin(), other.terms_.end());
}

void ErrorModel::scale(double by) {
  bias_ *= by;
  unknown_ *= by;
  unknown_peak_ *= by;
  limit_ *= by;
  for (Term& term : terms_) term.amplitude *= by;
}

void ErrorModel::rotate(int steps, std::size_t slots) {
  const std::int64_t count = slots;
  const auto shift = static_cast<std::uint32_t>((steps % count + count) % count);
  if (shift == 0) return;
  for (std::size_t first = 0; first < terms_.size();) {
    std::size_t last = first, wrapped = first;  // those before it stay below `slots`
    for (; last < terms_.size() && terms_[last].source == terms_[first].source; ++last) {
      std::uint32_t& offset = terms_[last].offset;
      offset += shift;
      if (offset < slots) wrapped = last + 1;
      else offset -= static_cast<std::uint32_t>(slots);
    }
    std::rotate(terms_.begin() + first, terms_.begin() + wrapped, terms_.begin() + last);
    first = last;
  }
}

void ErrorModel::add(const ErrorModel& other) {
  if (this == &other) return scale(2);
  bias_ += other.bias_;
  unknown_ += other.unknown_;
  unknown_peak_ += other.unknown_peak_;
  limit_ += other.limit_;
  // merged from the back, in place
  std::size_t a = terms_.size(), b = other.terms_.size(), to = a + b;
  terms_.resize(to);
  while (b > 0) {
    if (a > 0 && before(other.terms_[b - 1], terms_[a - 1])) terms_[--to] = terms_[--a];
    else terms_[--to] = other.terms_[--b];
  }
  combine();
}

// Adds up equal neighbours.
void ErrorModel::combine() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < terms_.size(); ++i) {
    Term& last = terms_[kept == 0 ? 0 : kept - 1];
    if (kept > 0 && last.source == terms_[i].source && last.offset == terms_[i].offset)
      last.amplitude += terms_[i].amplitude;
    else terms_[kept++] = terms_[i];
  }
  terms_.resize(kept);
  if (kept > kMost) forget();
}

void ErrorModel::add_unknown(double deviation, double peak) {
  unknown_ += deviation;
  unknown_peak_ += peak;
  limit_ += deviation;
}

void ErrorModel::add_source(u64 source, double deviation) {
  const Term term{source, 0, deviation};
  const auto at = std::upper_bound(terms_.begin(), terms_.end(), term, before);
  // the same event once more: the same error
  const bool again =
      std::any_of(terms_.begin(), terms_.end(), [&](const Term& t) { return t.source == source; });
  terms_.insert(at, term);
  limit_ = again ? limit_ + deviation : std::hypot(limit_, deviation);
  combine();
}

void ErrorModel::set_terms(std::span<const Term> terms) {
  clear();
  terms_.assign(terms.begin(), terms.end());
  std::sort(terms_.begin(), terms_.end(), before);
  limit_ = std::numeric_limits<double>::infinity();
  combine();
  limit_ = deviation();
}

void ErrorModel::forget() {
  const double all = deviation(), most = peak();
  unknown_ = limit_ = all;
  unknown_peak_ = most;
  terms_.clear();
}

}  // namespace pliant::ckks
