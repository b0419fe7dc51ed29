#include "search/evaluate/evaluator.h"

#include <algorithm>
#include <cmath>

#include "models/elasticvit/tensors.h"

namespace pliant::search {

using elasticvit::Architecture;

namespace {

// One graph with its results.
class Prepared {
 public:
  Prepared(Machine& machine, Graph graph, std::shared_ptr<const WeightStore> weights,
           ThreadPool& pool)
      : graph_(std::make_shared<const Graph>(std::move(graph))),
        program_(machine.prepare(graph_, std::move(weights))),
        workspace_(program_->need(), pool) {
    for (const ValueId id : graph_->outputs())
      views_.push_back(results_.emplace_back(graph_->value(id).type).view());
  }
  const Graph& graph() const { return *graph_; }
  // Each is as the output has it, until the next run.
  const std::vector<Tensor>& run(std::span<const TensorView> inputs) {
    program_->run({.inputs = inputs, .outputs = views_}, workspace_);
    return results_;
  }

 private:
  std::shared_ptr<const Graph> graph_;
  std::unique_ptr<Program> program_;
  Workspace workspace_;
  std::vector<Tensor> results_;
  std::vector<TensorView> views_;
};

// Adds what a batch says to sums over images.
void add_batch(const Tensor& logits, const Tensor& targets, Worth& sums) {
  const std::span<const float> said = logits.span<float>(), wanted = targets.span<float>();
  const auto classes = static_cast<std::size_t>(logits.type().shape[1]);
  for (std::size_t row = 0; row < said.size(); row += classes) {
    const auto scores = said.subspan(row, classes), target = wanted.subspan(row, classes);
    const auto best = std::ranges::max_element(scores) - scores.begin();
    const auto label = std::ranges::max_element(target) - target.begin();
    double sum = 0;
    for (const float each : scores) sum += std::exp(double{each} - double{scores[best]});
    sums.accuracy += best == label;
    sums.loss += std::log(sum) + double{scores[best]} - double{scores[label]};
  }
}

}  // namespace

WeightStore with_statistics(const WeightStore& supernet, const RunningStatistics& statistics) {
  WeightStore result;
  supernet.for_each([&](const std::string& name, const Stored& stored) {
    if (!statistics.contains(name)) result.add(name, stored, supernet.owner(name));
  });
  for (const auto& [name, tensor] : statistics) result.add(name, tensor.copy());
  return result;
}

Evaluator::Evaluator(const elasticvit::Space& space, std::shared_ptr<const WeightStore> supernet,
                     NewMachine machine, ThreadPool& pool)
    : space_(space), supernet_(std::move(supernet)), machine_(std::move(machine)), pool_(pool) {}

RunningStatistics Evaluator::estimate(const Architecture& subnet, Pictures& pictures) const {
  const auto machine = machine_();
  const Shape images = pictures.at(0).images.type().shape;
  Prepared prepared(*machine,
                    subnet_graph(space_, subnet,
                                 {.batch = images[0],
                                  .image_side = images[2],
                                  .statistics = elasticvit::Statistics::cumulative}),
                    supernet_, pool_);
  const Graph& graph = prepared.graph();
  std::map<ValueId, Tensor> carried;
  std::vector<TensorView> inputs(1);
  for (std::size_t i = 1; i < graph.inputs().size(); ++i) {
    const ValueId id = graph.inputs()[i];
    const Value& value = graph.value(id);
    const Stored* stored = supernet_->find(value.name);
    const auto [at, added] =
        carried.emplace(id, stored == nullptr ? Tensor(value.type) : decode(*stored));
    inputs.push_back(at->second.view());
  }
  for (std::int64_t i = 0; i < pictures.count(); ++i) {
    inputs[0] = pictures.at(i).images.view();
    const std::vector<Tensor>& results = prepared.run(inputs);
    for (std::size_t output = 1; const Carry& each : graph.carries())
      std::ranges::copy(results[output++].span<float>(), carried.at(each.in).span<float>().begin());
  }
  RunningStatistics result;
  for (auto& [id, tensor] : carried)
    if (const std::string& name = graph.value(id).name; supernet_->find(name) != nullptr)
      result.emplace(name, std::move(tensor));
  return result;
}

Worth Evaluator::worth(const Architecture& subnet, const RunningStatistics& statistics,
                       Pictures& pictures) const {
  const auto machine = machine_();
  const Shape images = pictures.at(0).images.type().shape;
  Prepared prepared(
      *machine, subnet_graph(space_, subnet, {.batch = images[0], .image_side = images[2]}),
      std::make_shared<const WeightStore>(with_statistics(*supernet_, statistics)), pool_);
  Worth sums;
  for (std::int64_t i = 0; i < pictures.count(); ++i) {
    const data::ImageTensors& batch = pictures.at(i);
    add_batch(prepared.run(std::vector{batch.images.view()})[0], batch.targets, sums);
  }
  const auto seen = static_cast<double>(pictures.count() * images[0]);
  return {sums.accuracy / seen, sums.loss / seen};
}

}  // namespace pliant::search
