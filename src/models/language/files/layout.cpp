#include "models/language/files/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace pliant {
namespace {

OwnedWeight piece_of(Tensor tensor) {
  const auto owner = std::make_shared<const Tensor>(std::move(tensor));
  return {{owner->type(), Encoding::plain, owner->raw()}, owner};
}

OwnedWeight piece_of(TensorType type, Encoding encoding, std::vector<std::byte> bytes) {
  const auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  return {{std::move(type), encoding, *owner}, owner};
}

std::uint16_t to_half(float value, Encoding encoding) {
  return encoding == Encoding::f16 ? f32_to_f16(value) : f32_to_bf16(value);
}
float from_half(std::uint16_t bits, Encoding encoding) {
  return encoding == Encoding::f16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

// Elements of a tensor without blocks are moved as they are, whatever their width.
std::size_t element_bytes(const OwnedWeight& piece) {
  return is_half(piece.stored.encoding) ? 2 : 4;
}

OwnedWeight without_blocks(const OwnedWeight& piece) {
  return traits(piece.stored.encoding).block_elements > 1 ? piece_of(decode(piece.stored)) : piece;
}

// Row `from(i)` of every head becomes row i.
OwnedWeight permuted(const OwnedWeight& given, std::int64_t head_width,
                     const std::function<std::int64_t(std::int64_t)>& from) {
  const OwnedWeight piece = given.stored.type.shape.size() < 2 ? without_blocks(given) : given;
  const std::int64_t rows = piece.stored.type.shape[0];
  const std::size_t row = piece.stored.bytes.size() / rows;
  std::vector<std::byte> bytes(piece.stored.bytes.size());
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t source = i / head_width * head_width + from(i % head_width);
    std::memcpy(bytes.data() + i * row, piece.stored.bytes.data() + source * row, row);
  }
  return piece_of(piece.stored.type, piece.stored.encoding, std::move(bytes));
}

// Between the two orders of a rotation: halves (i, i + width / 2), and pairs (2i, 2i + 1).
OwnedWeight reordered(const OwnedWeight& piece, const LanguageConfig& config, bool to_pairs) {
  const std::int64_t width = config.rotary_width == 0 ? config.head_width : config.rotary_width,
                     half = width / 2;
  return permuted(piece, config.head_width, [=](std::int64_t i) {
    if (i >= width) return i;
    return to_pairs ? i / 2 + i % 2 * half : i % half * 2 + i / half;
  });
}

OwnedWeight shifted(const OwnedWeight& piece, float by) {
  Tensor values = decode(piece.stored);
  for (float& each : values.span<float>()) each += by;
  return piece_of(std::move(values));
}

bool turns(Part part) {
  return part == Part::q || part == Part::k || part == Part::q_bias || part == Part::k_bias;
}

bool is_norm_weight(Part part) {
  switch (part) {
    case Part::norm:
    case Part::attention_norm:
    case Part::q_norm:
    case Part::k_norm:
    case Part::post_attention_norm:
    case Part::ffn_norm:
    case Part::post_ffn_norm: return true;
    default: return false;
  }
}

}  // namespace

LanguageConfig layout_for(ModelFormat format, LanguageConfig config) {
  const bool llama = config.family == Family::llama;
  config.rotary_pairs = llama && (format == ModelFormat::gguf || format == ModelFormat::llama2c);
  config.norm_plus_one = config.family == Family::gemma2 && format != ModelFormat::gguf;
  return config;
}

OwnedWeight laid_out(const LanguageModel& model, const LanguageConfig& wanted,
                     const WeightSpec& spec) {
  const LanguageConfig& has = model.config;
  const std::string name = spec.name();
  OwnedWeight piece{model.weights->at(name), model.weights->owner(name)};
  if (turns(spec.part) && has.rotary_pairs != wanted.rotary_pairs)
    piece = reordered(piece, has, wanted.rotary_pairs);
  if (is_norm_weight(spec.part) && has.norm_plus_one != wanted.norm_plus_one)
    piece = shifted(piece, wanted.norm_plus_one ? -1.0F : 1.0F);
  return piece;
}

OwnedWeight transposed(const OwnedWeight& given) {
  const OwnedWeight piece = without_blocks(given);
  const Shape& shape = piece.stored.type.shape;
  const std::size_t size = element_bytes(piece);
  const std::size_t rows = shape[0], columns = shape[1];
  std::vector<std::byte> bytes(piece.stored.bytes.size());
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j)
      std::memcpy(bytes.data() + (j * rows + i) * size,
                  piece.stored.bytes.data() + (i * columns + j) * size, size);
  return piece_of({DType::f32, {shape[1], shape[0]}}, piece.stored.encoding, std::move(bytes));
}

OwnedWeight joined(std::span<const OwnedWeight> rows) {
  if (rows.size() == 1) return rows[0];
  TensorType type = rows[0].stored.type;
  type.shape[0] = 0;
  std::vector<std::byte> bytes;
  const Encoding encoding = rows[0].stored.encoding;
  const bool alike = std::ranges::all_of(
      rows, [&](const OwnedWeight& each) { return each.stored.encoding == encoding; });
  for (const OwnedWeight& each : rows) {
    const OwnedWeight part = alike ? each : piece_of(decode(each.stored));
    type.shape[0] += part.stored.type.shape[0];
    bytes.insert(bytes.end(), part.stored.bytes.begin(), part.stored.bytes.end());
  }
  return piece_of(std::move(type), alike ? encoding : Encoding::plain, std::move(bytes));
}

OwnedWeight recoded(const OwnedWeight& piece, Encoding encoding, const std::string& name,
                    ThreadPool* pool) {
  if (piece.stored.encoding == encoding) return piece;
  Tensor values = decode(piece.stored);
  if (encoding == Encoding::plain) return piece_of(std::move(values));
  if (!is_half(encoding)) {
    std::vector<std::byte> blocks = encode(values.view(), encoding, name, pool);
    return piece_of(values.type(), encoding, std::move(blocks));
  }
  std::vector<std::byte> bytes(values.raw().size() / 2);
  std::byte* at = bytes.data();
  for (const float value : values.span<float>()) {
    const std::uint16_t bits = to_half(value, encoding);
    if (std::isfinite(value) && !std::isfinite(from_half(bits, encoding)))
      throw Error(ErrorKind::invalid, name,
                  fmt::format("{} is too large for {}", value, pliant::name(encoding)),
                  "choose bf16 or f32");
    std::memcpy(std::exchange(at, at + 2), &bits, 2);
  }
  return piece_of(values.type(), encoding, std::move(bytes));
}

bool holds_exactly(const OwnedWeight& piece, Encoding encoding) {
  if (piece.stored.encoding == encoding) return true;
  const Tensor values = decode(piece.stored);
  return std::ranges::all_of(values.span<float>(), [&](float value) {
    const float back = from_half(to_half(value, encoding), encoding);
    return std::memcmp(&back, &value, sizeof value) == 0;
  });
}

}  // namespace pliant
