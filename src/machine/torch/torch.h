// libtorch: any graph, on the CPU or a GPU. Training is in learner.h.
#pragma once

#include "machine/machine.h"
#include "machine/torch/options.h"

namespace pliant::aten {

// Needs no arena: libtorch allocates while it runs. Of the pools and workspaces that a run is given
// it uses none; Options::threads says how many threads run. Refuses foreign operators, Attention
// with a cache, and convolutions over more than three axes.
class Machine : public pliant::Machine {
 public:
  // Throws as check(), and Error{unsupported} for a device that this build or computer lacks.
  explicit Machine(Options options = {});
  std::vector<Refusal> refuses(const Graph& graph) const override;
  std::unique_ptr<Program> prepare(std::shared_ptr<const Graph> graph,
                                   std::shared_ptr<const WeightStore> weights) override;

 private:
  Options options_;
};

}  // namespace pliant::aten
