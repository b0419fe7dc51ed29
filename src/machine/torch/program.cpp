#include <fmt/format.h>

#include "core/error.h"
#include "graph/reference/reference.h"
#include "machine/torch/kinds/values.h"
#include "machine/torch/leaves.h"
#include "machine/torch/plan.h"
#include "machine/torch/process.h"
#include "machine/torch/torch.h"

namespace pliant::aten {
namespace {

class TorchProgram : public Program {
 public:
  TorchProgram(std::shared_ptr<const Graph> graph, std::shared_ptr<const WeightStore> weights,
               const Options& options)
      : plan_(graph, options),
        graph_(std::move(graph)),
        weights_(std::move(weights)),
        device_(options.device) {
    const at::NoGradGuard no_record;
    fixed_ = empty_frame(*graph_);
    set_constants(*graph_, device_, fixed_);
    for (const ValueId id : graph_->values().ids())
      if (const Value& value = graph_->value(id); value.role == Role::weight)
        fixed_.values[id] = stored(weights_->at(value.name), device_);
    plan_.run_fixed(fixed_);
  }
  const Graph& graph() const override { return *graph_; }
  Need need() const override { return {}; }

  void run(const Bindings& bindings, Workspace&) const override {
    const at::NoGradGuard no_record;
    Frame frame = fixed_;
    frame.rows = bindings.rows == 0 ? graph_->rows() : bindings.rows;
    check_bindings(*graph_, bindings.inputs, bindings.outputs, frame.rows);
    set_inputs(*graph_, bindings.inputs, device_, frame);
    plan_.run(frame, false);
    write_outputs(*graph_, frame, bindings.outputs);
  }

 private:
  Plan plan_;
  std::shared_ptr<const Graph> graph_;
  std::shared_ptr<const WeightStore> weights_;  // whose bytes plain weights share
  at::Device device_;
  Frame fixed_;
};

}  // namespace

Machine::Machine(Options options) : options_(std::move(options)) { configure(options_); }

std::vector<Refusal> Machine::refuses(const Graph& graph) const {
  std::vector<Refusal> refusals;
  for (const OpId id : graph.ops().ids())
    if (std::string reason = refusal(graph, graph.op(id)); !reason.empty())
      refusals.push_back({id, std::move(reason)});
  return refusals;
}

std::unique_ptr<Program> Machine::prepare(std::shared_ptr<const Graph> graph,
                                          std::shared_ptr<const WeightStore> weights) {
  check_weights(*graph, *weights);
  return std::make_unique<TorchProgram>(std::move(graph), std::move(weights), options_);
}

}  // namespace pliant::aten
