#include "search/supernet/supernet_learner.h"

#include <fmt/format.h>

#include <memory>

#include "core/error.h"
#include "models/elasticvit/tensors.h"
#include "search/supernet/groups.h"
#include "search/supernet/teaching.h"

namespace pliant::search {

using elasticvit::Architecture;
using elasticvit::Objective;
using elasticvit::Space;

namespace {

constexpr std::string_view prefix = "statistic.";

const Stored& expected(const WeightStore& store, const std::string& name, const Shape& shape) {
  const Stored& stored = store.at(name);
  if (stored.type != TensorType{DType::f32, shape})
    throw Error(ErrorKind::invalid, name,
                fmt::format("is {}, not {}, as the space has it", to_string(stored.type),
                            to_string(TensorType{DType::f32, shape})),
                "use the space that its supernet was made for");
  return stored;
}

// "statistic.NAME" or "NAME"
SupernetLearner::Statistics statistics_of(const Space& space, const WeightStore& store,
                                          std::string_view before) {
  SupernetLearner::Statistics result;
  for (const auto& [name, tensor] : supernet_tensors(space))
    if (tensor.statistic)
      result.emplace(name, decode(expected(store, std::string(before) + name, tensor.shape)));
  return result;
}

std::shared_ptr<const WeightStore> parameters_of(const Space& space, const WeightStore& store) {
  auto result = std::make_shared<WeightStore>();
  for (const auto& [name, tensor] : supernet_tensors(space))
    if (!tensor.statistic)
      result->add(name, expected(store, name, tensor.shape), store.owner(name));
  return result;
}

// One subnet's graph with its bindings. Its inputs are image, target and what is carried; its
// outputs are loss, logits and what is carried, in the order of the carries.
class Lesson {
 public:
  Lesson(const aten::Learner& learner, const Space& space, const Architecture& subnet,
         const elasticvit::SubnetOptions& options, Objective objective)
      : graph_(std::make_shared<const Graph>(
            elasticvit::soft_loss_graph(space, subnet, options, objective))),
        pass_(learner.prepare(graph_)) {
    for (const ValueId id : graph_->outputs()) {
      results_.emplace_back(graph_->value(id).type);
      outputs_.push_back(results_.back().view());
    }
  }

  // Both must outlive the run.
  void bind(const ImageBatch& batch, const SupernetLearner::Statistics& statistics) {
    inputs_ = {batch.images, batch.targets};
    for (std::size_t i = first_carry; i < graph_->inputs().size(); ++i)
      inputs_.push_back(statistics.at(name_of(graph_->inputs()[i])).view());
  }
  // After the run: what is new in the statistics.
  void carry(SupernetLearner::Statistics& statistics) const {
    for (std::size_t i = first_carry; const Carry& each : graph_->carries())
      statistics.insert_or_assign(name_of(each.in), results_[i++].copy());
  }

  const aten::Pass& pass() const { return *pass_; }
  std::span<const TensorView> inputs() const { return inputs_; }
  std::span<const TensorView> outputs() const { return outputs_; }
  double loss() const { return get(outputs_[0], 0); }
  const TensorView& logits() const { return outputs_[1]; }

 private:
  static constexpr std::size_t first_carry = 2;
  const std::string& name_of(ValueId id) const { return graph_->value(id).name; }

  std::shared_ptr<const Graph> graph_;
  std::unique_ptr<aten::Pass> pass_;
  std::vector<TensorView> inputs_, outputs_;
  std::vector<Tensor> results_;
};

}  // namespace

SupernetLearner::SupernetLearner(Space space, const aten::Options& options,
                                 const WeightStore& supernet, const aten::Group& like,
                                 const TeachingOptions& teaching)
    : space_(std::move(space)),
      teaching_(teaching),
      statistics_(statistics_of(space_, supernet, "")),
      learner_(options, parameters_of(space_, supernet), supernet_groups(space_, like)) {}

elasticvit::SubnetOptions SupernetLearner::options_for(const ImageBatch& batch) const {
  const Shape& shape = batch.images.type.shape;
  return {.batch = shape.at(0),
          .image_side = shape.at(2),
          .statistics = elasticvit::Statistics::momentum,
          .momentum = teaching_.momentum};
}

std::vector<double> SupernetLearner::accumulate(std::span<const Drawn> step,
                                                const ImageBatch& batch) {
  std::vector<double> losses;
  Tensor taught, mean;  // by the largest subnet, by the random ones
  ImageBatch lesson = batch;
  std::vector<Tensor> said;
  for (const Drawn& each : step) {
    const bool pupil = each.part == Part::smallest && !said.empty();
    if (pupil) {
      mean = mean_of(said);
      lesson.targets = mean.view();
    }
    Lesson own(learner_, space_, each.architecture, options_for(batch),
               pupil ? teaching_.smallest : Objective::cross_entropy);
    own.bind(each.part == Part::largest ? batch : lesson, statistics_);
    learner_.accumulate(own.pass(), own.inputs(), own.outputs(), 1);
    own.carry(statistics_);
    losses.push_back(own.loss());
    if (each.part == Part::random) said.push_back(softened(own.logits(), 1));
    if (each.part != Part::largest) continue;
    taught = softened(own.logits(), teaching_.temperature);
    lesson.targets = taught.view();
  }
  return losses;
}

std::vector<double> SupernetLearner::scores(std::span<const Architecture> subnets,
                                            const ImageBatch& batch) const {
  std::vector<double> result;
  for (const Architecture& subnet : subnets) {
    Lesson lesson(learner_, space_, subnet, options_for(batch), Objective::cross_entropy);
    lesson.bind(batch, statistics_);
    learner_.evaluate(lesson.pass(), lesson.inputs(), lesson.outputs());
    result.push_back(-lesson.loss());
  }
  return result;
}

WeightStore SupernetLearner::weights(bool averaged) const {
  WeightStore result = learner_.weights(averaged);
  for (const auto& [name, tensor] : statistics_) result.add(name, tensor.copy());
  return result;
}

WeightStore SupernetLearner::state() const {
  WeightStore result = learner_.state();
  for (const auto& [name, tensor] : statistics_)
    result.add(std::string(prefix) + name, tensor.copy());
  return result;
}

void SupernetLearner::restore(const WeightStore& state) {
  WeightStore own;
  state.for_each([&](const std::string& name, const Stored& stored) {
    if (!name.starts_with(prefix)) own.add(name, stored, state.owner(name));
  });
  Statistics statistics = statistics_of(space_, state, prefix);
  learner_.restore(own);
  statistics_ = std::move(statistics);
}

}  // namespace pliant::search
