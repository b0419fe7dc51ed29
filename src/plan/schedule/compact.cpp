#include "plan/schedule/compact.h"

#include <algorithm>

#include "core/checked.h"
#include "core/error.h"

namespace pliant::plan {
namespace {

// Where a tensor goes that fits into several holes: the smallest one, the lowest one, or by how
// long it stays: the long-lived low, the others high.
enum class Rule : std::uint8_t { smallest, lowest, by_life };

struct Piece {  // of a rectangle, from that step on
  Step from = 0;
  std::int64_t offset = 0;
};

class Compacter {
 public:
  Compacter(const Layout& layout, Step steps, const Placing& placing, Rule rule)
      : rectangles_(layout.rectangles),
        steps_(steps),
        capacity_(placing.scratchpad_bytes),
        alignment_(placing.options.alignment),
        rule_(rule),
        pieces_(layout.rectangles.size()) {}

  bool run() {
    std::vector<std::vector<std::size_t>> arrivals(steps_);
    for (std::size_t i = 0; i < rectangles_.size(); ++i)
      arrivals[rectangles_[i].lower].push_back(i);
    for (Step step = 0; step < steps_; ++step) {
      std::erase_if(blocks_,
                    [&](const Block& block) { return rectangles_[block.rectangle].upper <= step; });
      auto& list = arrivals[step];
      std::stable_sort(list.begin(), list.end(), [&](std::size_t a, std::size_t b) {
        return rectangles_[a].size > rectangles_[b].size;
      });
      for (const std::size_t i : list)
        if (!enter(i, step)) return false;
      for (const Block& block : blocks_) {
        auto& pieces = pieces_[block.rectangle];
        if (pieces.empty() || pieces.back().offset != block.offset)
          pieces.push_back({step, block.offset});
      }
    }
    return true;
  }

  const std::vector<Piece>& pieces(std::size_t rectangle) const { return pieces_[rectangle]; }

 private:
  struct Block {
    std::size_t rectangle = 0;
    std::int64_t offset = 0;
  };

  std::int64_t size(std::size_t rectangle) const { return rectangles_[rectangle].size; }
  std::int64_t end(std::size_t at) const {
    return round_up(blocks_[at].offset + size(blocks_[at].rectangle), alignment_);
  }
  std::int64_t start(std::size_t at) const {
    return at < blocks_.size() ? blocks_[at].offset : capacity_;
  }

  bool enter(std::size_t rectangle, Step step) {
    if (size(rectangle) == 0) {
      pieces_[rectangle] = {{step, 0}};
      return true;
    }
    if (into_hole(rectangle)) return true;
    return into_window(rectangle, step);
  }

  void insert(std::size_t at, std::size_t rectangle, std::int64_t offset) {
    blocks_.insert(blocks_.begin() + at, {rectangle, offset});
  }

  // Hole i lies before block i.
  bool into_hole(std::size_t rectangle) {
    const bool high =
        rule_ == Rule::by_life && rectangles_[rectangle].upper - rectangles_[rectangle].lower <= 2;
    std::int64_t best = -1, best_key = INT64_MAX, offset = 0;
    for (std::size_t i = 0; i <= blocks_.size(); ++i) {
      const std::int64_t from = i == 0 ? 0 : end(i - 1), room = start(i) - from;
      if (room < size(rectangle)) continue;
      const std::int64_t key = rule_ == Rule::smallest ? room : high ? -from : from;
      if (key >= best_key) continue;
      best_key = key;
      best = i;
      offset = high ? (start(i) - size(rectangle)) / alignment_ * alignment_ : from;
    }
    if (best < 0) return false;
    insert(best, rectangle, offset);
    return true;
  }

  // Pushes neighbours down so that the holes between them become one, where the fewest bytes have
  // to move.
  bool into_window(std::size_t rectangle, Step step) {
    std::int64_t least = INT64_MAX;
    std::size_t first = 0, last = 0;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      std::int64_t low = i == 0 ? 0 : end(i - 1), moved = 0;
      for (std::size_t j = i; j < blocks_.size(); ++j) {
        if (low != blocks_[j].offset && rectangles_[blocks_[j].rectangle].lower < step)
          moved += size(blocks_[j].rectangle);
        low = round_up(low + size(blocks_[j].rectangle), alignment_);
        if (moved >= least) break;
        if (start(j + 1) - low < size(rectangle)) continue;
        least = moved;
        first = i;
        last = j;
        break;
      }
    }
    if (least == INT64_MAX) return false;
    for (std::size_t j = first; j <= last; ++j) blocks_[j].offset = j == 0 ? 0 : end(j - 1);
    insert(last + 1, rectangle, end(last));
    return true;
  }

  const std::vector<place::Rectangle>& rectangles_;
  Step steps_;
  std::int64_t capacity_, alignment_;
  Rule rule_;
  std::vector<Block> blocks_;  // on chip, by offset
  std::vector<std::vector<Piece>> pieces_;
};

// The pieces of a part's rectangle during the part.
void add_residencies(const Layout::Part& part, const std::vector<Piece>& pieces, Plan& plan) {
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Step end = i + 1 < pieces.size() ? pieces[i + 1].from - 1 : part.to;
    const Step from = std::max(part.from, pieces[i].from), to = std::min(part.to, end);
    if (from > to) continue;
    if (part.tensor < 0) plan.workspaces[from] = pieces[i].offset;
    else plan.residencies.push_back({part.tensor, from, to, pieces[i].offset});
  }
}

}  // namespace

std::optional<Plan> compact(const Problem& problem, const Schedule& schedule,
                            const Placing& placing) {
  const Layout layout = lay_out(problem, schedule);
  std::optional<Plan> best;
  for (const Rule rule : {Rule::smallest, Rule::lowest, Rule::by_life}) {
    Compacter compacter(layout, schedule.order.size(), placing, rule);
    if (!compacter.run()) continue;
    Plan plan = begin_plan(schedule, placing);
    for (const Layout::Part& part : layout.parts)
      add_residencies(part, compacter.pieces(part.rectangle), plan);
    std::sort(plan.residencies.begin(), plan.residencies.end(), starts_before);
    derive_events(problem, plan);
    if (!best || cost_of(plan) < cost_of(*best)) best = std::move(plan);
  }
  return best;
}

}  // namespace pliant::plan
