// Conflict-aware sampling (ElasticViT, arXiv 2303.09730, section 4), each of its parts to be left
// out: levels near each other, several smallest subnets, banks, the preference for width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "search/samplers/bank.h"
#include "search/samplers/levels.h"
#include "search/samplers/step_sampler.h"

namespace pliant::search {

// walk: the level of a step is a neighbour of the one before; independent: any.
enum class LevelOrder : std::uint8_t { walk, independent };

struct BankOptions {
  std::vector<std::size_t> capacities;  // by level
  // How likely a subnet is drawn from a bank that is more than half full: this, and `growth` more
  // each time that `growth_steps` steps have passed (0: never).
  double exploit = 0.2, growth = 0.15;
  std::int64_t growth_steps = 0;
  // Else, once it is half full, the one of so many that the preference rule likes best. 1: no rule.
  int candidates = 5;
};

struct LevelOptions {
  std::vector<Level> levels;
  std::vector<Smallest> smallest;
  LevelOrder order = LevelOrder::walk;
  int random = 3;
  std::optional<BankOptions> banks = {};
  std::int64_t bins = 1 << 16;  // as in Windows; draws do not depend on it
  std::uint64_t seed = 1;
};

// The paper's, for published_space(): 150 subnets in banks below 500 MFLOPs, 50 in the others;
// growth_steps is 100 epochs, which the caller knows.
LevelOptions published_sampling(std::int64_t growth_steps);

// All random subnets of a step cost what its level says; the last subnet is the level's smallest.
class LevelSampler : public StepSampler {
 public:
  // `space` must outlive this. Throws as LevelDraws, and Error{invalid} for options out of range.
  LevelSampler(const elasticvit::Space& space, const LevelOptions& options);
  std::vector<Drawn> next() override;
  void told(std::span<const double> scores) override;
  std::vector<elasticvit::Architecture> remembered() const override;
  void rescored(std::span<const double> scores) override;
  std::string state() const override;
  void restore(std::string_view json, std::string_view place) override;

  std::size_t level() const { return level_; }  // of the last step
  // Empty without banks.
  const std::vector<Bank>& banks() const { return banks_; }
  double exploit() const;  // of the next step

 private:
  elasticvit::Architecture explore(Rng& rng) const;
  Drawn random(Rng& rng) const;

  const elasticvit::Space& space_;
  LevelOptions options_;
  LevelDraws draws_;
  std::vector<Bank> banks_;
  std::int64_t step_ = 0;
  std::size_t level_ = 0;
  std::vector<elasticvit::Architecture> to_score_;
};

}  // namespace pliant::search
