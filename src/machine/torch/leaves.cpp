#include "machine/torch/leaves.h"

#include <fmt/format.h>

#include "core/error.h"
#include "machine/torch/kinds/values.h"

namespace pliant::aten {
namespace {

at::Tensor placed(const TensorView& view, const at::Device& device) {
  return device.is_cpu() ? shared(view) : copied(view, device);
}

void check_each(const Graph& graph, std::span<const TensorView> given,
                const std::vector<ValueId>& ids, std::int64_t rows, std::string_view what) {
  if (given.size() != ids.size())
    throw Error(ErrorKind::invalid, fmt::format("{}s", what),
                fmt::format("the graph has {}, {} given", ids.size(), given.size()));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Value& value = graph.value(ids[i]);
    TensorType wanted = value.type;
    if (value.rows) wanted.shape[0] = rows;
    if (given[i].type != wanted)
      throw Error(ErrorKind::invalid, fmt::format("{} {}", what, value.name),
                  fmt::format("is {}, given {}", to_string(wanted), to_string(given[i].type)));
  }
}

}  // namespace

Frame empty_frame(const Graph& graph) {
  const std::size_t count = graph.values().size();
  return {ById<ValueId, at::Tensor>(count), ById<ValueId, at::Tensor>(count), graph.rows()};
}

at::Tensor stored(const Stored& weight, const at::Device& device) {
  if (weight.encoding != Encoding::plain) return copied(decode(weight).view(), device);
  // only read
  return placed({weight.type, const_cast<std::byte*>(weight.bytes.data())}, device);
}

void set_constants(const Graph& graph, const at::Device& device, Frame& frame) {
  for (const ValueId id : graph.values().ids())
    if (const Value& value = graph.value(id); value.role == Role::constant)
      frame.values[id] = placed(value.constant->view(), device);
}

void check_bindings(const Graph& graph, std::span<const TensorView> inputs,
                    std::span<const TensorView> outputs, std::int64_t rows) {
  if (rows < 0 || rows > graph.rows())
    throw Error(ErrorKind::invalid, "rows",
                fmt::format("{} is outside 0 to {}", rows, graph.rows()));
  check_each(graph, inputs, graph.inputs(), rows, "input");
  check_each(graph, outputs, graph.outputs(), rows, "output");
}

void set_inputs(const Graph& graph, std::span<const TensorView> inputs, const at::Device& device,
                Frame& frame) {
  for (std::size_t i = 0; i < inputs.size(); ++i)
    frame.values[graph.inputs()[i]] = placed(inputs[i], device);
}

void write_outputs(const Graph& graph, const Frame& frame, std::span<const TensorView> outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i)
    write(frame.values[graph.outputs()[i]], outputs[i]);
}

}  // namespace pliant::aten
