#include "plan/place/search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <unordered_set>

#include "core/error.h"
#include "core/rng.h"

namespace pliant::place {
namespace {

using Index = std::int32_t;
constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMostCells = std::int64_t{1} << 26;   // boxes times their columns
constexpr std::size_t kMostFailures = std::size_t{1} << 21;  // remembered

std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

class Search::State {
 public:
  State(const Field& field, const PlaceOptions& options);
  Found run(const Tactic& tactic, std::int64_t nodes);
  std::int64_t nodes() const { return nodes_; }
  bool interrupted() const { return interrupted_; }

 private:
  enum class Signal { proceed, solved, failed };

  // 128 bits of a state: the boxes not placed and how low each may lie, which is all that the rest
  // depends on.
  struct Key {
    std::uint64_t low = 0, high = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const { return key.low; }
  };

  struct Part {  // columns whose unplaced boxes reach over no other column
    Index first, last;
  };

  struct Change {
    enum Kind : std::uint8_t { lowest, floor, placed } kind;
    Index index;
    std::int64_t old;
  };

  // One part being solved: the candidates of its column, and the parts left when one of them is
  // placed.
  struct Frame {
    Part part;
    Key key;
    std::vector<Index> candidates;
    std::size_t next = 0;  // candidate to try
    std::size_t mark = 0;  // of the trail, before the candidate was placed
    std::vector<Part> children;
    std::size_t child = 0;
  };

  const Field& field_;
  const PlaceOptions& options_;
  // per box: it lies at or above this; its offset once placed
  std::vector<std::int64_t> lowest_;
  std::vector<char> placed_;                  // per box
  std::vector<Index> rank_;                   // per box: the heaviest is first
  std::vector<std::vector<Index>> at_;        // per column: its boxes
  std::vector<std::vector<Index>> starting_;  // per column: boxes whose first column it is
  // per column, of its unplaced boxes: smallest lowest_, total size
  std::vector<std::int64_t> floor_, rest_;
  // per column: unplaced boxes; those that reach into the next column
  std::vector<Index> count_, across_;
  std::vector<Change> trail_;
  std::vector<Index> dirty_;  // columns to look at again
  std::vector<char> is_dirty_;
  std::vector<Frame> stack_;
  std::unordered_set<Key, KeyHash> failed_;
  std::int64_t nodes_ = 0, last_node_ = -1;
  bool interrupted_ = false, out_ = false;

  template <class Visit>
  void for_overlapping(Index box, Visit&& visit) const {
    const Box& b = field_.boxes[box];
    for (const Index k : at_[b.first])
      if (!placed_[k] && k != box) visit(k);
    for (Index c = b.first + 1; c <= b.last; ++c)
      for (const Index k : starting_[c])
        if (!placed_[k]) visit(k);
  }

  void weigh(const Tactic& tactic);
  void count(Index box, int sign);
  bool spent();
  void undo(std::size_t mark);
  void touch(Index box);
  bool lift(Index box, std::int64_t to);
  bool settle_column(Index column);
  bool settle();
  bool place_box(Index box);
  bool lift_candidates(const std::vector<Index>& candidates, std::int64_t level);
  Index choose_column(Part part) const;
  std::vector<Index> candidates_at(Index column) const;
  std::vector<Part> parts_of(Part range) const;
  Key key_of(Part part) const;
  bool solve();
  Signal enter(Part part);
  Signal advance();
  Signal after_child(Signal result);
  bool choose(Frame& frame);
};

Search::State::State(const Field& field, const PlaceOptions& options)
    : field_(field), options_(options) {
  std::int64_t cells = 0;
  for (const Box& box : field.boxes) cells += box.last - box.first + 1;
  if (cells > kMostCells)
    throw Error(ErrorKind::capacity, "placement",
                "rectangles overlap in " + std::to_string(cells) + " places",
                "at most " + std::to_string(kMostCells) + " can be searched");
  const std::size_t boxes = field.boxes.size(), columns = field.columns;
  lowest_.resize(boxes);
  placed_.resize(boxes);
  rank_.resize(boxes);
  at_.resize(columns);
  starting_.resize(columns);
  floor_.assign(columns, kFar);
  rest_.resize(columns);
  count_.resize(columns);
  across_.resize(columns);
  is_dirty_.resize(columns);
  for (Index i = 0; i < static_cast<Index>(boxes); ++i) {
    const Box& box = field.boxes[i];
    lowest_[i] = box.earliest;
    starting_[box.first].push_back(i);
    for (Index c = box.first; c <= box.last; ++c) {
      at_[c].push_back(i);
      floor_[c] = std::min(floor_[c], box.earliest);
    }
    count(i, 1);
  }
}

void Search::State::weigh(const Tactic& tactic) {
  Rng rng(tactic.seed);
  std::vector<std::pair<double, Index>> weights;
  for (const Box& box : field_.boxes)
    weights.emplace_back(-tactic.size * std::log(box.size) -
                             tactic.width * std::log(box.last - box.first + 1.0) -
                             tactic.noise * rng.normal(),
                         static_cast<Index>(weights.size()));
  std::sort(weights.begin(), weights.end());
  for (std::size_t i = 0; i < weights.size(); ++i) rank_[weights[i].second] = i;
}

void Search::State::count(Index box, int sign) {
  const Box& b = field_.boxes[box];
  for (Index c = b.first; c <= b.last; ++c) {
    rest_[c] += sign * b.size;
    count_[c] += sign;
    if (c < b.last) across_[c] += sign;
  }
}

bool Search::State::spent() {
  ++nodes_;
  if (nodes_ % 64 == 0) interrupted_ = interrupted_ || options_.deadline.over();
  out_ = interrupted_ || (last_node_ >= 0 && nodes_ > last_node_);
  return out_;
}

void Search::State::undo(std::size_t mark) {
  for (; trail_.size() > mark; trail_.pop_back()) {
    const Change& change = trail_.back();
    if (change.kind == Change::lowest) lowest_[change.index] = change.old;
    if (change.kind == Change::floor) floor_[change.index] = change.old;
    if (change.kind == Change::placed) {
      placed_[change.index] = 0;
      count(change.index, 1);
    }
  }
}

void Search::State::touch(Index box) {
  for (Index c = field_.boxes[box].first; c <= field_.boxes[box].last; ++c) {
    if (is_dirty_[c]) continue;
    is_dirty_[c] = 1;
    dirty_.push_back(c);
  }
}

bool Search::State::lift(Index box, std::int64_t to) {
  if (lowest_[box] >= to) return true;
  trail_.push_back({Change::lowest, box, lowest_[box]});
  lowest_[box] = to;
  touch(box);
  return to <= field_.boxes[box].latest;
}

bool Search::State::settle_column(Index column) {
  if (count_[column] == 0) return true;
  std::int64_t lowest = kFar;
  for (const Index i : at_[column])
    if (!placed_[i]) lowest = std::min(lowest, lowest_[i]);
  if (lowest != floor_[column]) {
    trail_.push_back({Change::floor, column, floor_[column]});
    floor_[column] = lowest;
  }
  return lowest + rest_[column] <= field_.capacity;
}

bool Search::State::settle() {
  bool fits = true;
  for (const Index column : dirty_) {
    is_dirty_[column] = 0;
    fits = fits && settle_column(column);
  }
  dirty_.clear();
  return fits;
}

bool Search::State::place_box(Index box) {
  const std::int64_t top = lowest_[box] + field_.boxes[box].size;
  trail_.push_back({Change::placed, box, 0});
  placed_[box] = 1;
  count(box, -1);
  touch(box);
  bool fits = true;
  for_overlapping(box, [&](Index k) { fits = lift(k, top) && fits; });
  return settle() && fits;
}

// None of the candidates starts at the level: each is lifted to the lowest top that it could rest
// on.
bool Search::State::lift_candidates(const std::vector<Index>& candidates, std::int64_t level) {
  std::vector<std::int64_t> to(candidates.size(), kFar);
  for (std::size_t i = 0; i < candidates.size(); ++i)
    for_overlapping(candidates[i], [&](Index k) {
      const bool lifted = std::find(candidates.begin(), candidates.end(), k) != candidates.end();
      to[i] = std::min(to[i], lowest_[k] + (lifted ? 1 : 0) + field_.boxes[k].size);
    });
  bool fits = true;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Box& box = field_.boxes[candidates[i]];
    const bool fixed = box.earliest == box.latest && lowest_[candidates[i]] == level;
    fits = fits && !fixed && to[i] != kFar && lift(candidates[i], to[i]);
  }
  return settle() && fits;
}

// Among the columns of the lowest level, the one with the fewest ways to go on.
Index Search::State::choose_column(Part part) const {
  std::int64_t level = kFar;
  for (Index c = part.first; c <= part.last; ++c)
    if (count_[c] > 0) level = std::min(level, floor_[c]);
  Index best = -1, fewest = std::numeric_limits<Index>::max();
  for (Index c = part.first; c <= part.last; ++c) {
    if (count_[c] == 0 || floor_[c] != level) continue;
    Index ways = level + rest_[c] < field_.capacity ? 1 : 0;  // a gap fits
    for (const Index i : at_[c]) ways += !placed_[i] && lowest_[i] == level;
    if (ways < fewest) {
      fewest = ways;
      best = c;
    }
  }
  return best;
}

std::vector<Index> Search::State::candidates_at(Index column) const {
  std::vector<Index> result;
  for (const Index i : at_[column])
    if (!placed_[i] && lowest_[i] == floor_[column]) result.push_back(i);
  std::sort(result.begin(), result.end(), [&](Index a, Index b) { return rank_[a] < rank_[b]; });
  return result;
}

std::vector<Search::State::Part> Search::State::parts_of(Part range) const {
  std::vector<Part> parts;
  for (Index c = range.first; c <= range.last; ++c) {
    if (count_[c] == 0) continue;
    const bool apart =
        parts.empty() || (options_.split && (parts.back().last + 1 < c || across_[c - 1] == 0));
    if (apart) parts.push_back({c, c});
    parts.back().last = c;
  }
  return parts;
}

Search::State::Key Search::State::key_of(Part part) const {
  Key key;
  for (Index c = part.first; c <= part.last; ++c)
    for (const Index i : starting_[c]) {
      if (placed_[i]) continue;
      const std::uint64_t both = mix(static_cast<std::uint64_t>(lowest_[i]) + 0x9e3779b97f4a7c15u);
      const std::uint64_t one = mix(both + static_cast<std::uint64_t>(i) * 0xd1b54a32d192ed03u);
      key.low += one;
      key.high += mix(one ^ 0x94d049bb133111ebu);
    }
  return key;
}

bool Search::State::choose(Frame& frame) {
  frame.next = 0;
  frame.candidates = candidates_at(choose_column(frame.part));
  return !spent();
}

Search::State::Signal Search::State::enter(Part part) {
  Frame frame{part, {}, {}, 0, 0, {}, 0};
  if (options_.remember) {
    frame.key = key_of(part);
    if (failed_.contains(frame.key)) return Signal::failed;
  }
  if (!choose(frame)) return Signal::failed;
  stack_.push_back(std::move(frame));
  return Signal::proceed;
}

// Tries the next candidate of the innermost part.
Search::State::Signal Search::State::advance() {
  Frame& frame = stack_.back();
  if (frame.next < frame.candidates.size()) {
    frame.mark = trail_.size();
    if (!place_box(frame.candidates[frame.next++])) {
      undo(frame.mark);
      return Signal::proceed;
    }
    frame.children = parts_of(frame.part);
    frame.child = 0;
    if (!frame.children.empty()) return enter(frame.children.front());
    stack_.pop_back();
    return Signal::solved;
  }
  if (lift_candidates(frame.candidates, lowest_[frame.candidates.front()]))
    return choose(frame) ? Signal::proceed : Signal::failed;
  if (options_.remember && failed_.size() < kMostFailures) failed_.insert(frame.key);
  stack_.pop_back();
  return Signal::failed;
}

// The innermost part hears from the part opened last.
Search::State::Signal Search::State::after_child(Signal result) {
  Frame& frame = stack_.back();
  if (result == Signal::failed) {
    undo(frame.mark);
    return Signal::proceed;
  }
  if (++frame.child < frame.children.size()) return enter(frame.children[frame.child]);
  stack_.pop_back();
  return Signal::solved;
}

// The outermost frame has all parts as children and no candidates of its own.
bool Search::State::solve() {
  const Part all{0, field_.columns - 1};
  stack_.assign(1, Frame{all, {}, {}, 0, 0, parts_of(all), 0});
  Signal signal = enter(all);
  while (!out_ && !stack_.empty()) {
    if (signal == Signal::proceed) signal = advance();
    else if (stack_.size() > 1 || signal == Signal::solved) signal = after_child(signal);
    else return false;
  }
  return stack_.empty() && signal == Signal::solved;
}

Found Search::State::run(const Tactic& tactic, std::int64_t nodes) {
  for (Index c = 0; c < field_.columns; ++c)
    if (floor_[c] + rest_[c] > field_.capacity) return {Outcome::impossible, {}};
  weigh(tactic);
  last_node_ = nodes < 0 ? -1 : nodes_ + nodes;
  out_ = false;
  const bool solved = solve();
  Found found{solved ? Outcome::placed : out_ ? Outcome::undecided : Outcome::impossible, {}};
  if (solved) found.offsets = lowest_;
  stack_.clear();
  undo(0);
  return found;
}

Search::Search(const Field& field, const PlaceOptions& options)
    : state_(std::make_unique<State>(field, options)) {}
Search::~Search() = default;
Found Search::run(const Tactic& tactic, std::int64_t nodes) { return state_->run(tactic, nodes); }
std::int64_t Search::nodes() const { return state_->nodes(); }
bool Search::interrupted() const { return state_->interrupted(); }

}  // namespace pliant::place
