// A grammar as a deterministic automaton over bytes, worked out as it is used: a state is a set of
// pushdown stacks.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "lm/decode/grammar/program.h"

namespace pliant::lm {

class Automaton {
 public:
  using State = std::int32_t;
  static constexpr State dead = 0;

  explicit Automaton(std::shared_ptr<const GrammarProgram> program);

  State start() const { return start_; }
  // Throws Error{capacity} when the work since begin_work() passes a bound.
  State next(State state, std::uint8_t byte) {
    const std::size_t slot = static_cast<std::size_t>(state) * program_->representative.size() +
                             program_->class_of[byte];
    return table_[slot] != unknown ? table_[slot] : work_out(state, byte);
  }
  bool accepts(State state) const { return states_[state].accepts; }
  bool goes_on(State state) const { return !states_[state].points.empty(); }
  // somewhere a stack that would have grown too deep was left out
  bool met_depth() const { return met_depth_; }

  void begin_work() { work_ = 0; }
  bool crowded() const;  // time to start afresh
  // The same grammar with nothing worked out but `state`, which becomes the fresh automaton's.
  std::unique_ptr<Automaton> afresh(State& state) const;

 private:
  static constexpr State unknown = -1;
  using StackId = std::int32_t;  // 0: empty

  struct Frame {  // of a stack: where to go on after the return
    StackId below = 0;
    std::int32_t code = 0;
    std::int32_t rounds = -1;  // of a repetition, this one included; -1: a call
    std::int32_t depth = 0;
    bool operator==(const Frame&) const = default;
  };
  struct Point {  // a place of the program; in a state always a `bytes` instruction
    std::int32_t code = 0;
    StackId stack = 0;
    std::int32_t rounds = 0;  // done, at a `repeat`
    bool operator==(const Point&) const = default;
  };
  struct FrameHash {
    std::size_t operator()(const Frame& frame) const;
  };
  struct PointHash {
    std::size_t operator()(const Point& point) const;
  };
  struct PointsHash {
    std::size_t operator()(const std::vector<Point>& points) const;
  };
  struct StateData {
    std::vector<Point> points;
    bool accepts = false;
  };

  State work_out(State state, std::uint8_t byte);
  void follow(const Point& point);
  void step(const Point& point);
  void go_back(StackId stack);
  StackId push(StackId below, std::int32_t code, std::int32_t rounds);
  void reach(const Point& point);
  State intern();

  std::shared_ptr<const GrammarProgram> program_;
  std::vector<StateData> states_;
  std::vector<State> table_;  // [states, classes]
  std::unordered_multimap<std::size_t, State> by_points_;
  std::vector<Frame> frames_;
  std::unordered_map<Frame, StackId, FrameHash> by_frame_;
  State start_ = 0;
  std::int64_t work_ = 0;
  bool met_depth_ = false;

  StateData building_;
  std::vector<Point> open_;
  std::unordered_map<Point, bool, PointHash> seen_;
};

}  // namespace pliant::lm
