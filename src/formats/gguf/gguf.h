// GGUF files, versions 2 and 3: typed metadata and tensors of any block encoding. docs/formats.md
// says what is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/tensor.h"
#include "quant/store.h"

namespace pliant {

// Arrays of numbers and truth values; arrays of strings; arrays of arrays are refused. All integers
// of one array share the type that the file gives.
struct GgufArray {
  std::variant<std::vector<std::uint8_t>, std::vector<std::int8_t>, std::vector<std::uint16_t>,
               std::vector<std::int16_t>, std::vector<std::uint32_t>, std::vector<std::int32_t>,
               std::vector<std::uint64_t>, std::vector<std::int64_t>, std::vector<float>,
               std::vector<double>, std::vector<bool>, std::vector<std::string>>
      items;
  bool operator==(const GgufArray&) const = default;
};

using GgufValue = std::variant<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t,
                               std::uint32_t, std::int32_t, float, bool, std::string, GgufArray,
                               std::uint64_t, std::int64_t, double>;

struct GgufTensor {
  std::string name;
  Stored stored;  // shape outermost first, as everywhere here (the file has it innermost first)
};

struct Gguf {
  std::uint32_t version = 3;
  // in the file's order; keys are distinct
  std::vector<std::pair<std::string, GgufValue>> metadata;
  // in the file's order; names are distinct
  std::vector<GgufTensor> tensors;

  const GgufValue* find(std::string_view key) const;  // null if absent
  // The value of `key` as the asked type; any integer type serves for integer(), any number for
  // number(). Throws Error{not_found} if absent, Error{format} if of another type, naming the key.
  std::int64_t integer(std::string_view key) const;
  double number(std::string_view key) const;
  bool truth(std::string_view key) const;
  const std::string& text(std::string_view key) const;
  // an integer array; one integer is an array of one
  std::vector<std::int64_t> integers(std::string_view key) const;
  std::vector<double> numbers(std::string_view key) const;
  const std::vector<std::string>& texts(std::string_view key) const;
};

bool is_gguf(std::span<const std::byte> file);

// general.file_type: what most elements of these tensors are written as, by llama.cpp's numbers. Of
// the numbers that it has for mixtures the one of the plainest ("Q4_K - Small"). Only types and
// encodings are looked at.
std::uint32_t gguf_file_type(const std::vector<GgufTensor>& tensors);

// Tensor bytes point into `file`. Throws Error{format} naming the byte: a cut file, counts and
// lengths that the file cannot hold, keys or tensors given twice, data outside of the file or
// overlapping, sizes that overflow. Error{unsupported}: version 1, big-endian files, tensor types
// we do not have (by number).
Gguf read_gguf(std::span<const std::byte> file, std::string_view place);

// Writes version 3, whole or not at all; data aligned to general.alignment (32 without that key).
// f32 encoded as F16 or BF16 reads back as the plain type. Throws Error{invalid} for keys or
// tensors given twice and wrong byte counts, Error{unsupported} for element types that GGUF lacks
// and more than four axes.
void write_gguf(const std::string& path, const Gguf& contents);

// The same with bytes made one tensor at a time: `source` calls `put` once with those of tensor
// `index`; the bytes in `contents` are not read.
using GgufPut = std::function<void(std::span<const std::byte> bytes)>;
using GgufSource = std::function<void(std::size_t index, const GgufPut& put)>;
void write_gguf(const std::string& path, const Gguf& contents, const GgufSource& source);

}  // namespace pliant
