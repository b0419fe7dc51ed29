// Which subnets a step of training takes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/elasticvit/architecture.h"

namespace pliant::search {

// What a subnet learns from: the labels or a teacher, or the other subnets of its step.
enum class Part : std::uint8_t { largest, random, smallest };

struct Drawn {
  elasticvit::Architecture architecture;
  Part part = Part::random;
  bool to_score = false;  // the sampler wants to know how good it is
};

// Every step depends on the seed, the step's number and the scores told before, on nothing else:
// processes that train together draw the same, and a sampler that was saved goes on as it would
// have.
class StepSampler {
 public:
  virtual ~StepSampler() = default;
  // The largest first, the smallest last, so that who learns from others comes behind them.
  virtual std::vector<Drawn> next() = 0;
  // Scores (minus cross-entropies) of those that the last next() wants scored, in their order.
  // Throws Error{invalid} for another number of them.
  virtual void told(std::span<const double> scores) = 0;

  // Subnets whose scores it remembers, which were told on several batches and so are no equals;
  // rescored() tells those of all on one batch, in their order. Throws as told().
  virtual std::vector<elasticvit::Architecture> remembered() const { return {}; }
  virtual void rescored(std::span<const double>) {}

  // JSON, between told() and next(). restore() throws Error{format} or Error{invalid} naming
  // `place` and the field; the sampler is then as before.
  virtual std::string state() const = 0;
  virtual void restore(std::string_view json, std::string_view place) = 0;
};

}  // namespace pliant::search
