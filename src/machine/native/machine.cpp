#include <algorithm>

#include "core/error.h"
#include "graph/passes/fixed.h"
#include "graph/reference/reference.h"
#include "machine/native/program.h"

namespace pliant::native {

namespace {

void require_isa(Isa isa) {
  if (isa == Isa::best) return;
  const std::vector<Isa> here = available_isas();
  if (std::find(here.begin(), here.end(), isa) == here.end())
    throw Error(ErrorKind::unsupported, "instruction set",
                std::string(name(isa)) + " is not available here");
}

}  // namespace

std::vector<Refusal> refusals(const Graph& graph) {
  const ById<ValueId, bool> fixed = fixed_values(graph);
  std::vector<Refusal> result;
  for (const OpId id : graph.ops().ids()) {
    const Op& op = graph.op(id);
    if (fixed[op.out[0]]) continue;
    if (auto reason = refusal(graph, op)) result.push_back({id, std::move(*reason)});
  }
  return result;
}

Machine::Machine(ThreadPool& pool, Options options)
    : pool_(pool), options_(options), shared_(std::make_unique<SharedWeights>()) {
  require_isa(options.isa);
}

Machine::~Machine() = default;

std::vector<Refusal> Machine::refuses(const Graph& graph) const { return refusals(graph); }

std::unique_ptr<pliant::Program> Machine::prepare(std::shared_ptr<const Graph> graph,
                                                  std::shared_ptr<const WeightStore> weights) {
  return compile(std::move(graph), std::move(weights));
}

std::unique_ptr<Program> Machine::compile(std::shared_ptr<const Graph> graph,
                                          std::shared_ptr<const WeightStore> weights) {
  if (const std::vector<Refusal> refused = refuses(*graph); !refused.empty())
    throw Error(ErrorKind::unsupported, graph->op(refused[0].op).name, refused[0].reason);
  check_weights(*graph, *weights);
  Folded folded = fold(*graph, *weights, pool_);
  folded.weights = shared_->join(folded.weights, *weights);
  return std::make_unique<Program>(std::move(graph), std::move(folded), options_, *shared_);
}

std::int64_t Machine::weight_copies() const { return shared_->bytes(); }

}  // namespace pliant::native
