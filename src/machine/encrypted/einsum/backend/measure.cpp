#include "machine/encrypted/einsum/backend/measure.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pliant::einsum {
namespace {

using Cipher = Backend::Cipher;

constexpr std::int64_t kSteps = Stopwatch::kLeastSlots;  // of a transform that is measured
constexpr int kQuick = 8;  // times that what takes microseconds is done in a row

// Of `terms` terms whose babies run up to `babies` and then begin anew at the next giant step.
Transform sample_transform(std::int64_t babies, std::int64_t giants, std::int64_t terms) {
  Transform how{.of = {CipherId{0}}, .terms = {}};
  for (std::int64_t i = 0; i < terms; ++i)
    how.terms.push_back({0, 0, i / (babies + 1) % (giants + 1), i % (babies + 1),
                         PlainId{static_cast<std::int32_t>(i)}});
  std::ranges::sort(how.terms, {},
                    [](const Transform::Term& term) { return std::pair(term.giant, term.baby); });
  return how;
}

KeyNeed sample_rotations(int level) {
  KeyNeed need;
  for (std::int64_t steps = 1; steps < kSteps; ++steps) need.rotations.push_back({steps, level});
  return need;
}

// Keys at hand as long as it lives.
class AtHand {
 public:
  AtHand(Backend& backend, KeyNeed need) : backend_(backend), need_(std::move(need)) {
    backend_.make_keys(need_);
    backend_.load_keys(need_);
  }
  ~AtHand() { backend_.free_keys(need_); }
  AtHand(const AtHand&) = delete;
  AtHand& operator=(const AtHand&) = delete;

 private:
  Backend& backend_;
  KeyNeed need_;
};

}  // namespace

template <typename Work>
double Stopwatch::median(const Work& work) {
  std::vector<double> times;
  work();
  for (int i = 0; i < repeats_; ++i) {
    const double begin = clock_();
    work();
    times.push_back(clock_() - begin);
  }
  std::ranges::nth_element(times, times.begin() + repeats_ / 2);
  return times[repeats_ / 2];
}

double Stopwatch::seconds(Operation operation, int level) {
  if (level < 0 || level > backend_.levels()) return std::numeric_limits<double>::infinity();
  const auto known = known_.find({operation, level});
  if (known != known_.end()) return known->second;
  if (operation < Operation::source) return known_[{operation, level}] = measured(operation, level);
  measure_transform(level);
  return known_.at({operation, level});
}

Cipher Stopwatch::sample(int level) {
  Cipher& cipher = samples_[level];
  if (!cipher) cipher = backend_.encrypt(std::vector<double>(backend_.slots(), .5), level, 1);
  return cipher;
}

Backend::Plaintext Stopwatch::plain(int level) {
  return backend_.encode(std::vector<double>(backend_.slots(), .5), level, 1);
}

double Stopwatch::measured(Operation operation, int level) {
  const Cipher x = sample(level);
  const auto quick = [&](const auto& work) {
    return median([&] {
             for (int i = 0; i < kQuick; ++i) work();
           }) /
           kQuick;
  };
  switch (operation) {
    case Operation::rotation: {  // by several keys in turn, as in programs: none stays in the cache
      const AtHand keys(backend_, sample_rotations(level));
      return median([&] {
               for (std::int64_t steps = 1; steps < kSteps; ++steps) backend_.rotate(x, steps);
             }) /
             (kSteps - 1);
    }
    case Operation::relinearization: {
      if (level == 0) return std::numeric_limits<double>::infinity();
      const AtHand keys(backend_, {{}, level});
      const Cipher square = backend_.multiply(x, x);
      return median([&] { backend_.relinearize_rescale(square); });
    }
    case Operation::rescale: {
      const Cipher product = backend_.multiply_plain(x, plain(level));
      return median([&] { backend_.rescale(product); });
    }
    case Operation::lowering: return median([&] { backend_.lower(x, level - 1); });
    case Operation::addition: return quick([&] { backend_.add(x, x); });
    case Operation::product: return quick([&] { backend_.multiply(x, x); });
    case Operation::plain_product: {
      const Backend::Plaintext by = plain(level);
      return quick([&] { backend_.multiply_plain(x, by); });
    }
    case Operation::encoding: return median([&] { plain(level); });
    default: return 0;
  }
}

double Stopwatch::transform_seconds(int level, const Transform& how, std::size_t results) {
  const std::vector<Cipher> of{sample(level)};
  std::vector<double> slots;  // of terms from one place on: they differ, and do not repeat
  for (std::int64_t i = 0; i < 4 * backend_.slots(); ++i)
    slots.push_back(std::sin(static_cast<double>(i)));
  const auto values = [&](std::size_t term) {
    return std::span<const double>(slots).subspan(term, backend_.slots());
  };
  return median([&] { backend_.transform(of, how, values, level, static_cast<double>(results)); }) -
         static_cast<double>(how.terms.size()) * seconds(Operation::encoding, level);
}

// A transform's time is linear in its babies, giants and diagonals: five of them give the parts.
void Stopwatch::measure_transform(int level) {
  const AtHand keys(backend_, sample_rotations(level));
  const auto time = [&](std::int64_t babies, std::int64_t giants, std::int64_t terms) {
    return transform_seconds(level, sample_transform(babies, giants, terms), kSteps);
  };
  const double most = kSteps - 1;
  const double one = time(0, 0, 1), babies = time(most, 0, kSteps), two = time(1, 0, 2),
               giants = time(0, most, kSteps), both = time(most, 1, 2 * kSteps);
  // giants - one = 7 diagonal + 7 giant; both - babies = 8 diagonal + giant
  const double pair = (giants - one) / most;
  const double diagonal = std::max(0.0, (both - babies - pair) / most);
  const double baby = std::max(0.0, (babies - two) / (most - 1) - diagonal);
  const auto set = [&](Operation operation, double seconds) {
    known_[{operation, level}] = std::max(0.0, seconds);
  };
  set(Operation::diagonal, diagonal);
  set(Operation::giant, pair - diagonal);
  set(Operation::baby, baby);
  set(Operation::result, one - diagonal);
  set(Operation::source, two - one - diagonal - baby);
}

}  // namespace pliant::einsum
