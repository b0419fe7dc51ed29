// llama2.c checkpoints, versions 0 and 1 (f32).
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <optional>

#include <utility>

#include "core/checked.h"
#include "core/error.h"
#include "models/language/files/llama2c.h"

namespace pliant {
namespace {

constexpr std::uint32_t magic = 0x616b3432;
constexpr std::size_t new_header = 256, old_header = 7 * 4;

std::int32_t integer_at(std::span<const std::byte> file, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= std::to_integer<std::uint32_t>(file[at + i]) << (8 * i);
  return static_cast<std::int32_t>(value);
}

LanguageConfig config_from(const std::array<std::int32_t, 7>& sizes, bool tied) {
  const auto [width, ffn, layers, heads, kv_heads, vocabulary, context] = sizes;
  LanguageConfig config;
  config.family = Family::llama;
  config.width = width;
  config.vocabulary = vocabulary;
  config.context = context;
  if (layers > 0 && layers <= max_layers)
    config.layers.assign(layers, {.heads = heads, .kv_heads = kv_heads, .ffn = ffn});
  config.head_width = heads > 0 && width % heads == 0 ? width / heads : 0;
  config.tied = tied;
  config.rotary_pairs = true;
  return config;
}

}  // namespace

std::int64_t Llama2c::tables() const {
  return rotary_table ? 2 * config.context * (config.head_width / 2) : 0;
}

std::vector<WeightSpec> Llama2c::order() const {
  std::vector<WeightSpec> specs;
  const auto add = [&](Part part, int layer) {
    if (auto shape = weight_shape(config, part, layer))
      specs.push_back({part, layer, std::move(*shape)});
  };
  const auto of_all = [&](Part part) {
    for (std::size_t i = 0; i < config.layers.size(); ++i) add(part, i);
  };
  if (version == 0) add(Part::embedding, -1);
  of_all(Part::attention_norm);
  if (version == 1) {
    of_all(Part::ffn_norm);
    add(Part::norm, -1);
    add(Part::embedding, -1);
  }
  for (const Part part : {Part::q, Part::k, Part::v, Part::output}) of_all(part);
  if (version == 0) of_all(Part::ffn_norm);
  for (const Part part : {Part::gate, Part::down, Part::up}) of_all(part);
  if (version == 0) add(Part::norm, -1);
  return specs;  // and then, behind the tables of version 0, the head
}

std::int64_t Llama2c::bytes() const {
  std::int64_t total = tables();
  for (const WeightSpec& spec : order())
    total = checked_add(total, elements(spec.shape), "llama2.c checkpoint");
  if (!config.tied)
    total = checked_add(total, config.vocabulary * config.width, "llama2.c checkpoint");
  return checked_add(checked_multiply(total, 4, "llama2.c checkpoint"), data,
                     "llama2.c checkpoint");
}

Llama2c llama2c_header(std::span<const std::byte> file, std::string_view place) {
  const auto cut = [&](std::size_t wanted) {
    throw Error(ErrorKind::format, std::string(place),
                fmt::format("{} bytes, a header takes {}", file.size(), wanted));
  };
  if (file.size() < old_header) cut(old_header);
  Llama2c result;
  std::array<std::int32_t, 7> sizes{};
  const bool versioned = static_cast<std::uint32_t>(integer_at(file, 0)) == magic;
  if (versioned) {
    if (file.size() < new_header) cut(new_header);
    result.version = integer_at(file, 4);
    if (result.version != 1)
      throw Error(ErrorKind::unsupported, std::string(place),
                  fmt::format("llama2.c version {}", result.version),
                  "0 and 1 are read; export the model with one of them");
    result.data = new_header;
    result.rotary_table = false;
  } else {
    result.data = old_header;
  }
  for (std::size_t i = 0; i < 7; ++i) sizes[i] = integer_at(file, (versioned ? 8 : 0) + 4 * i);
  bool tied = versioned ? file[36] != std::byte{0} : sizes[5] > 0;
  if (!versioned && sizes[5] < 0 && sizes[5] != INT32_MIN) sizes[5] = -sizes[5];
  result.config = config_from(sizes, tied);
  check(result.config, place);
  if (std::cmp_not_equal(result.bytes(), file.size()))
    throw Error(ErrorKind::format, std::string(place),
                fmt::format("{} bytes; the header describes {}", file.size(), result.bytes()));
  return result;
}

bool is_llama2c(std::span<const std::byte> file) {
  if (file.size() >= 4 && static_cast<std::uint32_t>(integer_at(file, 0)) == magic) return true;
  try {
    llama2c_header(file, "");
    return true;
  } catch (const Error&) {
    return false;
  }
}

LanguageModel llama2c_model(std::span<const std::byte> file, std::shared_ptr<const void> owner,
                            std::string_view place) {
  const Llama2c header = llama2c_header(file, place);
  auto weights = std::make_shared<WeightStore>();
  std::size_t at = header.data;
  const auto take = [&](const WeightSpec& spec) {
    const TensorType type{DType::f32, spec.shape};
    const std::size_t size = pliant::bytes(type);
    weights->add(spec.name(), {type, Encoding::plain, file.subspan(at, size)}, owner);
    at += size;
  };
  for (const WeightSpec& spec : header.order()) take(spec);
  at += header.tables() * 4;
  if (const auto shape = weight_shape(header.config, Part::head)) take({Part::head, -1, *shape});
  return {header.config, std::move(weights)};
}

}  // namespace pliant
