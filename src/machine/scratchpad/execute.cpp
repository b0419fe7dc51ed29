#include "machine/scratchpad/execute.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/error.h"
#include "machine/scratchpad/arena.h"
#include "plan/format/adjacent.h"

namespace pliant::scratchpad {
namespace {

using plan::Action;
using plan::Event;
using plan::OperatorId;
using plan::Plan;
using plan::Problem;
using plan::Residency;
using plan::Step;
using plan::TensorId;

constexpr std::int64_t absent = -1;

bool starts_off_chip(plan::Role role) {
  return role == plan::Role::input || role == plan::Role::weight;
}

class Run {
 public:
  Run(const Problem& problem, const Plan& plan, Operators& operators, const Contents& contents)
      : problem_(problem),
        plan_(plan),
        operators_(operators),
        arena_(plan.scratchpad_bytes),
        second_(plan.second_level ? plan.second_level->bytes : 0),
        pinned_(problem.tensors.size()),
        address_(problem.tensors.size(), absent),
        last_load_(problem.tensors.size(), absent) {
    if (plan.second_level)
      for (const Residency& residency : plan.second_level->residencies) {
        leaving_[{residency.from, residency.tensor}] = residency.address;
        returning_[{residency.to, residency.tensor}] = residency.address;
        kept_.insert(residency.tensor);
      }
    for (const Event& event : plan.events)
      if (event.action == Action::load && !returning_.contains({event.step, event.tensor}))
        last_load_[event.tensor] = event.step;
      else if (event.action == Action::move) moves_.insert({event.step, event.tensor});
    begin(contents);
    if (plan.frame) pin();
  }

  // A frame's inputs and the weights it loads.
  void begin(const Contents& contents) {
    result_ = {};
    off_chip_ = contents;
    off_chip_.resize(problem_.tensors.size());
    copied_before_.assign(problem_.tensors.size(), false);
  }

  Execution execute() {
    for (std::size_t t = 0; t < off_chip_.size(); ++t) drop_dead_copy(static_cast<TensorId>(t), -1);
    auto event = plan_.events.begin();
    for (Step step = 0; std::cmp_less(step, plan_.order.size()); ++step) {
      for (; event != plan_.events.end() && event->step == step && event->action == Action::move;
           ++event)
        move(*event);
      arrive(step);
      for (; event != plan_.events.end() && event->step == step && event->action == Action::load;
           ++event)
        load(*event);
      compute(step);
      for (; event != plan_.events.end() && event->step == step; ++event)
        if (event->action == Action::store) store(*event);
      leave(step);
    }
    if (!arena_.intact() || !second_.intact())
      throw Error(ErrorKind::invalid, "scratchpad", "an operator wrote outside the arena");
    return finish();
  }

 private:
  std::string at(Step step, TensorId tensor) const {
    return "step " + std::to_string(step) + ", tensor '" + problem_.tensors[tensor].name + "'";
  }

  std::span<std::byte> range(std::int64_t address, std::int64_t bytes, const std::string& place) {
    if (address < 0 || bytes > plan_.scratchpad_bytes || address > plan_.scratchpad_bytes - bytes)
      throw Error(ErrorKind::invalid, place,
                  "address " + std::to_string(address) + " + " + std::to_string(bytes) +
                      " bytes leaves the arena of " + std::to_string(plan_.scratchpad_bytes));
    result_.highest_byte = std::max(result_.highest_byte, address + bytes);
    return arena_.bytes().subspan(address, bytes);
  }

  std::span<std::byte> resident(TensorId tensor, Step step) {
    if (address_[tensor] == absent)
      throw Error(ErrorKind::invalid, at(step, tensor), "is not in the scratchpad");
    return range(address_[tensor], problem_.tensors[tensor].bytes, at(step, tensor));
  }

  void pin() {
    for (const TensorId tensor : plan_.frame->pinned) pinned_[tensor] = true;
    for (const Residency& residency : plan_.residencies) {
      if (!pinned_[residency.tensor]) continue;
      const TensorBytes& copy = off_chip_[residency.tensor];
      address_[residency.tensor] = residency.address;
      const std::span<std::byte> here = resident(residency.tensor, 0);
      if (copy.size() != here.size())
        throw Error(ErrorKind::invalid, at(0, residency.tensor), "is pinned, but nowhere");
      std::ranges::copy(copy, here.begin());
    }
  }

  void arrive(Step step) {
    for (const Residency& residency : plan_.residencies)
      if (residency.from == step) address_[residency.tensor] = residency.address;
  }

  void leave(Step step) {
    for (const Residency& residency : plan_.residencies)
      if (residency.to == step && !pinned_[residency.tensor] &&
          !moves_at(residency.tensor, step + 1)) {
        keep(residency.tensor, step);
        if (std::ranges::find(overwritten_, residency.tensor) == overwritten_.end())
          poison(resident(residency.tensor, step));
        address_[residency.tensor] = absent;
      }
    for (std::size_t t = 0; t < off_chip_.size(); ++t)
      drop_dead_copy(static_cast<TensorId>(t), step);
  }

  std::span<std::byte> in_second(std::int64_t address, std::int64_t bytes,
                                 const std::string& place) {
    const std::int64_t size = plan_.second_level->bytes;
    if (address < 0 || bytes > size || address > size - bytes)
      throw Error(ErrorKind::invalid, place,
                  "address " + std::to_string(address) + " + " + std::to_string(bytes) +
                      " bytes leaves the second level of " + std::to_string(size));
    result_.second_level_bytes += bytes;
    return second_.bytes().subspan(address, bytes);
  }

  void keep(TensorId tensor, Step step) {
    const auto found = leaving_.find({step + 1, tensor});
    if (found == leaving_.end()) return;
    const auto from = resident(tensor, step);
    std::ranges::copy(from, in_second(found->second, std::ssize(from), at(step, tensor)).begin());
  }

  // Whether the load is one from the second level.
  bool bring_back(const Event& event) {
    const auto found = returning_.find({event.step, event.tensor});
    if (found == returning_.end()) return false;
    const auto to = resident(event.tensor, event.step);
    const auto from = in_second(found->second, std::ssize(to), at(event.step, event.tensor));
    std::ranges::copy(from, to.begin());
    poison(from);
    return true;
  }

  // Off-chip memory forgets what no later load asks for, outputs excepted.
  void drop_dead_copy(TensorId tensor, Step step) {
    if (problem_.tensors[tensor].role == plan::Role::output || last_load_[tensor] > step) return;
    off_chip_[tensor] = {};
  }

  bool moves_at(TensorId tensor, Step step) const { return moves_.contains({step, tensor}); }

  // What the destination does not cover of the source is freed.
  void move(const Event& event) {
    const auto from = resident(event.tensor, event.step);
    for (const Residency& residency : plan_.residencies)
      if (residency.tensor == event.tensor && residency.from == event.step)
        address_[event.tensor] = residency.address;
    const auto to = resident(event.tensor, event.step);
    const TensorBytes copy(from.begin(), from.end());
    poison(from);
    std::ranges::copy(copy, to.begin());
    result_.move_bytes += std::ssize(copy);
    ++result_.moves;
  }

  void load(const Event& event) {
    if (bring_back(event)) return;
    const plan::TensorInfo& tensor = problem_.tensors[event.tensor];
    const TensorBytes& copy = off_chip_[event.tensor];
    if (std::ssize(copy) != tensor.bytes)
      throw Error(ErrorKind::invalid, at(event.step, event.tensor),
                  "is loaded but has no off-chip copy");
    std::ranges::copy(copy, resident(event.tensor, event.step).begin());
    const bool compulsory = starts_off_chip(tensor.role) && !copied_before_[event.tensor];
    copied_before_[event.tensor] = true;
    (compulsory ? result_.compulsory_bytes : result_.load_bytes) += tensor.bytes;
    ++result_.loads;
  }

  void store(const Event& event) {
    const plan::TensorInfo& tensor = problem_.tensors[event.tensor];
    // leave() keeps it
    if (tensor.role == plan::Role::activation && kept_.contains(event.tensor)) return;
    const auto bytes = resident(event.tensor, event.step);
    const bool compulsory = tensor.role == plan::Role::output && !copied_before_[event.tensor];
    copied_before_[event.tensor] = true;
    off_chip_[event.tensor].assign(bytes.begin(), bytes.end());
    (compulsory ? result_.compulsory_bytes : result_.store_bytes) += tensor.bytes;
    ++result_.stores;
  }

  void compute(Step step) {
    const OperatorId id = plan_.order[step];
    const plan::Operator& op = problem_.operators[id];
    std::vector<std::span<std::byte>> inputs, outputs;
    for (const TensorId tensor : op.inputs) inputs.push_back(resident(tensor, step));
    for (const TensorId tensor : op.outputs) outputs.push_back(resident(tensor, step));
    check_runs(op, step);
    overwritten_.clear();
    for (const plan::InPlace& pair : op.in_place)
      if (resident(pair.output, step).data() == resident(pair.input, step).data())
        overwritten_.push_back(pair.input);
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (!is_over_input(op, op.outputs[i])) poison(outputs[i]);
    std::span<std::byte> workspace;
    if (op.workspace > 0)
      workspace = range(plan_.workspaces[step], op.workspace,
                        "step " + std::to_string(step) + ", workspace");
    operators_.run(id, inputs, outputs, workspace);
    if (op.workspace > 0) poison(workspace);
  }

  void check_runs(const plan::Operator& op, Step step) {
    for (const auto& run : op.adjacent)
      for (std::size_t i = 0; i + 1 < run.size(); ++i)
        if (address_[run[i]] + problem_.tensors[run[i]].bytes != address_[run[i + 1]])
          throw Error(ErrorKind::invalid, at(step, run[i + 1]),
                      "does not follow '" + problem_.tensors[run[i]].name +
                          "', which is read in one run with it");
  }

  bool is_over_input(const plan::Operator& op, TensorId output) const {
    return std::ranges::any_of(op.in_place, [&](const plan::InPlace& pair) {
      return pair.output == output &&
             std::ranges::find(overwritten_, pair.input) != overwritten_.end();
    });
  }

  Execution finish() {
    result_.outputs.resize(problem_.tensors.size());
    for (std::size_t t = 0; t < problem_.tensors.size(); ++t)
      if (problem_.tensors[t].role == plan::Role::output)
        result_.outputs[t] = std::move(off_chip_[t]);
    return std::move(result_);
  }

  const Problem& problem_;
  const Plan& plan_;
  Operators& operators_;
  Arena arena_, second_;
  // addresses in the second level
  std::map<std::pair<Step, TensorId>, std::int64_t> leaving_, returning_;
  // tensors that are ever there
  std::set<TensorId> kept_;
  Contents off_chip_;
  std::vector<char> copied_before_, pinned_;
  std::vector<std::int64_t> address_;    // per tensor
  std::vector<std::int64_t> last_load_;  // step, per tensor
  std::set<std::pair<Step, TensorId>> moves_;
  std::vector<TensorId> overwritten_;  // inputs of the step whose bytes are a result's now
  Execution result_;
};

// Copies of the inputs that an operator reads in one run, side by side.
std::vector<TensorBytes> put_together(const plan::Operator& op, const Contents& buffers,
                                      std::vector<std::span<std::byte>>& inputs) {
  std::vector<TensorBytes> runs;
  for (const auto& line : plan::lines_of(op)) {
    TensorBytes& run = runs.emplace_back();
    for (const TensorId t : line) run.insert(run.end(), buffers[t].begin(), buffers[t].end());
    std::size_t at = 0;
    for (const TensorId t : line) {
      const auto input = std::ranges::find(op.inputs, t) - op.inputs.begin();
      inputs[input] = std::span(run).subspan(at, buffers[t].size());
      at += buffers[t].size();
    }
  }
  return runs;
}

}  // namespace

Contents execute_unconstrained(const Problem& problem, Operators& operators,
                               const Contents& contents) {
  Contents buffers = contents;
  for (std::size_t t = 0; t < buffers.size(); ++t) {
    if (starts_off_chip(problem.tensors[t].role)) continue;
    buffers[t].resize(problem.tensors[t].bytes);
    poison(buffers[t]);
  }
  for (std::size_t id = 0; id < problem.operators.size(); ++id) {
    const plan::Operator& op = problem.operators[id];
    std::vector<std::span<std::byte>> inputs, outputs;
    for (const TensorId tensor : op.inputs) inputs.emplace_back(buffers[tensor]);
    for (const TensorId tensor : op.outputs) outputs.emplace_back(buffers[tensor]);
    const std::vector<TensorBytes> runs = put_together(op, buffers, inputs);
    TensorBytes workspace(op.workspace);
    operators.run(static_cast<OperatorId>(id), inputs, outputs, workspace);
  }
  for (std::size_t t = 0; t < buffers.size(); ++t)
    if (problem.tensors[t].role != plan::Role::output) buffers[t] = {};
  return buffers;
}

Execution execute(const Problem& problem, const Plan& plan, Operators& operators,
                  const Contents& contents) {
  return std::move(execute_frames(problem, plan, operators, {&contents, 1}).front());
}

std::vector<Execution> execute_frames(const Problem& problem, const Plan& plan,
                                      Operators& operators, std::span<const Contents> frames) {
  if (plan.order.size() != problem.operators.size() || plan.workspaces.size() != plan.order.size())
    throw Error(ErrorKind::invalid, "plan",
                std::to_string(plan.order.size()) + " steps for " +
                    std::to_string(problem.operators.size()) + " operators");
  std::vector<Execution> executions;
  Run run(problem, plan, operators, frames.front());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (i > 0) run.begin(frames[i]);
    executions.push_back(run.execute());
  }
  return executions;
}

}  // namespace pliant::scratchpad
