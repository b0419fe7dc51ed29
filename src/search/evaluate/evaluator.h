// What subnets of a supernet are worth, on any machine: batch normalisations are estimated anew for
// each, as running statistics of all subnets together fit none.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "machine/machine.h"
#include "models/elasticvit/subnet.h"
#include "search/evaluate/pictures.h"

namespace pliant::search {

using RunningStatistics = std::map<std::string, Tensor, std::less<>>;  // by tensor
// A new machine for each subnet: what it keeps of the weights goes with it.
using NewMachine = std::function<std::unique_ptr<Machine>()>;

struct Worth {
  double accuracy = 0;  // share of the images whose class has the highest logit
  double loss = 0;      // mean cross-entropy, nats
};

// The supernet's tensors with these in place of its running statistics; the rest is shared.
WeightStore with_statistics(const WeightStore& supernet, const RunningStatistics& statistics);

class Evaluator {
 public:
  // `supernet`: all of supernet_tensors(). Space and pool must outlive this.
  Evaluator(const elasticvit::Space& space, std::shared_ptr<const WeightStore> supernet,
            NewMachine machine, ThreadPool& pool);

  // The subnet's running statistics, whole tensors whose leading entries are means over the batches
  // (published code: 128 batches of 96 training images). Throws as Machine::prepare().
  RunningStatistics estimate(const elasticvit::Architecture& subnet, Pictures& pictures) const;
  Worth worth(const elasticvit::Architecture& subnet, const RunningStatistics& statistics,
              Pictures& pictures) const;

 private:
  const elasticvit::Space& space_;
  std::shared_ptr<const WeightStore> supernet_;
  NewMachine machine_;
  ThreadPool& pool_;
};

}  // namespace pliant::search
