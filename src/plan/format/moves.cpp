#include "plan/format/moves.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/error.h"

namespace pliant::plan {
namespace {

struct Mover {
  TensorId tensor = 0;
  std::size_t residency = 0;  // that it begins
  std::int64_t from = 0, to = 0, bytes = 0;
  bool has_copy = false;
};

struct Range {
  std::int64_t address = 0, bytes = 0;
};

bool overlap(std::int64_t a, std::int64_t bytes, const Range& b) {
  return bytes > 0 && b.bytes > 0 && a < b.address + b.bytes && b.address < a + bytes;
}

class MoveFinder {
 public:
  MoveFinder(const Problem& problem, const Plan& plan,
             const std::vector<std::vector<Residency>>& residencies)
      : problem_(problem), plan_(plan), residencies_(residencies) {
    for (const auto& list : residencies) moves_.into.emplace_back(list.size(), false);
  }

  void collect(const std::vector<Step>& created) {
    for (std::size_t t = 0; t < residencies_.size(); ++t) {
      const TensorInfo& info = problem_.tensors[t];
      const auto& list = residencies_[t];
      bool copy = info.role == Role::input || info.role == Role::weight;
      for (std::size_t i = 1; i < list.size(); ++i) {
        const bool adjacent = list[i - 1].to + 1 == list[i].from;
        if (info.role == Role::output) copy = list[i].from >= created[t] + 2;
        if (adjacent && (!copy || plan_.costs.move <= plan_.costs.read))
          movers_[list[i].from].push_back({static_cast<TensorId>(t), i, list[i - 1].address,
                                           list[i].address, info.bytes, copy});
        else copy = true;  // it left and came back
      }
    }
  }

  Moves run() {
    for (auto& [step, movers] : movers_) order(step, movers);
    return std::move(moves_);
  }

 private:
  // What lies still across the boundary before the step.
  std::vector<Range> still_at(Step step) const {
    std::vector<Range> ranges;
    for (const Residency& each : plan_.residencies)
      if (each.from < step && step <= each.to)
        ranges.push_back({each.address, problem_.tensors[each.tensor].bytes});
    return ranges;
  }

  void order(Step step, std::vector<Mover>& movers) {
    std::vector<Range> taken = still_at(step);
    while (!movers.empty()) {
      const auto free = [&](const Mover& mover) {
        const auto hit = [&](const Range& range) { return overlap(mover.to, mover.bytes, range); };
        const auto waits = [&](const Mover& other) {
          return other.tensor != mover.tensor &&
                 overlap(mover.to, mover.bytes, {other.from, other.bytes});
        };
        return std::none_of(taken.begin(), taken.end(), hit) &&
               std::none_of(movers.begin(), movers.end(), waits);
      };
      auto next = std::find_if(movers.begin(), movers.end(), free);
      if (next != movers.end()) {
        moves_.events.push_back({step, Action::move, next->tensor});
        moves_.into[next->tensor][next->residency] = true;
        taken.push_back({next->to, next->bytes});
      } else {
        next = std::find_if(movers.begin(), movers.end(),
                            [](const Mover& mover) { return mover.has_copy; });
        if (next == movers.end())
          throw Error(ErrorKind::invalid, "plan",
                      fmt::format("step {}: moves wait for each other", step));
      }
      movers.erase(next);
    }
  }

  const Problem& problem_;
  const Plan& plan_;
  const std::vector<std::vector<Residency>>& residencies_;
  std::map<Step, std::vector<Mover>> movers_;
  Moves moves_;
};

}  // namespace

Moves find_moves(const Problem& problem, const Plan& plan,
                 const std::vector<std::vector<Residency>>& residencies,
                 const std::vector<Step>& created) {
  MoveFinder finder(problem, plan, residencies);
  if (plan.costs.move >= 0) finder.collect(created);
  return finder.run();
}

}  // namespace pliant::plan
