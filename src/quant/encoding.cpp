#include "quant/encoding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

#include "core/checked.h"
#include "core/error.h"
#include "core/ids.h"

namespace pliant {
namespace {

constexpr ByEnum<Encoding, EncodingTraits, encoding_count> table{{{{"plain", 1, 0},
                                                                   {"Q8_0", 32, 34},
                                                                   {"Q4_0", 32, 18},
                                                                   {"Q4_1", 32, 20},
                                                                   {"Q5_0", 32, 22},
                                                                   {"Q5_1", 32, 24},
                                                                   {"Q2_K", 256, 84},
                                                                   {"Q3_K", 256, 110},
                                                                   {"Q4_K", 256, 144},
                                                                   {"Q5_K", 256, 176},
                                                                   {"Q6_K", 256, 210},
                                                                   {"IQ4_NL", 32, 18},
                                                                   {"IQ4_XS", 256, 136},
                                                                   {"MXFP4", 32, 17},
                                                                   {"F16", 1, 2},
                                                                   {"BF16", 1, 2}}}};

std::string known_names() {
  std::vector<std::string_view> names;
  for (const EncodingTraits& each : table) names.push_back(each.name);
  return fmt::format("known: {}", fmt::join(names, ", "));
}

}  // namespace

const EncodingTraits& traits(Encoding encoding) { return table[encoding]; }
std::string_view name(Encoding encoding) { return traits(encoding).name; }

Encoding encoding_from_name(std::string_view name) {
  if (const auto found = table.find([&](const EncodingTraits& each) { return each.name == name; }))
    return *found;
  throw Error(ErrorKind::format, "encoding", fmt::format("unknown name \"{}\"", name),
              known_names());
}

std::int64_t encoded_bytes(const TensorType& type, Encoding encoding, std::string_view place) {
  const EncodingTraits& block = traits(encoding);
  const std::int64_t count = elements(type.shape);
  if (encoding == Encoding::plain) return checked_multiply(count, size_of(type.dtype), place);
  if (type.dtype != DType::f32)
    throw Error(
        ErrorKind::invalid, std::string(place),
        fmt::format("{} as {}: only f32 is written in blocks", to_string(type), block.name));
  if (block.block_elements > 1 &&
      (type.shape.empty() || type.shape.back() % block.block_elements != 0))
    throw Error(ErrorKind::invalid, std::string(place),
                fmt::format("{} as {}: the last axis is no multiple of {}", to_string(type),
                            block.name, block.block_elements));
  return checked_multiply(count / block.block_elements, block.block_bytes, place);
}

}  // namespace pliant
