#include "compress/rounding.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/checked.h"
#include "core/error.h"
#include "quant/codec.h"

namespace pliant {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*')
    return matches(pattern.substr(1), text) || (!text.empty() && matches(pattern, text.substr(1)));
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
         matches(pattern.substr(1), text.substr(1));
}

constexpr std::array<std::string_view, 2> head_names{"output.weight", "lm_head.weight"};
constexpr std::array<std::string_view, 4> embedding_names{
    "token_embd.weight", "model.embed_tokens.weight", "transformer.wte.weight",
    "transformer.token_embeddings.weight"};
constexpr std::array<std::string_view, 4> sensitive_endings{
    "position_embd.weight", "token_types.weight", "ffn_gate_inp.weight", "wpe.weight"};

template <std::size_t count>
bool stands_in(std::string_view name, const std::array<std::string_view, count>& names) {
  return std::ranges::find(names, name) != names.end();
}

double bits(Encoding encoding) {
  const EncodingTraits& block = traits(encoding);
  if (encoding == Encoding::plain) return 32;
  return 8.0 * block.block_bytes / block.block_elements;
}

// The finer encoding of blocks of 32 that stands in where 256 do not fit.
Encoding with_small_blocks(Encoding encoding) {
  switch (encoding) {
    case Encoding::q2_k:
    case Encoding::q3_k:
    case Encoding::iq4_xs: return Encoding::iq4_nl;
    case Encoding::q4_k: return Encoding::q5_0;
    case Encoding::q5_k: return Encoding::q5_1;
    case Encoding::q6_k: return Encoding::q8_0;
    default: return encoding;
  }
}

std::optional<Encoding> fitting(Encoding encoding, std::int64_t last_axis) {
  for (const Encoding each : {encoding, with_small_blocks(encoding)})
    if (last_axis % traits(each).block_elements == 0) return each;
  return std::nullopt;
}

Encoding head_encoding(const RoundingOptions& options) {
  if (options.head) return *options.head;
  return bits(options.to) < bits(Encoding::q6_k) ? Encoding::q6_k : options.to;
}

// Values of any float type as f32.
Tensor to_f32(const Stored& stored) {
  const TensorType wanted{DType::f32, stored.type.shape};
  if (stored.type.dtype == DType::f16) return decode({wanted, Encoding::f16, stored.bytes});
  if (stored.type.dtype == DType::bf16) return decode({wanted, Encoding::bf16, stored.bytes});
  Tensor values = decode(stored);
  if (values.type().dtype == DType::f32) return values;
  Tensor result(wanted);
  for (std::int64_t i = 0; i < elements(wanted.shape); ++i)
    set(result.view(), i, get(values.view(), i));
  return result;
}

struct Squares {
  double error = 0, size = 0;
};

Squares squares_of(const float* values, const float* rounded, std::int64_t count) {
  Squares result;
  for (std::int64_t i = 0; i < count; ++i) {
    const double x = values[i], rest = x - rounded[i];
    result.error += rest * rest;
    result.size += x * x;
  }
  return result;
}

// In pieces of whole blocks that do not depend on the pool.
Squares error_of(const Tensor& values, std::span<const std::byte> bytes, Encoding encoding,
                 ThreadPool& pool) {
  constexpr std::int64_t piece = 65536;
  const std::int64_t count = elements(values.type().shape), pieces = ceil_div(count, piece);
  const EncodingTraits& block = traits(encoding);
  std::vector<Squares> sums(pieces);
  pool.parallel(pieces, [&](std::int64_t index, int) {
    const std::int64_t first = index * piece, size = std::min(piece, count - first);
    std::vector<float> rounded(size);
    decode_blocks(encoding, bytes.data() + first / block.block_elements * block.block_bytes, size,
                  rounded.data());
    sums[index] = squares_of(values.view().as<float>() + first, rounded.data(), size);
  });
  Squares total;
  for (const Squares& each : sums) total = {total.error + each.error, total.size + each.size};
  return total;
}

}  // namespace

std::vector<std::optional<Encoding>> choose_encodings(const std::vector<GgufTensor>& tensors,
                                                      const RoundingOptions& options) {
  const bool own_head = std::ranges::any_of(
      tensors, [](const GgufTensor& each) { return stands_in(each.name, head_names); });
  const auto is_head = [&](const std::string& name) {
    return own_head ? stands_in(name, head_names) : stands_in(name, embedding_names);
  };
  const auto choose = [&](const GgufTensor& each) -> std::optional<Encoding> {
    const TensorType& type = each.stored.type;
    const auto named = [&](const std::string& pattern) { return matches(pattern, each.name); };
    const auto ends = [&](std::string_view ending) { return each.name.ends_with(ending); };
    if (!is_float(type.dtype) || type.shape.size() < 2 || elements(type.shape) == 0)
      return std::nullopt;
    if (std::ranges::any_of(options.keep, named) || std::ranges::any_of(sensitive_endings, ends))
      return std::nullopt;
    return fitting(is_head(each.name) ? head_encoding(options) : options.to, type.shape.back());
  };
  std::vector<std::optional<Encoding>> result;
  for (const GgufTensor& each : tensors) result.push_back(choose(each));
  return result;
}

Rounded round_weight(const Stored& stored, Encoding to, std::string_view place, ThreadPool& pool) {
  const Tensor values = to_f32(stored);
  Rounded result{encode(values.view(), to, place, &pool), 0, 0};
  if (to == Encoding::plain) return result;
  const Squares squares = error_of(values, result.bytes, to, pool);
  result.error = squares.error;
  result.size = squares.size;
  return result;
}

double relative_error(double error, double size) { return size > 0 ? std::sqrt(error / size) : 0; }

}  // namespace pliant
