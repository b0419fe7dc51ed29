#include "lm/decode/grammar/automaton.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "core/error.h"

namespace pliant::lm {
namespace {

constexpr std::int32_t deepest_stack = 1024;
constexpr std::size_t most_points = 1U << 12;     // of one state
constexpr std::int64_t most_work = 1 << 22;       // points followed for one mask or token
constexpr std::size_t crowded_table = 1U << 20;   // transitions
constexpr std::size_t largest_table = 64U << 20;  // transitions, at any time
constexpr std::size_t crowded_frames = 1U << 20;

std::size_t mixed(std::size_t hash, std::int32_t value) {
  return (hash ^ static_cast<std::uint32_t>(value)) * 0x9e3779b97f4a7c15ULL + (hash >> 29);
}

[[noreturn]] void too_much(const std::string& what) {
  throw Error(ErrorKind::capacity, "grammar", what, "make it less ambiguous");
}

}  // namespace

std::size_t Automaton::FrameHash::operator()(const Frame& frame) const {
  return mixed(mixed(mixed(1, frame.below), frame.code), frame.rounds);
}

std::size_t Automaton::PointHash::operator()(const Point& point) const {
  return mixed(mixed(mixed(2, point.code), point.stack), point.rounds);
}

std::size_t Automaton::PointsHash::operator()(const std::vector<Point>& points) const {
  std::size_t hash = points.size();
  for (const Point& each : points) hash = mixed(mixed(hash, each.code), each.stack);
  return hash;
}

Automaton::Automaton(std::shared_ptr<const GrammarProgram> program)
    : program_(std::move(program)), frames_(1) {
  intern();  // the dead state
  std::fill(table_.begin(), table_.end(), dead);
  follow({.code = program_->start});
  start_ = intern();
}

bool Automaton::crowded() const {
  return table_.size() > crowded_table || frames_.size() > crowded_frames;
}

std::unique_ptr<Automaton> Automaton::afresh(State& state) const {
  auto fresh = std::make_unique<Automaton>(program_);
  for (const Point& point : states_[state].points) {
    std::vector<StackId> path;
    for (StackId stack = point.stack; stack != 0; stack = frames_[stack].below)
      path.push_back(stack);
    StackId stack = 0;
    for (auto each = path.rbegin(); each != path.rend(); ++each) {
      const Frame& frame = frames_[*each];
      stack = fresh->push(stack, frame.code, frame.rounds);
    }
    fresh->building_.points.push_back({point.code, stack, 0});
  }
  fresh->building_.accepts = accepts(state);
  fresh->met_depth_ = met_depth_;
  state = fresh->intern();
  return fresh;
}

Automaton::StackId Automaton::push(StackId below, std::int32_t code, std::int32_t rounds) {
  const Frame frame{below, code, rounds, frames_[below].depth + 1};
  const auto [found, fresh] = by_frame_.emplace(frame, static_cast<StackId>(frames_.size()));
  if (fresh) frames_.push_back(frame);
  return found->second;
}

void Automaton::reach(const Point& point) {
  if (!seen_.emplace(point, true).second) return;
  if (++work_ > most_work)
    too_much(fmt::format("more than {} places to follow for one token", most_work));
  open_.push_back(point);
}

// Where the text goes on after the return with this stack.
void Automaton::go_back(StackId stack) {
  if (stack == 0) {
    building_.accepts = true;
    return;
  }
  const Frame frame = frames_[stack];
  reach({frame.code, frame.below, std::max(frame.rounds, 0)});
}

void Automaton::step(const Point& point) {
  using Op = GrammarInstruction::Op;
  const GrammarInstruction& at = program_->code[point.code];
  const bool full = frames_[point.stack].depth >= deepest_stack;
  switch (at.op) {
    case Op::bytes:
      if (building_.points.size() == most_points)
        too_much(fmt::format("more than {} readings at once", most_points));
      building_.points.push_back(point);
      return;
    case Op::split:
      reach({at.a, point.stack, 0});
      reach({at.b, point.stack, 0});
      return;
    case Op::call:
      // the last of its rule: the stack need not grow
      if (at.b == 0) return reach({at.a, point.stack, 0});
      met_depth_ |= full;
      if (!full) reach({at.a, push(point.stack, at.b, -1), 0});
      return;
    case Op::repeat: {
      if (point.rounds >= at.least) reach({at.b, point.stack, 0});
      if (at.most >= 0 && point.rounds >= at.most) return;
      met_depth_ |= full;
      const std::int32_t rounds =
          at.most < 0 ? std::min(point.rounds + 1, at.least) : point.rounds + 1;
      if (!full) reach({at.a, push(point.stack, point.code, rounds), 0});
      return;
    }
    case Op::back: return go_back(point.stack);
  }
}

void Automaton::follow(const Point& point) {
  reach(point);
  while (!open_.empty()) {
    const Point each = open_.back();
    open_.pop_back();
    step(each);
  }
}

// The state that was built; building_ is empty afterwards.
Automaton::State Automaton::intern() {
  seen_.clear();
  auto& points = building_.points;
  std::sort(points.begin(), points.end(), [](const Point& a, const Point& b) {
    return std::tie(a.code, a.stack) < std::tie(b.code, b.stack);
  });
  const std::size_t hash = PointsHash()(points);
  const auto [from, to] = by_points_.equal_range(hash);
  for (auto each = from; each != to; ++each) {
    const StateData& known = states_[each->second];
    if (known.points != points || known.accepts != building_.accepts) continue;
    building_ = {};
    return each->second;
  }
  const auto state = static_cast<State>(states_.size());
  const std::size_t classes = program_->representative.size();
  if (table_.size() + classes > largest_table) too_much("more states than the bound for one token");
  states_.push_back(std::move(building_));
  building_ = {};
  table_.resize(table_.size() + classes, unknown);
  by_points_.emplace(hash, state);
  return state;
}

Automaton::State Automaton::work_out(State state, std::uint8_t byte) {
  open_.clear();
  seen_.clear();
  building_ = {};
  for (std::size_t i = 0; i < states_[state].points.size(); ++i) {
    const Point point = states_[state].points[i];
    const GrammarInstruction& at = program_->code[point.code];
    ++work_;
    if (program_->sets[at.a].test(byte)) follow({at.b, point.stack, 0});
  }
  const State reached = intern();
  table_[state * program_->representative.size() + program_->class_of[byte]] = reached;
  return reached;
}

}  // namespace pliant::lm
