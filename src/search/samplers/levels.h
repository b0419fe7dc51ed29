// Levels of cost: the subnets of one step cost alike, and neighbouring steps nearly (ElasticViT,
// arXiv 2303.09730, complexity-aware sampling).
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "search/windows.h"

namespace pliant::search {

struct Level {
  double low = 0, high = 0;  // FLOPs, both included
};

// A smallest subnet that steps train along, for levels that begin at `upto` FLOPs or below.
struct Smallest {
  double upto = INFINITY;
  elasticvit::Architecture architecture;
};

// Eight windows of 20 MFLOPs from 100 M to 1.2 G, and the three smallest subnets, of 37, 160 and
// 289 MFLOPs, of published_space().
std::vector<Level> published_levels();
std::vector<Smallest> published_smallest();

// The first that goes up so far. `smallest` ascends by `upto`. Throws Error{invalid} if none does.
const Smallest& smallest_for(std::span<const Smallest> smallest, double flops);

// One level up, one down, or the same, each as likely; at an end, what would leave it stays. In the
// long run every level is visited as often as any other.
std::size_t neighbour(std::size_t level, std::size_t levels, Rng& rng);

// Subnets of levels. A level's smallest subnet is nested in all that are drawn there: no choice is
// below its own, so that the part of the space above it is counted, and nothing is rejected.
class LevelDraws {
 public:
  // `bins` as in Windows; draws do not depend on it. Throws Error{invalid} without levels or for
  // one that no smallest subnet is for, and as Windows::within().
  LevelDraws(const elasticvit::Space& space, std::vector<Level> levels,
             const std::vector<Smallest>& smallest, std::int64_t bins);
  ~LevelDraws();

  const std::vector<Level>& levels() const { return levels_; }
  const elasticvit::Architecture& smallest(std::size_t level) const;
  elasticvit::Architecture draw(std::size_t level, Rng& rng) const;  // throws as Window::draw()

 private:
  struct Above;
  std::vector<Level> levels_;
  std::vector<std::unique_ptr<const Above>> above_;  // one per smallest subnet that is needed
  struct Drawn {
    const Above* above;
    Window window;
  };
  std::vector<Drawn> by_level_;
};

}  // namespace pliant::search
