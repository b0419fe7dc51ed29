// The times of a back end's operations, measured.
#pragma once

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "core/log/progress.h"
#include "machine/encrypted/einsum/backend/backend.h"
#include "machine/encrypted/einsum/program/times.h"

namespace pliant::einsum {

// Measures an operation at a level when it is first asked for (some milliseconds each), and
// remembers it: one object for a parameter set. Levels that the back end lacks take forever. It
// makes keys for rotations by 1 to 7 steps, and needs a back end that can, of enough slots.
class Stopwatch : public Times {
 public:
  static constexpr std::int64_t kLeastSlots = 8;
  // Both must outlive it; each time is the median of `repeats`.
  Stopwatch(Backend& backend, Clock clock, int repeats = 3)
      : backend_(backend), clock_(std::move(clock)), repeats_(repeats) {}
  double seconds(Operation operation, int level) override;
  TransformTimes transform(Diagonals diagonals, int level) override;
  std::int64_t most_errors() const override { return backend_.most_errors(); }

 private:
  struct Sample;  // of a transform
  template <typename Work>
  double median(const Work& work);
  double measured(Operation operation, int level);
  bool is_beyond(int level) const { return level < 0 || level > backend_.levels(); }
  TransformTimes measured_few(int level);
  TransformTimes measured_many(int level);
  double transform_seconds(int level, const Sample& sample);
  double diagonal_encoding_seconds(int level);
  double error_seconds();
  std::span<const double> diagonal(std::size_t number);
  const std::vector<Backend::Cipher>& samples(int level);
  Backend::Plaintext plain(int level);

  Backend& backend_;
  Clock clock_;
  int repeats_;
  std::map<std::pair<Operation, int>, double> known_;
  std::map<std::pair<Diagonals, int>, TransformTimes> transforms_;
  std::map<int, std::vector<Backend::Cipher>> samples_;
  std::vector<double> diagonals_;  // one from each place on: they differ, and do not repeat
};

}  // namespace pliant::einsum
