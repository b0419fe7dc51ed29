// The reference evaluator behind the interface of a machine, composites decomposed: shows that
// decomposing keeps the meaning of whole graphs, and that the house test works where no other
// machine is built.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "graph/passes/passes.h"
#include "graph/reference/reference.h"
#include "machine/machine.h"

namespace pliant::cross {

class OracleProgram : public Program {
 public:
  OracleProgram(std::shared_ptr<const Graph> graph, std::shared_ptr<const WeightStore> weights)
      : graph_(std::move(graph)),
        weights_(std::move(weights)),
        parts_(decompose(*graph_, [this](const Op& op) {
          // a graph that may run short keeps its Attention, or it could not
          return graph_->rows() > 0 && std::holds_alternative<kind::Attention>(op.kind);
        })) {}
  const Graph& graph() const override { return *graph_; }
  Need need() const override { return {}; }
  void run(const Bindings& bindings, Workspace& workspace) const override {
    const auto results =
        evaluate(parts_, *weights_, bindings.inputs, workspace.pool(), {bindings.rows, {}});
    for (std::size_t i = 0; i < results.size(); ++i)
      std::ranges::copy(results[i].raw(), bindings.outputs[i].data);
  }

 private:
  std::shared_ptr<const Graph> graph_;
  std::shared_ptr<const WeightStore> weights_;
  Graph parts_;
};

class OracleMachine : public Machine {
 public:
  std::vector<Refusal> refuses(const Graph& graph) const override {
    std::vector<Refusal> refusals;
    for (const OpId id : graph.ops().ids())
      if (std::holds_alternative<kind::Opaque>(graph.op(id).kind))
        refusals.push_back({id, "a foreign operator"});
    return refusals;
  }
  std::unique_ptr<Program> prepare(std::shared_ptr<const Graph> graph,
                                   std::shared_ptr<const WeightStore> weights) override {
    return std::make_unique<OracleProgram>(std::move(graph), std::move(weights));
  }
};

}  // namespace pliant::cross
