// The cheapest plan of all layouts that are considered, or the proof that there is none cheaper.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "machine/encrypted/einsum/plan/partial.h"

namespace pliant::einsum {

// Dynamic programming over the layouts at the joints, cut by bounds: of partial plans that agree in
// the layouts which later nodes read, those go that another one beats in weight and every depth;
// and those that weigh too much with what the rest takes at least.
class Exact {
 public:
  static constexpr std::size_t kMostNodes = 6;

  // All must outlive it; `effort` is used up (PlanOptions::exact_effort).
  Exact(const EinsumProblem& problem, const PlanOptions& options, double best,
        std::int64_t& effort);

  // What weighs less than `best`, if anything does.
  std::optional<Partial> run();
  bool complete() const { return complete_; }  // whether all was searched

 private:
  bool spend(std::int64_t recipes, std::int64_t estimates);
  double least(const Partial& partial, std::size_t node) const;
  std::string key(const Partial& partial, std::size_t node) const;
  bool is_read(std::size_t value, std::size_t from) const;
  bool beats(const Partial& a, const Partial& b, std::size_t node) const;
  void extend(const Partial& partial, std::size_t node);
  void put(Partial partial, std::size_t node);

  const EinsumProblem& problem_;
  const PlanOptions& options_;
  Extending extending_;
  double best_;
  std::int64_t& effort_;
  bool complete_ = true;
  std::vector<std::map<std::string, std::vector<Partial>>> frontiers_;  // before each node
};

}  // namespace pliant::einsum
