#include "machine/native/group_kernel.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "core/checked.h"
#include "core/error.h"

namespace pliant::native {

namespace {

Operand operand_of(const Value& value, const WeightStore* weights) {
  Operand operand{.type = value.type, .rows = value.rows};
  if (weights == nullptr) return operand;
  operand.fixed = value.role == Role::weight || value.role == Role::constant;
  if (value.role == Role::weight) operand.encoding = weights->at(value.name).encoding;
  return operand;
}

OperatorContext context_of(const Graph& graph, const Op& op, const Options& options,
                           const WeightStore* weights) {
  OperatorContext context;
  for (const ValueId id : op.in) context.operands.push_back(operand_of(graph.value(id), weights));
  for (const ValueId id : op.out) context.results.push_back(graph.value(id).type);
  context.rows_out = graph.value(op.out[0]).rows;
  context.options = options;
  context.place = op.name;
  return context;
}

std::unique_ptr<OperatorKernel> compile_op(const Graph& graph, const Op& op,
                                           const OperatorContext& context) {
  if (const auto reason = refusal(graph, op)) throw Error(ErrorKind::unsupported, op.name, *reason);
  return std::visit(
      [&](const auto& kind) -> std::unique_ptr<OperatorKernel> {
        // refused above
        if constexpr (std::is_same_v<std::decay_t<decltype(kind)>, kind::Opaque>) return nullptr;
        else return compile(kind, context);
      },
      op.kind);
}

std::size_t index_of(const std::vector<ValueId>& values, ValueId id) {
  const auto found = std::find(values.begin(), values.end(), id);
  assert(found != values.end());
  return found - values.begin();
}

// The anchor's result, operand 0, may have another shape than the group's; its elements are the
// same.
Pointwise pointwise_of(const Graph& graph, const GroupPattern& pattern, const TensorType& result,
                       const Options& options) {
  std::vector<TensorType> types;
  for (const ValueId id : pattern.operands) types.push_back(graph.value(id).type);
  if (pattern.anchor != OpId::none) types[0] = {DType::f32, result.shape};
  return Pointwise(pattern.epilogue, types, result, options, false);
}

}  // namespace

GroupKernel::GroupKernel(const Graph& graph, const Group& group, const Options& options,
                         const WeightStore* weights) {
  const std::vector<ValueId> inputs = group_inputs(graph, group);
  const auto pattern = group.ops.size() > 1 ? group_pattern(graph, group) : std::nullopt;
  const auto context = [&](const Op& op) { return context_of(graph, op, options, weights); };
  if (!pattern) {
    const Op& op = graph.op(group.ops.front());
    compile_single(context(op), graph, op, inputs);
  } else if (pattern->anchor == OpId::none) compile_maps(graph, *pattern, inputs, options);
  else compile_anchored(context(graph.op(pattern->anchor)), graph, *pattern, inputs);
  const Value& result = graph.value(graph.op(group.ops.back()).out[0]);
  elements_ = elements(result.type.shape);
  rows_out_ = result.rows;
  capacity_ = std::max<std::int64_t>(graph.rows(), 1);
}

void GroupKernel::compile_single(const OperatorContext& context, const Graph& graph, const Op& op,
                                 const std::vector<ValueId>& inputs) {
  anchor_ = compile_op(graph, op, context);
  for (const ValueId id : op.in) operands_.push_back(index_of(inputs, id));
}

// Values inside are f32, so the expression is computed in f32 whatever its operands and result are.
void GroupKernel::compile_maps(const Graph& graph, const GroupPattern& pattern,
                               const std::vector<ValueId>& inputs, const Options& options) {
  anchor_ = map_kernel(pointwise_of(graph, pattern, graph.value(pattern.result).type, options));
  for (const ValueId id : pattern.operands) operands_.push_back(index_of(inputs, id));
}

void GroupKernel::compile_anchored(OperatorContext context, const Graph& graph,
                                   const GroupPattern& pattern,
                                   const std::vector<ValueId>& inputs) {
  const Op& op = graph.op(pattern.anchor);
  context.prologue = pattern.prologue;
  anchor_ = compile_op(graph, op, context);
  compile_assembly(graph, pattern, inputs);
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    if (i == 0 && !assembly_.empty()) operands_.push_back(inputs.size());  // what run() adds
    else
      operands_.push_back(
          index_of(inputs, i == 0 && pattern.prologue ? pattern.prologue_input : op.in[i]));
  }
  const TensorType& type = graph.value(pattern.result).type;
  if (type.dtype != DType::f32)
    throw Error(ErrorKind::unsupported, op.name,
                "ends in " + to_string(type) + " inside of a group; it must be f32");
  epilogue_ = Epilogue{pointwise_of(graph, pattern, type, context.options), 0, {0}};
  for (std::size_t i = 1; i < pattern.operands.size(); ++i)
    epilogue_->operands.push_back(index_of(inputs, pattern.operands[i]));
}

// What follows the anchor reads plain elements.
const std::byte* GroupKernel::fix(std::size_t input, const Stored& weight, SharedWeights& shared) {
  const std::byte* data = nullptr;
  for (std::size_t k = 0; k < operands_.size(); ++k)
    if (operands_[k] == input) data = anchor_->fix(k, weight, shared);
  return data != nullptr ? data : anchor_->plain(weight, shared);
}

// Each part's rows that the Slice, if there is one, leaves.
void GroupKernel::compile_assembly(const Graph& graph, const GroupPattern& pattern,
                                   const std::vector<ValueId>& inputs) {
  if (pattern.assembly.empty()) return;
  const Op &first = graph.op(pattern.assembly.front()), &last = graph.op(pattern.assembly.back());
  const TensorType& type = graph.value(last.out[0]).type;
  const auto* slice = std::get_if<kind::Slice>(&last.kind);
  const std::int64_t begin = slice != nullptr ? slice->start[2] : 0, rows = type.shape[2];
  std::int64_t row = elements(type.shape), planes = type.shape[0] * type.shape[1];
  row = row == 0 ? 0 : row / planes / rows;
  std::int64_t at = 0;  // row of the parts side by side
  for (const ValueId part : first.in) {
    const std::int64_t held = graph.value(part).type.shape[2];
    const std::int64_t from = std::max(begin, at), to = std::min(begin + rows, at + held);
    if (from < to) {
      Nest<2> nest{{planes, {held * row, rows * row}}, {(to - from) * row, {1, 1}}};
      assembly_.push_back({index_of(inputs, part), strided_copy(std::move(nest), (from - at) * row,
                                                                (from - begin) * row, type.dtype)});
    }
    at += held;
  }
  constexpr std::int64_t line = 64;
  assembled_bytes_ = round_up(bytes(type), line);
}

void GroupKernel::run(std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                      std::byte* workspace, ThreadPool& pool, std::int64_t rows) const {
  std::vector<const std::byte*> in;
  std::vector<std::byte*> out;
  for (const TensorView& view : inputs) in.push_back(view.data);
  for (const TensorView& view : outputs) out.push_back(view.data);
  constexpr std::array<std::size_t, 1> zero{0};
  for (const RowCopy& each : assembly_)
    each.copy->run({.inputs = std::span(in).subspan(each.input, 1),
                    .outputs = std::span(&workspace, 1),
                    .operands = zero,
                    .rows = {1, 1},
                    .elements = 0,
                    .pool = pool});
  if (!assembly_.empty()) in.push_back(workspace);
  run(in, out, workspace + assembled_bytes_, pool, rows);
}

void GroupKernel::run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
                      std::byte* workspace, ThreadPool& pool, std::int64_t rows,
                      kv::Cache* cache) const {
  const Rows now{rows == 0 ? capacity_ : rows, capacity_};
  KernelCall call{.inputs = inputs,
                  .outputs = outputs,
                  .operands = operands_,
                  .epilogue = epilogue_ ? &*epilogue_ : nullptr,
                  .rows = now,
                  .elements = now.scale(elements_, rows_out_),
                  .pool = pool,
                  .workspace = workspace,
                  .cache = cache};
  if (call.elements > 0) anchor_->run(call);
}

std::unique_ptr<Kernel> make_kernel(const Graph& graph, const Group& group,
                                    const Options& options) {
  for (const OpId id : group.ops)
    if (uses_cache(graph.op(id)))
      throw Error(ErrorKind::unsupported, graph.op(id).name,
                  "reads a KV cache; a kernel of its own has none",
                  "prepare the whole graph on the native machine");
  return std::make_unique<GroupKernel>(graph, group, options);
}

}  // namespace pliant::native
