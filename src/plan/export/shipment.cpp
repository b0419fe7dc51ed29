#include "plan/export/shipment.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/error.h"
#include "plan/place/place.h"

namespace pliant::plan {
namespace {

constexpr std::int64_t absent = -1;

class Shipper {
 public:
  Shipper(const Problem& problem, const Plan& plan)
      : problem_(problem), plan_(plan), address_(problem.tensors.size(), absent), last_(address_) {
    if (plan.order.size() != problem.operators.size() ||
        plan.workspaces.size() != plan.order.size())
      throw Error(
          ErrorKind::invalid, "plan",
          fmt::format("{} steps for {} operators", plan.order.size(), problem.operators.size()));
  }

  Shipment run() {
    if (plan_.frame) pin();
    auto event = plan_.events.begin();
    for (Step step = 0; step < std::ssize(plan_.order); ++step) {
      for (const Residency& each : plan_.residencies)
        if (each.from == step) address_[each.tensor] = each.address;
      ShippedStep shipped = operands(step);
      for (; event != plan_.events.end() && event->step == step; ++event) copy(*event, shipped);
      shipment_.steps.push_back(std::move(shipped));
      for (const Residency& each : plan_.residencies)
        if (each.to == step) last_[each.tensor] = std::exchange(address_[each.tensor], absent);
    }
    pack_spills();
    return std::move(shipment_);
  }

 private:
  void pin() {
    for (const TensorId tensor : plan_.frame->pinned)
      for (const Residency& each : plan_.residencies)
        if (each.tensor == tensor && problem_.tensors[tensor].bytes > 0)
          shipment_.pinned.push_back({true, tensor, each.address});
  }

  std::int64_t resident(TensorId tensor, Step step) const {
    if (address_[tensor] == absent)
      throw Error(ErrorKind::invalid,
                  fmt::format("plan: step {}, tensor '{}'", step, problem_.tensors[tensor].name),
                  "is not in the scratchpad");
    return address_[tensor];
  }

  ShippedStep operands(Step step) const {
    const Operator& op = problem_.operators[plan_.order[step]];
    ShippedStep shipped;
    shipped.op = plan_.order[step];
    for (const TensorId t : op.inputs) shipped.inputs.push_back(resident(t, step));
    for (const TensorId t : op.outputs) shipped.outputs.push_back(resident(t, step));
    if (op.workspace > 0) shipped.workspace = plan_.workspaces[step];
    return shipped;
  }

  void copy(const Event& event, ShippedStep& shipped) {
    const TensorInfo& tensor = problem_.tensors[event.tensor];
    if (tensor.bytes == 0) return;
    switch (event.action) {
      case Action::move:
        shipped.moves.push_back(
            {event.tensor, last_[event.tensor], resident(event.tensor, event.step)});
        break;
      case Action::load:
        shipped.before.push_back({true, event.tensor, resident(event.tensor, event.step)});
        if (const auto copied = copies_.find(event.tensor); copied != copies_.end())
          copied->second.upper = event.step;
        break;
      case Action::store:
        shipped.after.push_back({false, event.tensor, resident(event.tensor, event.step)});
        if (tensor.role == Role::activation)
          copies_[event.tensor] = {tensor.bytes, event.step, event.step};
        break;
      case Action::drop: break;
    }
  }

  // A copy is needed from its store, after the operator of one step, to its last load, before that
  // of another: in half steps, so that one may take another's place within a step.
  void pack_spills() {
    shipment_.spill.assign(problem_.tensors.size(), absent);
    std::vector<place::Rectangle> rectangles;
    for (const auto& [tensor, copy] : copies_)
      rectangles.push_back(
          {copy.size, 2 * copy.lower + 1, std::max(2 * copy.upper + 1, 2 * copy.lower + 2)});
    place::PlaceOptions options;
    options.alignment = plan_.alignment;
    const place::Packed packed = place::pack(rectangles, options);
    std::size_t i = 0;
    for (const auto& [tensor, copy] : copies_) shipment_.spill[tensor] = packed.offsets[i++];
    shipment_.spill_bytes = packed.height;
  }

  const Problem& problem_;
  const Plan& plan_;
  std::vector<std::int64_t> address_, last_;  // per tensor; last_: where it lay before
  // spilled activations: bytes, steps of the store and the last load
  std::map<TensorId, place::Rectangle> copies_;
  Shipment shipment_;
};

}  // namespace

Shipment ship(const Problem& problem, const Plan& plan) { return Shipper(problem, plan).run(); }

}  // namespace pliant::plan
