#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "core/checked.h"
#include "plan/baseline/baseline.h"
#include "plan/baseline/cover.h"
#include "plan/schedule/verify.h"

namespace pliant::plan {
namespace {

// One run of an order in a linear arena. Whoever leaves does so before a step that does not need
// it, so there is always a step for its store.
class Arena {
 public:
  Arena(const Problem& problem, const std::vector<OperatorId>& order, Replacement replacement,
        std::int64_t scratchpad_bytes, const ArenaOptions& options, bool addressed)
      : problem_(problem),
        order_(order),
        replacement_(replacement),
        capacity_(scratchpad_bytes),
        alignment_(options.alignment),
        costs_(options.costs),
        addressed_(addressed),
        tensors_(problem.tensors.size()) {
    for (std::size_t t = 0; t < tensors_.size(); ++t)
      tensors_[t].copied = problem.tensors[t].role != Role::activation;
    for (std::size_t step = 0; step < order.size(); ++step)
      for (const TensorId in : problem.operators[order[step]].inputs)
        state(in).uses.push_back(step);
  }

  bool run() {
    for (std::size_t step = 0; step < order_.size(); ++step)
      if (!run_step(problem_.operators[order_[step]], step)) return false;
    return true;
  }

  const std::vector<Departure>& leaves() const { return leaves_; }

  // Of a layout of the run's own schedule.
  std::vector<std::int64_t> offsets(const Layout& layout) const {
    std::vector<std::int64_t> result;
    result.resize(layout.rectangles.size());
    for (const Layout::Part& part : layout.parts)
      result[part.rectangle] = placed_.at({part.tensor, part.from});
    return result;
  }

 private:
  struct State {
    std::vector<Step> uses;
    std::size_t next = 0;  // index into uses
    bool resident = false, needed = false, copied = false;
    std::int64_t address = 0;
  };
  struct Block {
    std::int64_t address = 0, bytes = 0;
    TensorId tensor = -1;  // -1: the workspace
    bool held = false;     // the step needs it
  };

  State& state(TensorId id) { return tensors_[id]; }
  std::int64_t bytes(TensorId id) const { return problem_.tensors[id].bytes; }
  std::int64_t price(TensorId id) const {
    return bytes(id) * (costs_.read + (tensors_[id].copied ? 0 : costs_.write));
  }
  Step next_use(TensorId id) const { return tensors_[id].uses[tensors_[id].next]; }

  bool run_step(const Operator& op, Step step) {
    std::vector<TensorId> own = op.inputs;
    own.insert(own.end(), op.outputs.begin(), op.outputs.end());
    std::vector<Block> fresh;
    std::int64_t space = op.workspace;
    if (op.workspace > 0) fresh.push_back({0, op.workspace, -1, true});
    for (const TensorId id : own) {
      state(id).needed = true;
      if (state(id).resident || is_in_place(op, id)) continue;
      fresh.push_back({0, bytes(id), id, true});
      space += bytes(id);
    }
    if (!make_room(space)) return false;
    std::stable_sort(fresh.begin(), fresh.end(),
                     [](const Block& a, const Block& b) { return a.bytes > b.bytes; });
    workspace_.reset();
    for (Block& block : fresh)
      if (!enter(block, step)) return false;
    for (const InPlace& pair : op.in_place) write_over(pair, step);
    leave_behind(op, step);
    return true;
  }

  std::vector<TensorId> movable() const {
    std::vector<TensorId> list;
    for (TensorId id = 0; id < std::ssize(tensors_); ++id)
      if (tensors_[id].resident && !tensors_[id].needed && bytes(id) > 0) list.push_back(id);
    return list;
  }

  bool make_room(std::int64_t space) {
    if (replacement_ == Replacement::belady) {
      while (used_ + space > capacity_)
        if (!evict_furthest()) return false;
      return true;
    }
    const std::vector<TensorId> candidates = movable();
    std::vector<CoverItem> items;
    for (const TensorId id : candidates) items.push_back({bytes(id), price(id)});
    for (const std::size_t i : cheapest_cover(items, used_ + space - capacity_))
      evict(candidates[i]);
    return used_ + space <= capacity_;
  }

  bool evict_furthest() {
    TensorId furthest = -1;
    for (const TensorId id : movable())
      if (furthest < 0 || next_use(id) > next_use(furthest)) furthest = id;
    if (furthest >= 0) evict(furthest);
    return furthest >= 0;
  }

  void evict(TensorId id) {
    leaves_.push_back({id, next_use(id)});
    state(id).copied = true;
    remove(id);
  }

  void remove(TensorId id) {
    state(id).resident = false;
    used_ -= bytes(id);
  }

  bool enter(Block& block, Step step) {
    if (addressed_ && !find_address(block)) return false;
    if (addressed_) placed_[{block.tensor, step}] = block.address;
    if (block.tensor < 0) {
      workspace_ = block;
      return true;
    }
    state(block.tensor).resident = true;
    state(block.tensor).address = block.address;
    used_ += block.bytes;
    return true;
  }

  void write_over(const InPlace& pair, Step step) {
    state(pair.output).resident = true;
    state(pair.output).address = state(pair.input).address;
    used_ += bytes(pair.output);  // until the input goes, after the step
    if (addressed_) placed_[{pair.output, step}] = state(pair.output).address;
  }

  bool find_address(Block& block) {
    if (block.bytes == 0) return true;
    for (;;) {
      if (const auto address = best_fit(block.bytes)) {
        block.address = *address;
        return true;
      }
      if (replacement_ == Replacement::belady ? !evict_furthest() : !clear_window(block.bytes))
        return false;
    }
  }

  // What lies in the arena, by address.
  std::vector<Block> blocks() const {
    std::vector<Block> list;
    for (TensorId id = 0; id < std::ssize(tensors_); ++id)
      if (tensors_[id].resident && bytes(id) > 0)
        list.push_back({tensors_[id].address, bytes(id), id, tensors_[id].needed});
    if (workspace_) list.push_back(*workspace_);
    std::sort(list.begin(), list.end(),
              [](const Block& a, const Block& b) { return a.address < b.address; });
    return list;
  }

  std::optional<std::int64_t> best_fit(std::int64_t bytes) const {
    std::optional<std::int64_t> best;
    std::int64_t smallest = INT64_MAX, from = 0;
    const auto consider = [&](std::int64_t to) {
      const std::int64_t gap = to - from;
      if (gap < bytes || gap >= smallest) return;
      smallest = gap;
      best = from;
    };
    for (const Block& block : blocks()) {
      consider(block.address);
      from = round_up(block.address + block.bytes, alignment_);
    }
    consider(capacity_);
    return best;
  }

  // Frees the window whose tensors are the cheapest to send away. A cheapest one begins at 0 or
  // where a block ends: moving it down from anywhere else only meets a block that it would have to
  // pay for.
  bool clear_window(std::int64_t bytes) {
    const std::vector<Block> list = blocks();
    std::vector<std::int64_t> starts{0};
    for (const Block& block : list)
      starts.push_back(round_up(block.address + block.bytes, alignment_));
    std::int64_t least = INT64_MAX, best = -1;
    for (const std::int64_t start : starts) {
      const std::int64_t cost =
          start + bytes <= capacity_ ? window_price(list, start, bytes) : INT64_MAX;
      if (cost >= least) continue;
      least = cost;
      best = start;
    }
    if (best < 0) return false;
    for (const Block& block : list)
      if (block.address < best + bytes && best < block.address + block.bytes) evict(block.tensor);
    return true;
  }

  std::int64_t window_price(const std::vector<Block>& list, std::int64_t start,
                            std::int64_t bytes) const {
    std::int64_t sum = 0;
    for (const Block& block : list) {
      if (block.address >= start + bytes || start >= block.address + block.bytes) continue;
      if (block.held) return INT64_MAX;
      sum += price(block.tensor);
    }
    return sum;
  }

  // After the step: dead tensors go for nothing; an output's one store is compulsory and can happen
  // now.
  void leave_behind(const Operator& op, Step step) {
    for (const auto* list : {&op.inputs, &op.outputs})
      for (const TensorId id : *list) {
        State& tensor = state(id);
        tensor.needed = false;
        while (tensor.next < tensor.uses.size() && tensor.uses[tensor.next] <= step) ++tensor.next;
        if (tensor.resident && tensor.next == tensor.uses.size()) remove(id);
      }
  }

  const Problem& problem_;
  const std::vector<OperatorId>& order_;
  Replacement replacement_;
  std::int64_t capacity_, alignment_;
  Costs costs_;
  bool addressed_;
  std::int64_t used_ = 0;  // by tensors
  std::vector<State> tensors_;
  std::optional<Block> workspace_;  // of the step
  std::vector<Departure> leaves_;
  std::map<std::pair<TensorId, Step>, std::int64_t> placed_;  // a residency's start to its address
};

Placing arena_placing(std::int64_t scratchpad_bytes, const ArenaOptions& options) {
  Placing placing;
  placing.scratchpad_bytes = scratchpad_bytes;
  placing.costs = options.costs;
  placing.options.alignment = options.alignment;
  placing.options.deadline = options.deadline;
  placing.options.nodes = 200'000;
  return placing;
}

}  // namespace

std::optional<ArenaPlan> plan_in_arena(const Problem& problem, const std::vector<OperatorId>& order,
                                       Replacement replacement, std::int64_t scratchpad_bytes,
                                       const ArenaOptions& options) {
  const Placing placing = arena_placing(scratchpad_bytes, options);
  ArenaPlan result;
  Arena arena(problem, order, replacement, scratchpad_bytes, options, true);
  if (!has_adjacent(problem) && arena.run()) {  // the arena knows no neighbours
    const Schedule schedule = make_schedule(problem, order, arena.leaves());
    const Layout layout = lay_out(problem, schedule);
    result.plan = make_plan(problem, schedule, layout, arena.offsets(layout), placing);
    result.best_fit = true;
  } else {
    Arena fluid(problem, order, replacement, scratchpad_bytes, options, false);
    if (!fluid.run()) return {};
    Placed placed =
        place_schedule(problem, make_schedule(problem, order, fluid.leaves()), placing, INT64_MAX);
    if (!placed.plan) return {};
    result.plan = std::move(*placed.plan);
  }
  require_valid(problem, result.plan);
  return result;
}

std::vector<NamedBaseline> baselines(const Problem& problem,
                                     const std::vector<OperatorId>& peak_order,
                                     std::int64_t scratchpad_bytes, const ArenaOptions& options) {
  std::vector<OperatorId> order(problem.operators.size());
  std::iota(order.begin(), order.end(), 0);
  std::vector<NamedBaseline> list;
  for (const auto& [prefix, by] :
       {std::pair{"default", &std::as_const(order)}, {"minpeak", &peak_order}})
    for (const auto& [suffix, rule] :
         {std::pair{"-belady", Replacement::belady}, {"-greedy", Replacement::greedy}})
      list.push_back({std::string(prefix) + suffix,
                      plan_in_arena(problem, *by, rule, scratchpad_bytes, options)});
  return list;
}

}  // namespace pliant::plan
