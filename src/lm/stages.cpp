#include "lm/stages.h"

#include <algorithm>

#include "core/error.h"
#include "graph/text/text.h"

namespace pliant::lm {

namespace {

Tensor integers(std::int64_t rows) { return Tensor({DType::i32, {rows}}); }

}  // namespace

RowBuffers::RowBuffers(std::int64_t rows, std::int64_t width)
    : ids_(integers(rows)),
      seq_(integers(rows)),
      pos_(integers(rows)),
      tag_(integers(rows)),
      hidden_(TensorType{DType::f32, {rows, width}}),
      next_(TensorType{DType::f32, {rows, width}}),
      ids(ids_.span<std::int32_t>()),
      seq(seq_.span<std::int32_t>()),
      pos(pos_.span<std::int32_t>()),
      tag(tag_.span<std::int32_t>()),
      hidden(hidden_.span<float>()) {}

std::int64_t RowBuffers::bytes() const {
  std::size_t total = 0;
  for (const Tensor* each : {&ids_, &seq_, &pos_, &tag_, &hidden_, &next_})
    total += each->raw().size();
  return total;
}

Stages::Stages(const LanguageModel& model, native::Machine& machine, RowBuffers& buffers,
               std::int64_t rows, bool by_layer)
    : buffers_(&buffers) {
  const LanguageConfig& config = model.config;
  const int last = config.layers.size();
  embed_ = prepare(embed_graph(config, rows), model, machine, buffers, nullptr, &buffers.hidden_);
  const int step = by_layer ? 1 : last;
  for (int first = 0; first < last; first += step)
    layers_.push_back(prepare(layers_graph(config, first, first + step, rows, true), model, machine,
                              buffers, &buffers.hidden_, &buffers.next_));
  head_ = prepare(head_graph(config, rows), model, machine, buffers, &buffers.next_, nullptr);
}

// Inputs by their names, whatever their order.
Stages::Stage Stages::prepare(Graph graph, const LanguageModel& model, native::Machine& machine,
                              RowBuffers& buffers, const Tensor* hidden, const Tensor* result) {
  Stage stage{
      machine.compile(std::make_shared<const Graph>(std::move(graph)), model.weights), {}, {}};
  const std::pair<std::string_view, const Tensor*> known[] = {{"ids", &buffers.ids_},
                                                              {"seq", &buffers.seq_},
                                                              {"pos", &buffers.pos_},
                                                              {"tag", &buffers.tag_},
                                                              {"hidden", hidden}};
  const Graph& whole = stage.program->graph();
  for (const ValueId id : whole.inputs()) {
    const Value& value = whole.value(id);
    const auto* found =
        std::ranges::find(known, value.name, &std::pair<std::string_view, const Tensor*>::first);
    if (found == std::end(known) || found->second == nullptr)
      throw Error(ErrorKind::invalid, value.name, "no session knows what to bind to this input");
    stage.inputs.push_back({value.type, found->second->view().data});
  }
  const TensorType& type = whole.value(whole.outputs()[0]).type;
  stage.outputs.push_back({type, result == nullptr ? nullptr : result->view().data});
  return stage;
}

template <typename Visit>
void Stages::each(const Visit& visit) const {
  visit(*embed_.program);
  for (const Stage& stage : layers_) visit(*stage.program);
  visit(*head_.program);
}

Need Stages::need() const {
  Need most;
  each([&](const native::Program& program) {
    most.arena_bytes = std::max(most.arena_bytes, program.need().arena_bytes);
  });
  return most;
}

std::uint64_t Stages::hash() const {
  std::uint64_t result = 0;
  each([&](const native::Program& program) {
    result = result * 31 + pliant::hash(program.graph());
  });
  return result;
}

Bindings Stages::bind(Stage& stage, std::int64_t n) const {
  for (TensorView& view : stage.inputs) view.type.shape[0] = n;
  for (TensorView& view : stage.outputs) view.type.shape[0] = n;
  return {stage.inputs, stage.outputs, n, trace};
}

void Stages::embed(std::int64_t n, Workspace& workspace) {
  embed_.program->run(bind(embed_, n), workspace);
}

void Stages::run(std::int64_t n, Workspace& workspace, kv::Cache& cache, std::byte* logits) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (i > 0) std::ranges::copy(buffers_->next(n), buffers_->hidden.begin());
    layers_[i].program->run(bind(layers_[i], n), workspace, cache);
  }
  if (logits != nullptr) run_head(n, workspace, logits);
}

void Stages::run_layer(int layer, std::int64_t n, std::span<float> rows, Workspace& workspace,
                       kv::Cache& cache) {
  std::ranges::copy(rows, buffers_->hidden.begin());
  layers_[layer].program->run(bind(layers_[layer], n), workspace, cache);
  std::ranges::copy(buffers_->next(n), rows.begin());
}

void Stages::run_head(std::int64_t n, std::span<const float> rows, Workspace& workspace,
                      std::byte* logits) {
  std::ranges::copy(rows, buffers_->next(n).begin());
  run_head(n, workspace, logits);
}

void Stages::run_head(std::int64_t n, Workspace& workspace, std::byte* logits) {
  head_.outputs[0].data = logits;
  head_.program->run(bind(head_, n), workspace);
}

}  // namespace pliant::lm
