#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "formats/onnx/import.h"

namespace pliant::onnx {

namespace {

constexpr std::int64_t oldest_opset = 7;

std::string dims_text(const std::vector<Dim>& dims) {
  std::string text;
  for (const auto& dim : dims)
    text += (text.empty() ? "" : ",") + (dim.size >= 0        ? std::to_string(dim.size)
                                         : dim.symbol.empty() ? "?"
                                                              : dim.symbol);
  return "[" + text + "]";
}

// The sizes with 1 for what is unknown: an example of what may be given.
std::string example(const ValueInfo& info) {
  std::string text;
  if (info.dims)
    for (const auto& dim : *info.dims)
      text += (text.empty() ? "" : "x") + std::to_string(dim.size >= 0 ? dim.size : 1);
  return fmt::format("say its sizes, for example --shape {}={}", info.name,
                     text.empty() ? "1x3x224x224" : text);
}

// Parameters are what a model has learned; small integers are indices, axes and shapes.
bool is_weight(const TensorType& type) {
  if (is_float(type.dtype)) return !type.shape.empty();
  const bool narrow = type.dtype == DType::i8 || type.dtype == DType::u8;
  return narrow && elements(type.shape) > 16;
}

}  // namespace

void Importer::check_opset() {
  const auto found = model_.opsets.find("");
  result_.opset = found == model_.opsets.end() ? 1 : found->second;
  if (result_.opset < oldest_opset)
    throw Error(ErrorKind::unsupported, place_,
                fmt::format("opset {}; {} is the oldest that is read", result_.opset, oldest_opset),
                "convert it with the onnx package's version converter");
}

void Importer::add_initializers(const GraphDef& graph) {
  for (const auto& each : graph.initializers) {
    const std::string where = fmt::format("{}: tensor '{}'", place_, each.name);
    if (each.absent && options_.missing_weights) {
      result_.missing.push_back(each.name);
    } else if (!each.tensor) {
      throw Error(each.absent ? ErrorKind::not_found : ErrorKind::unsupported, where, each.problem,
                  each.absent ? "put its data beside the model, or read it without weights" : "");
    }
    Item item{each.name, each.type, ValueId::none, each.tensor,
              each.absent || is_weight(each.type)};
    if (each.name.empty() || !items_.emplace(each.name, std::move(item)).second)
      throw Error(ErrorKind::invalid, where,
                  each.name.empty() ? "has no name" : "two tensors have this name");
  }
}

std::optional<std::int64_t> Importer::size_of_dim(const Dim& dim) const {
  if (dim.size >= 0) return dim.size;
  if (const auto bound = symbols_.find(dim.symbol); !dim.symbol.empty() && bound != symbols_.end())
    return bound->second;
  return std::nullopt;
}

void Importer::bind_symbols(const ValueInfo& info, const Shape& shape) {
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const Dim& dim = (*info.dims)[i];
    if (dim.size >= 0 || dim.symbol.empty()) continue;
    const auto [at, fresh] = symbols_.emplace(dim.symbol, shape[i]);
    if (!fresh && at->second != shape[i])
      throw Error(
          ErrorKind::usage, fmt::format("input '{}'", info.name),
          fmt::format("'{}' is {} here and {} elsewhere", dim.symbol, shape[i], at->second));
  }
}

TensorType Importer::input_type(const ValueInfo& info) {
  const std::string where = fmt::format("{}: input '{}'", place_, info.name);
  if (!info.dtype)
    throw Error(ErrorKind::unsupported, where,
                "is no tensor of numbers (a sequence, a map, strings or complex numbers)");
  if (const auto given = options_.shapes.find(info.name); given != options_.shapes.end()) {
    if (info.dims && info.dims->size() != given->second.size())
      throw Error(ErrorKind::usage, where,
                  fmt::format("sizes {} were asked for, the model has {}", to_string(given->second),
                              dims_text(*info.dims)));
    if (info.dims) bind_symbols(info, given->second);
    return {*info.dtype, given->second};
  }
  if (!info.dims)
    throw Error(ErrorKind::invalid, where, "the model does not say its sizes", example(info));
  Shape shape;
  for (const auto& dim : *info.dims) {
    const auto size = size_of_dim(dim);
    if (!size || *size < 0)
      throw Error(ErrorKind::invalid, where, "has symbolic sizes " + dims_text(*info.dims),
                  example(info));
    shape.push_back(*size);
  }
  elements(shape);  // throws on overflow
  return {*info.dtype, shape};
}

void Importer::fix_inputs() {
  for (const auto& [name, tensor] : options_.fixed) {
    const auto& inputs = model_.graph.inputs;
    const auto found =
        std::find_if(inputs.begin(), inputs.end(),
                     [&wanted = name](const ValueInfo& info) { return info.name == wanted; });
    if (found == inputs.end() || items_.contains(name))
      throw Error(ErrorKind::usage, place_,
                  fmt::format("a value is given for '{}', which is no input", name));
    if (found->dtype && *found->dtype != tensor->type().dtype)
      throw Error(
          ErrorKind::usage, fmt::format("input '{}'", name),
          fmt::format("is {}, given {}", pliant::name(*found->dtype), to_string(tensor->type())));
    items_.emplace(name, Item{name, tensor->type(), ValueId::none, tensor, false});
  }
}

void Importer::add_inputs() {
  check_options_used();
  fix_inputs();
  for (const auto& info : model_.graph.inputs) {  // given shapes bind symbols for the others
    const auto given = options_.shapes.find(info.name);
    if (given != options_.shapes.end()) input_type(info);
  }
  for (const auto& info : model_.graph.inputs) {
    if (items_.contains(info.name)) {
      if (!items_.at(info.name).known && !items_.at(info.name).weight)
        throw Error(ErrorKind::invalid, place_,
                    fmt::format("two inputs are named '{}'", info.name));
      continue;  // older files list their initialisers among the inputs
    }
    Item item{info.name, input_type(info), ValueId::none, nullptr, false};
    item.id = builder_.input(info.name, item.type);
    items_.emplace(info.name, std::move(item));
  }
}

void Importer::check_options_used() const {
  for (const auto& [name, shape] : options_.shapes) {
    bool used = false;
    std::string known;
    for (const auto& info : model_.graph.inputs) {
      if (items_.contains(info.name)) continue;
      used = used || info.name == name;
      known += (known.empty() ? "" : ", ") + info.name;
      if (info.dims)
        for (const auto& dim : *info.dims)
          used = used || (dim.size < 0 && dim.symbol == name && shape.size() == 1);
    }
    if (!used)
      throw Error(ErrorKind::usage, place_,
                  fmt::format("sizes are given for '{}', which is no input or symbol", name),
                  "inputs: " + known);
  }
}

}  // namespace pliant::onnx
