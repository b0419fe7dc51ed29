#include <fmt/format.h>

#include <set>

#include "core/checked.h"
#include "core/error.h"
#include "core/files.h"
#include "formats/gguf/gguf.h"
#include "formats/gguf/types.h"

namespace pliant {
namespace {

using namespace gguf;

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint64_t>(text.size()));
  out += text;
}

void put_type(std::string& out, ValueType type) { put(out, static_cast<std::uint32_t>(type)); }

template <typename T>
constexpr ValueType value_type() {
  if constexpr (std::is_same_v<T, std::uint8_t>) return ValueType::u8;
  else if constexpr (std::is_same_v<T, std::int8_t>) return ValueType::i8;
  else if constexpr (std::is_same_v<T, std::uint16_t>) return ValueType::u16;
  else if constexpr (std::is_same_v<T, std::int16_t>) return ValueType::i16;
  else if constexpr (std::is_same_v<T, std::uint32_t>) return ValueType::u32;
  else if constexpr (std::is_same_v<T, std::int32_t>) return ValueType::i32;
  else if constexpr (std::is_same_v<T, float>) return ValueType::f32;
  else if constexpr (std::is_same_v<T, bool>) return ValueType::boolean;
  else if constexpr (std::is_same_v<T, std::string>) return ValueType::string;
  else if constexpr (std::is_same_v<T, std::uint64_t>) return ValueType::u64;
  else if constexpr (std::is_same_v<T, std::int64_t>) return ValueType::i64;
  else if constexpr (std::is_same_v<T, double>) return ValueType::f64;
  else return ValueType::array;
}

template <typename T>
void put_item(std::string& out, const T& item) {
  if constexpr (std::is_same_v<T, std::string>) put_text(out, item);
  else if constexpr (std::is_same_v<T, bool>) put(out, static_cast<std::uint8_t>(item));
  else put(out, item);
}

void put_array(std::string& out, const GgufArray& array) {
  std::visit(
      [&]<typename T>(const std::vector<T>& items) {
        put_type(out, value_type<T>());
        put(out, static_cast<std::uint64_t>(items.size()));
        for (const T& item : items) put_item<T>(out, item);
      },
      array.items);
}

void put_value(std::string& out, const GgufValue& value) {
  std::visit(
      [&]<typename T>(const T& item) {
        put_type(out, value_type<T>());
        if constexpr (std::is_same_v<T, GgufArray>) put_array(out, item);
        else put_item(out, item);
      },
      value);
}

std::uint32_t alignment_of(const Gguf& contents, std::string_view place) {
  const GgufValue* value = contents.find(alignment_key);
  if (value == nullptr) return default_alignment;
  const auto* number = std::get_if<std::uint32_t>(value);
  if (number == nullptr || *number == 0 || (*number & (*number - 1)) != 0)
    throw Error(ErrorKind::invalid, std::string(place),
                fmt::format("{} is no u32 that is a power of two", alignment_key));
  return *number;
}

std::string tensor_place(std::string_view place, const GgufTensor& tensor) {
  return fmt::format("{}: tensor '{}'", place, tensor.name);
}

std::int64_t bytes_of(const GgufTensor& tensor, std::string_view place) {
  return encoded_bytes(tensor.stored.type, tensor.stored.encoding, tensor_place(place, tensor));
}

void put_description(std::string& out, const GgufTensor& tensor, std::int64_t offset,
                     std::string_view place) {
  const TensorType& type = tensor.stored.type;
  const TensorKind* kind = kind_of(type.dtype, tensor.stored.encoding);
  if (kind == nullptr)
    throw Error(ErrorKind::unsupported, tensor_place(place, tensor),
                fmt::format("GGUF has no type for {}", to_string(type)));
  if (type.shape.size() > max_axes)
    throw Error(ErrorKind::unsupported, tensor_place(place, tensor),
                fmt::format("{} axes, GGUF has {} at most", type.shape.size(), max_axes));
  put_text(out, tensor.name);
  put(out, static_cast<std::uint32_t>(type.shape.size()));
  for (auto axis = type.shape.rbegin(); axis != type.shape.rend(); ++axis)
    put(out, static_cast<std::uint64_t>(*axis));
  put(out, kind->number);
  put(out, static_cast<std::uint64_t>(offset));
}

void check_distinct(const Gguf& contents, std::string_view place) {
  std::set<std::string_view> keys, names;
  for (const auto& [key, value] : contents.metadata)
    if (key.empty() || !keys.insert(key).second)
      throw Error(ErrorKind::invalid, std::string(place),
                  fmt::format("the key '{}' is empty or a duplicate", key));
  for (const GgufTensor& each : contents.tensors)
    if (!names.insert(each.name).second)
      throw Error(ErrorKind::invalid, std::string(place),
                  fmt::format("duplicate tensor '{}'", each.name));
}

std::string build_header(const Gguf& contents, std::uint32_t alignment, std::string_view place) {
  std::string header(magic);
  put(header, std::uint32_t{3});
  put(header, static_cast<std::uint64_t>(contents.tensors.size()));
  put(header, static_cast<std::uint64_t>(contents.metadata.size()));
  for (const auto& [key, value] : contents.metadata) {
    put_text(header, key);
    put_value(header, value);
  }
  std::int64_t offset = 0;
  for (const GgufTensor& each : contents.tensors) {
    put_description(header, each, offset, place);
    offset = checked_add(offset, round_up(bytes_of(each, place), alignment), place);
  }
  return header;
}

}  // namespace

void write_gguf(const std::string& path, const Gguf& contents, const GgufSource& source) {
  check_distinct(contents, path);
  const std::uint32_t alignment = alignment_of(contents, path);
  const std::string header = build_header(contents, alignment, path);
  write_file(path, [&](std::ostream& out) {
    const auto pad = [&](std::int64_t size) {
      for (std::int64_t i = size; i < round_up(size, alignment); ++i) out.put('\0');
    };
    out << header;
    pad(std::ssize(header));
    for (std::size_t i = 0; i < contents.tensors.size(); ++i) {
      const GgufTensor& tensor = contents.tensors[i];
      const std::int64_t wanted = bytes_of(tensor, path);
      source(i, [&](std::span<const std::byte> bytes) {
        if (std::cmp_not_equal(bytes.size(), wanted))
          throw Error(
              ErrorKind::invalid, tensor_place(path, tensor),
              fmt::format("{} as {} takes {} bytes, {} given", to_string(tensor.stored.type),
                          name(tensor.stored.encoding), wanted, bytes.size()));
        out.write(reinterpret_cast<const char*>(bytes.data()), wanted);
      });
      pad(wanted);
    }
  });
}

void write_gguf(const std::string& path, const Gguf& contents) {
  write_gguf(path, contents, [&](std::size_t index, const GgufPut& put) {
    put(contents.tensors[index].stored.bytes);
  });
}

}  // namespace pliant
