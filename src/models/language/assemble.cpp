#include "models/language/assemble.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"

namespace pliant {
namespace {

// Rows [first, first + count) of a tensor; they stand one after the other in every encoding.
Stored rows_of(const Stored& whole, std::int64_t first, std::int64_t count) {
  TensorType type = whole.type;
  const auto rows = static_cast<std::size_t>(type.shape[0]);
  const std::size_t row_bytes = whole.bytes.size() / rows;
  type.shape[0] = count;
  return {
      std::move(type), whole.encoding,
      whole.bytes.subspan(static_cast<std::size_t>(first) * row_bytes, static_cast<std::size_t>(count) * row_bytes)};
}

Tensor transposed(const Stored& stored) {
  const Tensor from = decode(stored);
  const Shape& shape = from.type().shape;
  Tensor to({DType::f32, {shape[1], shape[0]}});
  for (std::int64_t i = 0; i < shape[0]; ++i)
    for (std::int64_t j = 0; j < shape[1]; ++j)
      to.view().as<float>()[j * shape[0] + i] = static_cast<float>(get(from.view(), i * shape[1] + j));
  return to;
}

bool is_float_weight(DType dtype) { return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16; }

}  // namespace

const Stored* find_source(const WeightStore& tensors, const std::string& name, std::string& found_name) {
  std::vector<std::string> candidates{name};
  if (const auto dot = name.find('.'); name.starts_with("transformer.") || name.starts_with("model."))
    candidates.push_back(name.substr(dot + 1));
  if (name == "lm_head.weight") candidates.push_back("classifier.weight");
  for (const std::string& each : candidates)
    if (const Stored* stored = tensors.find(each)) {
      found_name = each;
      return stored;
    }
  return nullptr;
}

void add_floats(WeightStore& store, const std::string& name, const Stored& stored, std::shared_ptr<const void> owner,
                std::string_view place) {
  if (!is_float_weight(stored.type.dtype))
    throw Error(ErrorKind::unsupported, std::string(place),
                fmt::format("{} is {}; weights are f32, f16 or bf16", name, to_string(stored.type)));
  if (stored.type.dtype == DType::f32) return store.add(name, stored, std::move(owner));
  const Tensor narrow = decode(stored);
  Tensor wide({DType::f32, stored.type.shape});
  const std::int64_t count = elements(stored.type.shape);
  for (std::int64_t i = 0; i < count; ++i) wide.view().as<float>()[i] = static_cast<float>(get(narrow.view(), i));
  store.add(name, std::move(wide));
}

WeightStore assemble(const LanguageConfig& config, NameScheme scheme, const WeightStore& tensors,
                     std::string_view place) {
  WeightStore result;
  for (const WeightSpec& spec : weight_table(config)) {
    const WeightSource source = weight_source(scheme, config, spec);
    std::string name;
    const Stored* stored = find_source(tensors, source.name, name);
    if (stored == nullptr)
      throw Error(ErrorKind::not_found, std::string(place), fmt::format("has no tensor '{}'", source.name),
                  fmt::format("{} needs it, with the shape {}", pliant::name(config.family), to_string(source.shape)));
    if (stored->type.shape != source.shape)
      throw Error(
          ErrorKind::invalid, std::string(place),
          fmt::format("'{}' is {}, the config says {}", name, to_string(stored->type.shape), to_string(source.shape)));
    if (source.transposed) result.add(spec.name(), transposed(*stored));
    else if (source.shape == spec.shape) add_floats(result, spec.name(), *stored, tensors.owner(name), place);
    else add_floats(result, spec.name(), rows_of(*stored, source.first_row, spec.shape[0]), tensors.owner(name), place);
  }
  return result;
}

}  // namespace pliant
