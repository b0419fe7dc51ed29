#include "models/language/files/assemble.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"

namespace pliant {
namespace {

Tensor transposed(const Stored& stored) {
  const Tensor from = decode(stored);
  const Shape& shape = from.type().shape;
  Tensor to({DType::f32, {shape[1], shape[0]}});
  for (std::int64_t i = 0; i < shape[0]; ++i)
    for (std::int64_t j = 0; j < shape[1]; ++j)
      to.view().as<float>()[j * shape[0] + i] =
          static_cast<float>(get(from.view(), i * shape[1] + j));
  return to;
}

}  // namespace

Stored rows_of(const Stored& whole, std::int64_t first, std::int64_t count) {
  TensorType type = whole.type;
  const std::size_t rows = type.shape[0];
  const std::size_t row_bytes = whole.bytes.size() / rows;
  type.shape[0] = count;
  return {std::move(type), whole.encoding,
          whole.bytes.subspan(first * row_bytes, count * row_bytes)};
}

const Stored* find_source(const WeightStore& tensors, const std::string& name,
                          std::string& found_name) {
  std::vector<std::string> candidates{name};
  if (const auto dot = name.find('.');
      name.starts_with("transformer.") || name.starts_with("model."))
    candidates.push_back(name.substr(dot + 1));
  if (name == "lm_head.weight") candidates.push_back("classifier.weight");
  for (const std::string& each : candidates)
    if (const Stored* stored = tensors.find(each)) {
      found_name = each;
      return stored;
    }
  return nullptr;
}

Stored as_f32(const Stored& stored, const std::string& name, std::string_view place) {
  const TensorType logical{DType::f32, stored.type.shape};
  switch (stored.type.dtype) {
    case DType::f32: return stored;
    case DType::f16: return {logical, Encoding::f16, stored.bytes};
    case DType::bf16: return {logical, Encoding::bf16, stored.bytes};
    default:
      throw Error(
          ErrorKind::unsupported, std::string(place),
          fmt::format("'{}' is {}; weights are f32, f16 or bf16", name, to_string(stored.type)));
  }
}

WeightStore assemble(const LanguageConfig& config, NameScheme scheme, const WeightStore& tensors,
                     std::string_view place) {
  WeightStore result;
  for (const WeightSpec& spec : weight_table(config)) {
    const WeightSource source = weight_source(scheme, config, spec);
    std::string name;
    const Stored* stored = find_source(tensors, source.name, name);
    if (stored == nullptr)
      throw Error(ErrorKind::not_found, std::string(place),
                  fmt::format("has no tensor '{}'", source.name),
                  fmt::format("{} needs it, with the shape {}", pliant::name(config.family),
                              to_string(source.shape)));
    if (stored->type.shape != source.shape)
      throw Error(ErrorKind::invalid, std::string(place),
                  fmt::format("'{}' is {}, the config says {}", name, to_string(stored->type.shape),
                              to_string(source.shape)));
    const Stored whole = as_f32(*stored, name, place);
    if (traits(whole.encoding).block_elements > 1)
      check_finite(whole, fmt::format("{}: {}", place, name));
    if (source.transposed) result.add(spec.name(), transposed(whole));
    else if (source.shape == spec.shape) result.add(spec.name(), whole, tensors.owner(name));
    else
      result.add(spec.name(), rows_of(whole, source.first_row, spec.shape[0]), tensors.owner(name));
  }
  return result;
}

}  // namespace pliant
