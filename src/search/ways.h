// All ways through a space, stage by stage, with their costs rounded down to bins, and how many
// there are from each place to the end.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "search/predictor.h"

namespace pliant::search {

// One way to go through a stage; the last stage's cost includes the head's.
struct Option {
  elasticvit::StageChoice choice;
  std::size_t width;  // its index among the stage's widths
  double cost;
  std::int64_t bin = 0;
};

// How many ways there are to go on to the end, by the sum of their bins.
struct Tail {
  std::int64_t first = 0;          // bin of the first count
  std::vector<std::int64_t> upto;  // ways with a sum of at most first + i

  std::int64_t count(std::int64_t from, std::int64_t last) const;  // sums in from ... last
};

// A stage entered with one width, at one resolution.
struct Entry {
  std::vector<Option> options;
  Tail tail;  // of this stage and all behind it
};

// By stage and by the index of the width before it, at one resolution.
using Entries = std::vector<std::vector<Entry>>;

// The cheapest and the most expensive way.
struct Ends {
  double least = INFINITY, most = -INFINITY;
};

class Ways {
 public:
  // `predictor` must outlive this. The most expensive way is `bins` bins away from 0.
  Ways(const StagePredictor& predictor, std::int64_t bins);
  const StagePredictor& predictor() const { return predictor_; }
  const Ends& ends() const { return ends_; }
  std::int64_t bin_of(double cost) const {
    return static_cast<std::int64_t>(std::floor(cost / bin_));
  }
  // The bins of a way's stages add up to its cost's bin or less, but to more than that less this.
  std::int64_t slack() const { return static_cast<std::int64_t>(predictor_.space().stages.size()); }
  // Ways whose bins add up to from ... last.
  std::int64_t count(std::int64_t from, std::int64_t last) const;
  // The `number`-th of them, from 0.
  elasticvit::Architecture pick(std::int64_t number, std::int64_t from, std::int64_t last) const;

 private:
  void count(Entries& entries) const;

  const StagePredictor& predictor_;
  std::vector<Entries> resolutions_;
  Ends ends_;
  double bin_ = 1;  // width
};

}  // namespace pliant::search
