// The oracle: Dijkstra over executed operators and every tensor's exact place, one byte address at
// a time, straight from the semantics in plan/format/plan.h. No bound, no dominance, no candidate
// addresses; shares nothing with the planner.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "plan/format/plan.h"

namespace pliant::plan {

class PlainSearch {
 public:
  PlainSearch(const Problem& problem, std::int64_t capacity, std::int64_t alignment = 1,
              const Costs& costs = {})
      : problem_(problem),
        capacity_(capacity),
        alignment_(alignment),
        costs_(costs),
        uses_(problem.tensors.size(), 0) {
    for (std::size_t op = 0; op < problem.operators.size(); ++op)
      for (const TensorId t : problem.operators[op].inputs) uses_[t] |= 1u << op;
  }

  // The least cost, by default traffic; -1 when no plan exists.
  std::int64_t cheapest() {
    std::string start(2 + 2 * problem_.tensors.size(), 0);
    for (std::size_t t = 0; t < problem_.tensors.size(); ++t) {
      at(start, t) = off_chip;
      copy(start, t) = given(t) ? first_load : none;
    }
    push(0, start);
    while (!queue_.empty()) {
      const auto [cost, state] = queue_.top();
      queue_.pop();
      if (!closed_.insert(state).second) continue;
      if (done(state) == (1u << problem_.operators.size()) - 1) return cost;
      move(cost, state);
      for (std::size_t op = 0; op < problem_.operators.size(); ++op) run(cost, state, op);
    }
    return -1;
  }

 private:
  // executed set (2 bytes), then address and copy of each tensor
  using State = std::string;
  enum Copy : char { none, young, old, first_load };  // young: stored after the step just run
  static constexpr char off_chip = 127;

  static char& at(State& s, std::size_t t) { return s[2 + 2 * t]; }
  static char& copy(State& s, std::size_t t) { return s[3 + 2 * t]; }
  static char at(const State& s, std::size_t t) { return s[2 + 2 * t]; }
  static char copy(const State& s, std::size_t t) { return s[3 + 2 * t]; }
  static std::uint32_t done(const State& s) {
    return static_cast<unsigned char>(s[0]) |
           static_cast<std::uint32_t>(static_cast<unsigned char>(s[1])) << 8;
  }
  bool given(std::size_t t) const {
    return problem_.tensors[t].role == Role::input || problem_.tensors[t].role == Role::weight;
  }
  std::int64_t bytes(std::size_t t) const { return problem_.tensors[t].bytes; }

  void push(std::int64_t cost, const State& state) {
    const auto [entry, fresh] = best_.try_emplace(state, cost);
    if (!fresh && entry->second <= cost) return;
    entry->second = cost;
    queue_.emplace(cost, state);
  }

  bool free_at(const State& s, std::int64_t address, std::int64_t size) const {
    if (address + size > capacity_) return false;
    for (std::size_t t = 0; t < problem_.tensors.size(); ++t)
      if (at(s, t) != off_chip && at(s, t) < address + size && address < at(s, t) + bytes(t))
        return false;
    return true;
  }

  template <typename Visit>
  void each_address(const State& s, std::int64_t size, Visit&& visit) const {
    for (std::int64_t a = 0; a + size <= capacity_; a += alignment_)
      if (free_at(s, a, size)) visit(static_cast<char>(a));
  }

  // Between two steps: one tensor leaves, or one comes back.
  void move(std::int64_t cost, const State& state) {
    for (std::size_t t = 0; t < problem_.tensors.size(); ++t) {
      State next = state;
      if (at(state, t) != off_chip) {
        at(next, t) = off_chip;
        if (copy(state, t) == none) copy(next, t) = young;
        push(cost + (copy(state, t) == none ? bytes(t) * costs_.write : 0), next);
        if (costs_.move < 0) continue;
        next = state;  // or moves, to where nothing else lies
        at(next, t) = off_chip;
        const State others = next;
        each_address(others, bytes(t), [&](char a) {
          at(next, t) = a;
          push(cost + bytes(t) * costs_.move, next);
        });
      } else if (copy(state, t) == old || copy(state, t) == first_load) {
        copy(next, t) = old;
        each_address(state, bytes(t), [&](char a) {
          at(next, t) = a;
          push(cost + (copy(state, t) == first_load ? 0 : bytes(t) * costs_.read), next);
        });
      }
    }
  }

  void run(std::int64_t cost, const State& state, std::size_t op) {
    if ((done(state) >> op & 1) != 0) return;
    for (const TensorId t : problem_.operators[op].inputs)
      if (at(state, t) == off_chip) return;
    for (const auto& run : problem_.operators[op].adjacent)
      for (std::size_t i = 0; i + 1 < run.size(); ++i)
        if (at(state, run[i]) + bytes(run[i]) != at(state, run[i + 1])) return;
    put_outputs(cost, state, op, 0);
  }

  void put_outputs(std::int64_t cost, State state, std::size_t op, std::size_t k) {
    const Operator& o = problem_.operators[op];
    if (k < o.outputs.size()) {
      const std::size_t t = static_cast<std::size_t>(o.outputs[k]);
      for (const InPlace& pair : o.in_place) {
        if (pair.output != o.outputs[k]) continue;
        at(state, t) = at(state, static_cast<std::size_t>(pair.input));
        put_outputs(cost, state, op, k + 1);
        at(state, t) = off_chip;
      }
      each_address(State(state), bytes(t), [&](char a) {
        at(state, t) = a;
        put_outputs(cost, state, op, k + 1);
        at(state, t) = off_chip;
      });
      return;
    }
    bool room = o.workspace == 0;
    each_address(state, o.workspace, [&](char) { room = true; });
    if (room) finish(cost, std::move(state), op);
  }

  void finish(std::int64_t cost, State state, std::size_t op) {
    const std::uint32_t now = done(state) | 1u << op;
    state[0] = static_cast<char>(now & 255);
    state[1] = static_cast<char>(now >> 8);
    for (std::size_t t = 0; t < problem_.tensors.size(); ++t)
      if (copy(state, t) == young) copy(state, t) = old;
    for (const TensorId t : problem_.operators[op].outputs)
      if (problem_.tensors[t].role == Role::output)
        copy(state, static_cast<std::size_t>(t)) = young;
    for (std::size_t t = 0; t < problem_.tensors.size(); ++t) {
      if ((uses_[t] & ~now) != 0 || (!given(t) && at(state, t) == off_chip)) continue;
      at(state, t) = off_chip;  // nobody reads it any more
      copy(state, t) = none;
    }
    push(cost, state);
  }

  struct Hash {
    std::size_t operator()(const State& s) const { return std::hash<std::string>()(s); }
  };
  using Entry = std::pair<std::int64_t, State>;
  const Problem& problem_;
  std::int64_t capacity_, alignment_;
  Costs costs_;
  std::vector<std::uint32_t> uses_;
  std::unordered_map<State, std::int64_t, Hash> best_;
  std::unordered_set<State, Hash> closed_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
};

}  // namespace pliant::plan
