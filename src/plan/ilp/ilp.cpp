#include "plan/ilp/ilp.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <optional>

#include "core/checked.h"
#include "core/error.h"
#include "core/time/deadline.h"
#include "plan/baseline/baseline.h"
#include "plan/bound/bits.h"
#include "plan/ilp/apart.h"
#include "plan/ilp/program.h"
#include "plan/schedule/verify.h"
#include "plan/solve.h"

namespace pliant::plan {
namespace {

// First and last step at which something can happen.
struct Window {
  Step first = 0, last = -1;
};

// Each operator runs after its ancestors and before its descendants.
std::vector<Window> operator_windows(const Problem& problem) {
  const std::size_t count = problem.operators.size();
  std::vector<std::vector<OperatorId>> before(count);
  std::vector<OperatorId> producer(problem.tensors.size(), -1);
  for (std::size_t op = 0; op < count; ++op) {
    for (const TensorId t : problem.operators[op].inputs)
      if (producer[t] >= 0) before[op].push_back(producer[t]);
    for (const TensorId t : problem.operators[op].outputs) producer[t] = op;
  }
  std::vector<Bitset> ancestors(count, Bitset(words_for(count), 0));
  std::vector<Step> descendants(count, 0);
  std::vector<Window> windows(count);
  for (std::size_t op = 0; op < count; ++op) {
    for (const OperatorId b : before[op]) {
      put(ancestors[op], b);
      for (std::size_t w = 0; w < ancestors[op].size(); ++w) ancestors[op][w] |= ancestors[b][w];
    }
    for (std::size_t a = 0; a < count; ++a)
      if (has(ancestors[op], a)) {
        ++windows[op].first;
        ++descendants[a];
      }
  }
  for (std::size_t op = 0; op < count; ++op) windows[op].last = count - 1 - descendants[op];
  return windows;
}

// The variables of a tensor; -1 outside its window. A workspace is a tensor that nobody reads.
struct Item {
  TensorId tensor = -1;
  OperatorId producer = -1;
  Role role = Role::activation;
  std::int64_t bytes = 0;
  std::vector<OperatorId> consumers;
  Window window;
  std::vector<int> kept, stored, loaded, address;  // P, S, R and L of the paper
};

class Writer {
 public:
  Writer(const Problem& problem, std::int64_t scratchpad_bytes, const IlpOptions& options)
      : problem_(problem),
        bytes_(scratchpad_bytes),
        costs_(options.costs),
        steps_(problem.operators.size()) {
    windows_ = operator_windows(problem);
    collect();
    stride_ = options.alignment;
    if (stride_ == 1) {  // offsets may be taken as sums of sizes
      stride_ = 0;
      for (const Item& item : items_) stride_ = std::gcd(stride_, item.bytes);
      stride_ = std::max<std::int64_t>(stride_, 1);
    }
    write_order();
    for (Item& item : items_) add_variables(item);
    for (const Item& item : items_) write_life(item);
    write_uses();
    bound_sums();
  }

  // Eq. 9-11; the columns before stay as they are.
  void write_addresses() {
    for (Item& item : items_) add_addresses(item);
    for (const Item& item : items_)
      for (Step t = item.window.first + 1; t <= item.window.last; ++t) pin(item, t);
    for (std::size_t a = 0; a < items_.size(); ++a)
      for (std::size_t b = a + 1; b < items_.size(); ++b) keep_apart(items_[a], items_[b]);
  }

  IntegerProgram& program() { return program_; }
  // of the objective: first loads are not charged
  std::int64_t constant() const { return free_loads_; }

  Plan read(const std::vector<double>& values) const {
    Plan plan;
    plan.scratchpad_bytes = bytes_;
    plan.costs = costs_;
    plan.order.resize(steps_);
    plan.workspaces.assign(steps_, 0);
    const auto is = [&](int column) { return column >= 0 && values[column] > 0.5; };
    for (std::size_t op = 0; op < runs_.size(); ++op)
      for (Step t = 0; t < steps_; ++t)
        if (is(runs_[op][t])) plan.order[t] = op;
    for (const Item& item : items_) read_item(item, values, plan, is);
    std::sort(plan.residencies.begin(), plan.residencies.end(), starts_before);
    derive_events(problem_, plan);
    return plan;
  }

 private:
  void collect() {
    std::vector<int> index(problem_.tensors.size());
    for (std::size_t t = 0; t < problem_.tensors.size(); ++t) {
      const TensorInfo& info = problem_.tensors[t];
      index[t] = items_.size();
      items_.push_back(
          {static_cast<TensorId>(t), -1, info.role, info.bytes, {}, {}, {}, {}, {}, {}});
    }
    for (std::size_t op = 0; op < problem_.operators.size(); ++op) {
      const Operator& each = problem_.operators[op];
      for (const TensorId t : each.outputs) items_[index[t]].producer = op;
      for (const TensorId t : each.inputs) items_[index[t]].consumers.push_back(op);
      if (each.workspace > 0)
        items_.push_back({-1,
                          static_cast<OperatorId>(op),
                          Role::activation,
                          each.workspace,
                          {},
                          {},
                          {},
                          {},
                          {},
                          {}});
    }
    std::erase_if(items_,
                  [](const Item& item) { return item.producer < 0 && item.consumers.empty(); });
    for (Item& item : items_) {
      item.window = {steps_, -1};
      const auto cover = [&](OperatorId op) {
        item.window.first = std::min(item.window.first, windows_[op].first);
        item.window.last = std::max(item.window.last, windows_[op].last);
      };
      if (item.producer >= 0) cover(item.producer);
      for (const OperatorId op : item.consumers) cover(op);
    }
  }

  // One operator per step (the paper leaves this to the reader), each once (Eq. 7).
  void write_order() {
    runs_.assign(windows_.size(), std::vector<int>(steps_, -1));
    std::vector<Terms> at(steps_);
    for (std::size_t op = 0; op < windows_.size(); ++op) {
      Terms once;
      for (Step t = windows_[op].first; t <= windows_[op].last; ++t) {
        runs_[op][t] = program_.binary();
        once.push_back({runs_[op][t], 1});
        at[t].push_back({runs_[op][t], 1});
      }
      program_.equal(once, 1);
    }
    for (const Terms& terms : at) program_.equal(terms, 1);
  }

  void add_variables(Item& item) {
    const std::size_t length = steps_;
    for (auto* list : {&item.kept, &item.stored, &item.loaded, &item.address})
      list->assign(length, -1);
    const bool given = item.producer < 0;
    const double load = item.bytes * costs_.read;
    const double store = item.bytes * costs_.write;
    if (given) free_loads_ += item.bytes * costs_.read;
    for (Step t = item.window.first; t <= item.window.last; ++t) {
      if (t > item.window.first) item.kept[t] = program_.binary();
      if (given || t >= item.window.first + 2) item.loaded[t] = program_.binary(load);
      if (!given && item.role == Role::activation && t > item.window.first)
        item.stored[t] = program_.binary(store);
    }
  }

  std::int64_t size(const Item& item) const { return round_up(item.bytes, stride_) / stride_; }
  std::int64_t highest(const Item& item) const { return (bytes_ - item.bytes) / stride_; }

  void add_addresses(Item& item) {
    if (item.bytes == 0) return;
    for (Step t = item.window.first; t <= item.window.last; ++t)
      item.address[t] = program_.integer(0, highest(item));
  }

  // Whether the operator that makes it runs then: C of the paper, shared by sibling outputs (Eq.
  // 6).
  int created(const Item& item, Step t) const {
    return item.producer >= 0 && t >= 0 ? runs_[item.producer][t] : -1;
  }

  static void add(Terms& terms, int column, double value) {
    if (column >= 0) terms.push_back({column, value});
  }

  Terms resident(const Item& item, Step t, double sign) const {
    Terms terms;
    add(terms, created(item, t), sign);
    add(terms, item.kept[t], sign);
    add(terms, item.loaded[t], sign);
    return terms;
  }

  void write_life(const Item& item) {
    Terms stores;
    for (Step t = item.window.first; t <= item.window.last; ++t) {
      Terms one = resident(item, t, 1);
      add(one, item.stored[t], 1);
      program_.at_most(one, 1);  // Eq. 1
      if (item.kept[t] >= 0) {   // Eq. 2
        Terms keep = resident(item, t - 1, -1);
        add(keep, item.kept[t], 1);
        program_.at_most(keep, 0);
      }
      if (item.stored[t] >= 0) write_store(item, t, stores);
      if (item.loaded[t] >= 0 && item.producer >= 0) write_load(item, t);
    }
    if (!stores.empty()) program_.at_most(stores, 1);  // Eq. 8
    bound_life(item);
  }

  // Not in the paper: a load waits for the step that needs it, and nothing stays beyond its last
  // need. Any plan can be brought into this form at no cost; addresses stay.
  void bound_life(const Item& item) {
    for (Step t = item.window.first; t <= item.window.last; ++t) {
      Terms used;
      for (const OperatorId op : item.consumers) add(used, runs_[op][t], -1);
      if (item.loaded[t] >= 0) {
        Terms load = used;
        load.push_back({item.loaded[t], 1});
        program_.at_most(load, 0);
      }
      if (item.kept[t] >= 0) {
        used.push_back({item.kept[t], 1});
        if (t < item.window.last) used.push_back({item.kept[t + 1], -1});
        program_.at_most(used, 0);
      }
    }
  }

  void write_store(const Item& item, Step t, Terms& stores) {  // Eq. 3
    stores.push_back({item.stored[t], 1});
    Terms store{{item.stored[t], 1}};
    add(store, created(item, t - 1), -1);
    add(store, item.kept[t - 1], -1);
    program_.at_most(store, 0);
  }

  // Eq. 4. An output's store is compulsory and right after its creation, so a load may follow two
  // steps later.
  void write_load(const Item& item, Step t) {
    Terms load{{item.loaded[t], 1}};
    for (Step s = item.window.first; s < t; ++s) {
      if (item.role == Role::activation) add(load, item.stored[s], -1);
      else if (s <= t - 2) add(load, created(item, s), -1);
    }
    program_.at_most(load, 0);
  }

  void pin(const Item& item, Step t) {  // Eq. 11
    if (item.bytes == 0) return;
    const int now = item.address[t], before = item.address[t - 1];
    const double most = highest(item);
    program_.at_most({{now, 1}, {before, -1}, {item.kept[t], most}}, most);
    program_.at_most({{before, 1}, {now, -1}, {item.kept[t], most}}, most);
  }

  void write_uses() {  // Eq. 5
    for (const Item& item : items_)
      for (const OperatorId op : item.consumers)
        for (Step t = windows_[op].first; t <= windows_[op].last; ++t) {
          Terms use{{runs_[op][t], 1}};
          add(use, item.kept[t], -1);
          add(use, item.loaded[t], -1);
          program_.at_most(use, 0);
        }
  }

  void keep_apart(const Item& a, const Item& b) {  // Eq. 10
    if (a.bytes == 0 || b.bytes == 0) return;
    for (Step t = std::max(a.window.first, b.window.first);
         t <= std::min(a.window.last, b.window.last); ++t) {
      Terms both = resident(a, t, 1);
      const Terms other = resident(b, t, 1);
      both.insert(both.end(), other.begin(), other.end());
      if (size(a) <= highest(b)) both.push_back({put_below(a, b, t), -1});
      if (size(b) <= highest(a)) both.push_back({put_below(b, a, t), -1});
      program_.at_most(both, 1);
    }
  }

  // A binary that puts one below the other. The slack of its row is what their own bounds leave.
  int put_below(const Item& low, const Item& high, Step t) {
    const int below = program_.binary();
    const double slack = highest(low) + size(low);
    program_.at_most({{low.address[t], 1}, {high.address[t], -1}, {below, slack}},
                     slack - size(low));
    return below;
  }

  // Implied by Eq. 9 and 10, whose relaxation does not see it: what is resident together fits.
  void bound_sums() {
    for (Step t = 0; t < steps_; ++t) {
      Terms sum;
      for (const Item& item : items_)
        for (const auto& term : resident(item, t, item.bytes)) sum.push_back(term);
      program_.at_most(sum, bytes_);
    }
  }

  template <typename Is>
  void read_item(const Item& item, const std::vector<double>& values, Plan& plan, Is&& is) const {
    std::vector<bool> needed(steps_, false);
    for (Step t = 0; t < steps_; ++t) {
      const OperatorId op = plan.order[t];
      needed[t] =
          op == item.producer || std::count(item.consumers.begin(), item.consumers.end(), op) > 0;
    }
    for (Step t = item.window.first; t <= item.window.last; ++t) {
      if (!is(created(item, t)) && !is(item.loaded[t])) continue;
      Step last = -1;  // nothing stays beyond its last need
      for (Step s = t; s <= item.window.last && (s == t || is(item.kept[s])); ++s)
        if (needed[s]) last = s;
      const int column = item.address[t];
      const std::int64_t address = column < 0 ? 0 : std::llround(values[column]) * stride_;
      if (last >= 0 && item.tensor >= 0)
        plan.residencies.push_back({item.tensor, t, last, address});
      if (item.tensor < 0) plan.workspaces[t] = address;
    }
  }

  const Problem& problem_;
  std::int64_t bytes_, stride_ = 1, free_loads_ = 0;
  Costs costs_;
  Step steps_;
  std::vector<Window> windows_;
  std::vector<Item> items_;
  std::vector<std::vector<int>> runs_;  // per operator and step
  IntegerProgram program_;
};

// What CBC calls a solution is one within its tolerance: the checker decides.
bool accepted(const Problem& problem, const Plan& plan) {
  try {
    require_valid(problem, plan);
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::string message_of(const Problem& problem, const IlpAnswer& answer) {
  return fmt::format("{} {}\n{}", answer.columns, answer.rows, plan_to_json(problem, answer.plan));
}

IlpAnswer answer_of(const Problem& problem, std::string_view message) {
  IlpAnswer answer;
  const std::size_t end = message.find('\n');
  std::sscanf(std::string(message.substr(0, end)).c_str(), "%d %d", &answer.columns, &answer.rows);
  answer.plan = plan_from_json(problem, message.substr(end + 1), "integer program");
  return answer;
}

// The program without Eq. 9-11 first. Its optimum bounds the whole program's, and mostly its order
// and residencies have addresses: the whole program with these fixed says so, or is solved as it
// is.
class Solve {
 public:
  Solve(const Problem& problem, std::int64_t scratchpad_bytes, const IlpOptions& options,
        const Send& send, const std::atomic<bool>& over)
      : problem_(problem),
        options_(options),
        send_(send),
        over_(over),
        deadline_(options.limits.seconds) {
    best_.plan.scratchpad_bytes = scratchpad_bytes;
    best_.plan.alignment = options.alignment;
    best_.plan.costs = options.costs;
    best_.plan.status = Status::undecided;
    best_.plan.bound_origin = "integer program";
  }

  void run() {
    start();
    Writer writer(problem_, best_.plan.scratchpad_bytes, options_);
    const IntegerProgram relaxed = writer.program();
    writer.write_addresses();
    const IntegerProgram& whole = writer.program();
    best_.columns = whole.columns();
    best_.rows = whole.rows();
    const IntegerProgram::Solution fluid = minimise(relaxed);
    take(writer, fluid, false);
    if (!fluid.optimal || decided()) return;
    IntegerProgram fixed = whole;
    for (int column = 0; column < relaxed.columns(); ++column)
      fixed.fix(column, std::round(fluid.values[column]));
    const IntegerProgram::Solution placed = minimise(fixed);
    if (!placed.values.empty()) take(writer, {false, false, fluid.bound, placed.values}, true);
    if (!decided() && !over()) take(writer, minimise(whole), true);
  }

 private:
  bool over() const { return over_ || deadline_.over(); }
  bool decided() const {
    return best_.plan.status == Status::optimal || best_.plan.status == Status::infeasible;
  }
  IntegerProgram::Solution minimise(const IntegerProgram& program) const {
    return program.minimise(std::max(0.1, deadline_.left()));
  }

  // Until the program has a plan of its own: the default order in an arena.
  void start() {
    std::vector<OperatorId> order(problem_.operators.size());
    std::iota(order.begin(), order.end(), 0);
    if (auto placed =
            plan_in_arena(problem_, order, Replacement::belady, best_.plan.scratchpad_bytes,
                          {options_.alignment, options_.costs})) {
      placed->plan.bound_origin = best_.plan.bound_origin;
      best_.plan = std::move(placed->plan);
    }
    send_(message_of(problem_, best_));
  }

  void take(const Writer& writer, const IntegerProgram::Solution& solution, bool addressed) {
    if (solution.infeasible && best_.plan.order.empty()) {
      Plan none;
      none.scratchpad_bytes = best_.plan.scratchpad_bytes;
      none.alignment = options_.alignment;
      none.costs = options_.costs;
      none.status = Status::infeasible;
      none.bound_origin = "the integer program has no solution";
      best_.plan = std::move(none);
    } else {
      const double below = std::ceil(solution.bound - writer.constant() - 1e-4);
      if (below > 0 && below < 4e18) bound_ = std::max(bound_, static_cast<std::int64_t>(below));
      if (addressed && !solution.values.empty()) improve(writer.read(solution.values));
      const bool found = !best_.plan.order.empty();
      set_bound(best_.plan, found ? std::min(bound_, cost_of(best_.plan)) : bound_);
      if (found)
        best_.plan.status = bound_ >= cost_of(best_.plan) ? Status::optimal : Status::feasible;
    }
    send_(message_of(problem_, best_));
  }

  void improve(Plan plan) {
    plan.alignment = options_.alignment;
    plan.bound_origin = best_.plan.bound_origin;
    plan.status = Status::feasible;
    if (!accepted(problem_, plan)) return;
    if (best_.plan.order.empty() || cost_of(plan) < cost_of(best_.plan))
      best_.plan = std::move(plan);
  }

  const Problem& problem_;
  const IlpOptions& options_;
  const Send& send_;
  const std::atomic<bool>& over_;
  Deadline deadline_;
  std::int64_t bound_ = 0;
  IlpAnswer best_;
};

}  // namespace

IlpAnswer solve_by_ilp(const Problem& problem, std::int64_t scratchpad_bytes,
                       const IlpOptions& options) {
  validate(problem);
  if (scratchpad_bytes < 0 || options.alignment < 1)
    throw Error(ErrorKind::usage, "integer program",
                "the scratchpad's size is negative or the alignment below 1");
  check_costs(problem, options.costs);
  if (options.costs.move >= 0)
    throw Error(ErrorKind::unsupported, "integer program",
                "the published program moves nothing on chip",
                "plan without moves, or use the exact search");
  if (has_in_place(problem) || has_adjacent(problem))
    throw Error(ErrorKind::unsupported, "integer program",
                "the published program has no results in place and no tensors side by side",
                "plan without them, or use the exact search");
  IlpAnswer answer;
  answer.plan.scratchpad_bytes = scratchpad_bytes;
  answer.plan.alignment = options.alignment;
  answer.plan.costs = options.costs;
  answer.plan.status = Status::infeasible;
  answer.plan.bound_origin = "the integer program has no solution";
  if (required_size(problem, options.alignment).bytes > scratchpad_bytes) return answer;
  answer.plan.status = Status::undecided;
  answer.plan.bound_origin = "integer program";
  std::string refusal;
  const auto work = [&](const Send& send, const std::atomic<bool>& over) {
    try {
      Solve(problem, scratchpad_bytes, options, send, over).run();
    } catch (const Error& error) {
      send("!" + error.problem());
    }
  };
  run_apart(work, options.limits, [&](std::string_view message) {
    if (message.substr(0, 1) == "!") refusal = message.substr(1);
    else answer = answer_of(problem, message);
  });
  if (!refusal.empty())
    throw Error(ErrorKind::capacity, "integer program", refusal, "use the exact search");
  return answer;
}

}  // namespace pliant::plan
