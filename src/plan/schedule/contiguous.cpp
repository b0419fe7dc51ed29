#include "plan/schedule/contiguous.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "core/checked.h"
#include "core/error.h"
#include "core/rng.h"
#include "plan/format/adjacent.h"

namespace pliant::plan {
namespace {

constexpr std::int64_t default_nodes = 100'000;  // bodies placed, when the options name no limit
constexpr std::uint64_t order_seed = 1;

struct Member {
  std::int32_t rectangle = 0;
  std::int64_t shift = 0;  // from the body's base, which is its lowest address
};
using Body = std::vector<Member>;

class Bodies {
 public:
  Bodies(const Problem& problem, const Schedule& schedule, const Layout& layout)
      : problem_(problem),
        layout_(layout),
        body_of_(layout.rectangles.size()),
        shift_(layout.rectangles.size(), 0) {
    std::iota(body_of_.begin(), body_of_.end(), 0);
    for (std::size_t r = 0; r < body_of_.size(); ++r)
      bodies_.push_back({{static_cast<std::int32_t>(r), 0}});
    for (std::size_t step = 0; step < schedule.order.size() && conflict_.empty(); ++step)
      for (const auto& line : lines_of(problem.operators[schedule.order[step]])) join(line, step);
    for (const Body& body : bodies_)
      if (conflict_.empty() && overlaps_itself(body)) report(body);
    for (Body& body : bodies_) rest_on_ground(body);
    std::erase_if(bodies_, [](const Body& body) { return body.empty(); });
  }

  const std::vector<Body>& list() const { return bodies_; }
  // rectangles; empty when there is none
  const std::vector<std::int32_t>& conflict() const { return conflict_; }

 private:
  std::int32_t rectangle_at(TensorId tensor, Step step) const {
    for (const Layout::Part& part : layout_.parts)
      if (part.tensor == tensor && part.from <= step && step <= part.to)
        return static_cast<std::int32_t>(part.rectangle);
    return -1;  // not reached: the operator of the step reads it
  }

  void join(const std::vector<TensorId>& line, Step step) {
    std::int64_t ahead = 0;
    const std::int32_t first = rectangle_at(line[0], step);
    for (std::size_t i = 1; i < line.size() && conflict_.empty(); ++i) {
      ahead += problem_.tensors[line[i - 1]].bytes;
      attach(first, rectangle_at(line[i], step), ahead);
    }
  }

  // `other` lies `ahead` bytes after `base`.
  void attach(std::int32_t base, std::int32_t other, std::int64_t ahead) {
    const std::int64_t move = shift_[base] + ahead - shift_[other];
    const std::int32_t into = body_of_[base], from = body_of_[other];
    if (into == from) {
      if (move != 0) report(bodies_[into]);
      return;
    }
    for (Member each : bodies_[from]) {
      each.shift += move;
      shift_[each.rectangle] = each.shift;
      body_of_[each.rectangle] = into;
      bodies_[into].push_back(each);
    }
    bodies_[from].clear();
  }

  bool overlaps_itself(const Body& body) const {
    for (std::size_t i = 0; i < body.size(); ++i)
      for (std::size_t k = 0; k < i; ++k) {
        const auto &a = layout_.rectangles[body[i].rectangle],
                   &b = layout_.rectangles[body[k].rectangle];
        if (a.lower < b.upper && b.lower < a.upper && body[i].shift < body[k].shift + b.size &&
            body[k].shift < body[i].shift + a.size)
          return true;
      }
    return false;
  }

  void report(const Body& body) {
    for (const Member& each : body) conflict_.push_back(each.rectangle);
  }

  static void rest_on_ground(Body& body) {
    std::int64_t least = INT64_MAX;
    for (const Member& each : body) least = std::min(least, each.shift);
    for (Member& each : body) each.shift -= least;
  }

  const Problem& problem_;
  const Layout& layout_;
  std::vector<std::int32_t> body_of_;  // per rectangle
  std::vector<std::int64_t> shift_;
  std::vector<Body> bodies_;
  std::vector<std::int32_t> conflict_;
};

struct Packing {
  std::vector<std::int64_t> offsets;  // per rectangle
  std::int64_t height = INT64_MAX;
};

class Packer {
 public:
  Packer(const std::vector<place::Rectangle>& rectangles, const std::vector<Body>& bodies,
         const place::PlaceOptions& options)
      : rectangles_(rectangles), bodies_(bodies), options_(options), left_(options.nodes) {
    if (left_ < 0) left_ = default_nodes;
  }

  // The lowest that the tried orders give; the first that stays within the capacity.
  Packing run(std::int64_t capacity) {
    Rng rng(order_seed);
    std::vector<std::size_t> order = by_size();
    for (int turn = 0; best_.height > capacity; ++turn) {
      if (turn > 0 && (left_ <= 0 || options_.deadline.over())) break;
      const std::size_t highest = place_in(order);
      std::rotate(order.begin(), std::find(order.begin(), order.end(), highest),
                  std::find(order.begin(), order.end(), highest) +
                      1);  // what came to lie highest goes first
      if (turn % 16 == 15) std::shuffle(order.begin(), order.end(), rng);
    }
    return best_;
  }

  std::int64_t nodes() const { return nodes_; }

 private:
  std::vector<std::size_t> by_size() const {
    std::vector<std::tuple<std::int64_t, std::size_t>> keys;
    for (std::size_t b = 0; b < bodies_.size(); ++b) {
      std::int64_t bytes = 0;
      for (const Member& each : bodies_[b]) bytes += rectangles_[each.rectangle].size;
      keys.emplace_back(-bytes, b);
    }
    std::sort(keys.begin(), keys.end());
    std::vector<std::size_t> order;
    for (const auto& key : keys) order.push_back(std::get<1>(key));
    return order;
  }

  // Gives the body that reaches highest.
  std::size_t place_in(const std::vector<std::size_t>& order) {
    Packing now{std::vector<std::int64_t>(rectangles_.size(), 0), 0};
    placed_.clear();
    std::size_t highest = order.empty() ? 0 : order[0];
    for (const std::size_t b : order) {
      const std::int64_t base = lowest_base(bodies_[b], now.offsets);
      for (const Member& each : bodies_[b]) {
        now.offsets[each.rectangle] = base + each.shift;
        placed_.push_back(each.rectangle);
        const std::int64_t end = base + each.shift + rectangles_[each.rectangle].size;
        if (end > now.height) highest = b;
        now.height = std::max(now.height, end);
      }
    }
    nodes_ += order.size();
    left_ -= order.size();
    if (now.height < best_.height) best_ = std::move(now);
    return highest;
  }

  // The bases at which a member would lie over a placed rectangle are open intervals; the lowest
  // base outside them.
  std::int64_t lowest_base(const Body& body, const std::vector<std::int64_t>& offsets) {
    forbidden_.clear();
    for (const Member& each : body) {
      const place::Rectangle& mine = rectangles_[each.rectangle];
      if (mine.size == 0) continue;
      for (const std::int32_t other : placed_) {
        const place::Rectangle& theirs = rectangles_[other];
        if (theirs.size == 0 || theirs.upper <= mine.lower || mine.upper <= theirs.lower) continue;
        forbidden_.emplace_back(offsets[other] - each.shift - mine.size,
                                offsets[other] + theirs.size - each.shift);
      }
    }
    std::sort(forbidden_.begin(), forbidden_.end());
    std::int64_t base = 0;
    for (const auto& [low, high] : forbidden_) {
      if (low >= base) break;
      if (high > base) base = round_up(high, options_.alignment);
    }
    return base;
  }

  const std::vector<place::Rectangle>& rectangles_;
  const std::vector<Body>& bodies_;
  const place::PlaceOptions& options_;
  std::int64_t left_ = 0, nodes_ = 0;
  std::vector<std::int32_t> placed_;
  std::vector<std::pair<std::int64_t, std::int64_t>> forbidden_;
  Packing best_;
};

// Whoever is there at a time at which the packing does not stay within the capacity.
std::vector<std::int32_t> crowd(const std::vector<place::Rectangle>& rectangles,
                                const Packing& packing, std::int64_t capacity) {
  std::vector<std::int32_t> result;
  const auto too_high = [&](std::size_t r) {
    return packing.offsets[r] + rectangles[r].size > capacity;
  };
  for (std::size_t r = 0; r < rectangles.size(); ++r) {
    bool meets = false;
    for (std::size_t other = 0; other < rectangles.size() && !meets; ++other)
      meets = too_high(other) && rectangles[r].lower < rectangles[other].upper &&
              rectangles[other].lower < rectangles[r].upper;
    if (meets) result.push_back(r);
  }
  return result;
}

// Each body as the box around it, which holds it whatever its form.
place::Placement place_boxes(const std::vector<place::Rectangle>& rectangles,
                             const std::vector<Body>& bodies, std::int64_t capacity,
                             const place::PlaceOptions& options) {
  std::vector<place::Rectangle> boxes;
  for (const Body& body : bodies) {
    place::Rectangle box = rectangles[body[0].rectangle];
    box.size = 0;
    for (const Member& each : body) {
      const place::Rectangle& r = rectangles[each.rectangle];
      box.lower = std::min(box.lower, r.lower);
      box.upper = std::max(box.upper, r.upper);
      box.size = std::max(box.size, each.shift + r.size);
    }
    boxes.push_back(box);
  }
  place::Placement result = place::place(boxes, capacity, options);
  if (result.status != place::Outcome::placed)
    return {place::Outcome::undecided, {}, {}, result.nodes};
  std::vector<std::int64_t> offsets(rectangles.size(), 0);
  for (std::size_t b = 0; b < bodies.size(); ++b)
    for (const Member& each : bodies[b]) offsets[each.rectangle] = result.offsets[b] + each.shift;
  result.offsets = std::move(offsets);
  return result;
}

}  // namespace

place::Placement place_layout(const Problem& problem, const Schedule& schedule,
                              const Layout& layout, std::int64_t capacity,
                              const place::PlaceOptions& options) {
  if (!has_adjacent(problem)) return place::place(layout.rectangles, capacity, options);
  const Bodies bodies(problem, schedule, layout);
  if (!bodies.conflict().empty()) return {place::Outcome::impossible, {}, bodies.conflict(), 0};
  Packer packer(layout.rectangles, bodies.list(), options);
  Packing packing = packer.run(capacity);
  if (packing.height <= capacity)
    return {place::Outcome::placed, std::move(packing.offsets), {}, packer.nodes()};
  place::Placement boxed = place_boxes(layout.rectangles, bodies.list(), capacity, options);
  boxed.nodes += packer.nodes();
  if (boxed.status == place::Outcome::placed) return boxed;
  return {place::Outcome::impossible, {}, crowd(layout.rectangles, packing, capacity), boxed.nodes};
}

place::Packed pack_layout(const Problem& problem, const Schedule& schedule, const Layout& layout,
                          const place::PlaceOptions& options) {
  if (!has_adjacent(problem)) return place::pack(layout.rectangles, options);
  const Bodies bodies(problem, schedule, layout);
  if (!bodies.conflict().empty())
    throw Error(ErrorKind::unsupported, "least memory",
                "tensors that stay would have to lie side by side in two ways",
                "plan for a scratchpad of a given size");
  Packing packing = Packer(layout.rectangles, bodies.list(), options).run(-1);
  return {std::move(packing.offsets), packing.height, 0};
}

}  // namespace pliant::plan
