#include "machine/encrypted/einsum/backend/measure.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>

namespace pliant::einsum {
namespace {

using Cipher = Backend::Cipher;

constexpr std::int64_t kSteps = Stopwatch::kLeastSlots;  // of a transform that is measured
constexpr int kQuick = 8;  // times that what takes microseconds is done in a row
// Diagonals that differ in a sample: together more than a cache holds, as those of programs are.
constexpr std::int64_t kDiffer = 32;
constexpr int kOfErrors = 1;                 // the level of sums with many errors
constexpr int kSums = 64;                    // that make some thousand
constexpr std::int64_t kMany = 2 * kDiffer;  // to a few babies, as many as back ends may divide for

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
  if (operation == Operation::error) level = std::min(level, kOfErrors);  // at any the same
  if (is_beyond(level)) return std::numeric_limits<double>::infinity();
  const auto known = known_.find({operation, level});
  if (known != known_.end()) return known->second;
  return known_[{operation, level}] = measured(operation, level);
}

TransformTimes Stopwatch::transform(Diagonals diagonals, int level) {
  constexpr double kForever = std::numeric_limits<double>::infinity();
  if (is_beyond(level)) return {kForever, kForever, kForever, kForever, kForever, kForever};
  const auto known = transforms_.find({diagonals, level});
  if (known != transforms_.end()) return known->second;
  const AtHand keys(backend_, sample_rotations(level));
  return transforms_[{diagonals, level}] =
             diagonals == Diagonals::few ? measured_few(level) : measured_many(level);
}

const std::vector<Cipher>& Stopwatch::samples(int level) {
  std::vector<Cipher>& ciphers = samples_[level];
  while (std::ssize(ciphers) < kQuick)
    ciphers.push_back(backend_.encrypt(std::vector<double>(backend_.slots(), .5), level, 1));
  return ciphers;
}

Backend::Plaintext Stopwatch::plain(int level) {
  return backend_.encode(std::vector<double>(backend_.slots(), .5), level, 1);
}

double Stopwatch::measured(Operation operation, int level) {
  const std::vector<Cipher>& several = samples(level);
  const Cipher x = several[0];
  // of others each time, and all results stay: as in programs, caches and freed memory help little
  const auto quick = [&](const auto& work) {
    std::vector<Cipher> results(kQuick);
    return median([&] {
             for (int i = 0; i < kQuick; ++i)
               results[i] = work(several[i], several[(i + 1) % kQuick]);
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
    case Operation::addition:
      return quick([&](const Cipher& a, const Cipher& b) { return backend_.add(a, b); });
    case Operation::product:
      return quick([&](const Cipher& a, const Cipher& b) { return backend_.multiply(a, b); });
    case Operation::plain_product: {
      const Backend::Plaintext by = plain(level);
      return quick([&](const Cipher& a, const Cipher&) { return backend_.multiply_plain(a, by); });
    }
    case Operation::error: return error_seconds();
    case Operation::encoding: return median([&] { plain(level); });
    case Operation::diagonal_encoding: return diagonal_encoding_seconds(level);
    case Operation::transform: return 0;  // transform() has its parts
  }
  return 0;
}

// Its babies run up to `babies` and begin anew, so do its giants.
struct Stopwatch::Sample {
  std::int64_t babies = 0, giants = 0, terms = 1, results = 1, stride = 0;

  Transform transform() const {
    Transform how{.of = {CipherId{0}}, .terms = {}, .stride = stride};
    for (std::int64_t r = 0; r < results; ++r)
      for (std::int64_t i = 0; i < terms; ++i)
        how.terms.push_back({static_cast<int>(r), 0, i % (giants + 1), i % (babies + 1),
                             PlainId{static_cast<std::int32_t>((r * terms + i) % kDiffer)}});
    std::ranges::sort(how.terms, {}, [](const Transform::Term& term) {
      return std::tuple(term.result, term.giant, term.baby);
    });
    return how;
  }
};

std::span<const double> Stopwatch::diagonal(std::size_t number) {
  if (diagonals_.empty())
    for (std::int64_t i = 0; i < backend_.slots() + kDiffer; ++i)
      diagonals_.push_back(std::sin(static_cast<double>(i)) / static_cast<double>(kMany));
  return std::span<const double>(diagonals_).subspan(number, backend_.slots());
}

double Stopwatch::transform_seconds(int level, const Sample& sample) {
  const Transform how = sample.transform();
  const std::vector<Cipher> of{samples(level)[0]};
  const Backend::Ready ready = backend_.prepare(
      how,
      [&](std::size_t term) { return diagonal(static_cast<std::size_t>(how.terms[term].plain)); },
      level);
  return median([&] { backend_.transform(of, ready, 1); });
}

double Stopwatch::diagonal_encoding_seconds(int level) {
  const Transform how = Sample{.terms = kSteps}.transform();
  const auto values = [&](std::size_t term) { return diagonal(term); };
  return median([&] { backend_.prepare(how, values, level); }) / kSteps;
}

// Sums of a ciphertext and itself turned, many times: how many errors that makes is counted along.
double Stopwatch::error_seconds() {
  if (most_errors() == 0 || is_beyond(kOfErrors)) return 0;
  const AtHand keys(backend_, sample_rotations(kOfErrors));
  Cipher sum = backend_.encrypt(std::vector<double>(backend_.slots(), 0), kOfErrors, 1), turned;
  std::vector<std::set<std::int64_t>> events{{0}};  // of each, how far its slots are turned
  std::int64_t errors = 1;
  for (int i = 0; i < kSums; ++i) {
    const std::int64_t steps = i % (kSteps - 1) + 1;
    turned = backend_.rotate(sum, steps);
    sum = backend_.add(sum, turned);
    backend_.tighten(sum, 1);
    for (std::set<std::int64_t>& event : events) {
      const std::set<std::int64_t> before = event;
      for (const std::int64_t at : before) event.insert((at + steps) % backend_.slots());
    }
    events.push_back({0});
    errors = 0;
    for (const std::set<std::int64_t>& event : events) errors += std::ssize(event);
  }
  turned = backend_.rotate(sum, 1);
  const double more =
      median([&] { backend_.add(sum, turned); }) - seconds(Operation::addition, kOfErrors);
  return std::max(0.0, more / static_cast<double>(2 * errors + 1));
}

// A transform's time is linear in its parts: some that differ in them give each. In the comments,
// S is a source, B a baby, G a giant, C a chained one, D a diagonal, R a result.
TransformTimes Stopwatch::measured_few(int level) {
  const auto time = [&](const Sample& sample) { return transform_seconds(level, sample); };
  constexpr std::int64_t most = kSteps - 1;
  const double one = time({.babies = 1, .terms = 2}),           // S + B + 2 D + R
      babies = time({.babies = most, .terms = kSteps}),         // S + 7 B + 8 D + R
      diagonals = time({.babies = most, .terms = 4 * kSteps}),  // S + 7 B + 32 D + R
      giants = time({.babies = most, .giants = most, .terms = kSteps}),
               results =
                   time({.babies = most, .terms = kSteps, .results = 2});  // S + 7 B + 16 D + 2 R
  TransformTimes parts;
  parts.diagonal = std::max(0.0, (diagonals - babies) / (3 * kSteps));
  parts.giant = parts.chained = std::max(0.0, (giants - babies) / most);
  parts.baby = std::max(0.0, (babies - one - (kSteps - 2) * parts.diagonal) / (most - 1));
  parts.result = std::max(0.0, results - babies - kSteps * parts.diagonal);
  parts.source = std::max(0.0, one - parts.baby - 2 * parts.diagonal - parts.result);
  return parts;
}

TransformTimes Stopwatch::measured_many(int level) {
  const auto time = [&](const Sample& sample) { return transform_seconds(level, sample); };
  constexpr std::int64_t most = kSteps - 1, few = kDiffer;
  const double none = time({.terms = few}),                       // 32 D + R
      twice = time({.terms = kMany}),                             // 64 D + R
      one = time({.babies = 1, .terms = few}),                    // S + B + 32 D + R
      three = time({.babies = 3, .terms = kMany}),                // S + 3 B + 64 D + R
      giants = time({.giants = most, .terms = few}),              // 7 G + 32 D + R
      chain = time({.giants = most, .terms = few, .stride = 1});  // G + 6 C + 32 D + R
  TransformTimes parts;
  parts.diagonal = std::max(0.0, (twice - none) / few);
  parts.giant = std::max(0.0, (giants - none) / most);
  parts.chained = std::max(0.0, (chain - none - parts.giant) / (most - 1));
  parts.baby = std::max(0.0, (three - one - few * parts.diagonal) / 2);
  parts.source = std::max(0.0, one - none - parts.baby);
  parts.result = std::max(0.0, none - few * parts.diagonal);
  return parts;
}

}  // namespace pliant::einsum
