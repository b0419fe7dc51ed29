#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <unordered_set>

#include "core/checked.h"
#include "core/error.h"
#include "formats/gguf/gguf.h"
#include "formats/gguf/types.h"

namespace pliant {
namespace {

using namespace gguf;

// Smallest number of bytes that a metadata entry and a tensor's description can take: what bounds
// their counts.
constexpr std::uint64_t least_entry = 13, least_description = 24;

// A little-endian cursor; every failure names the byte.
class Cursor {
 public:
  Cursor(std::span<const std::byte> file, std::string_view place) : file_(file), place_(place) {}

  [[noreturn]] void fail(std::size_t at, const std::string& problem,
                         ErrorKind kind = ErrorKind::format) const {
    throw Error(kind, std::string(place_), fmt::format("byte {}: {}", at, problem));
  }

  std::size_t at() const { return at_; }
  std::size_t left() const { return file_.size() - at_; }

  template <typename T>
  T take() {
    need(sizeof(T));
    T value;
    std::memcpy(&value, file_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  bool take_truth() {
    const auto value = take<std::uint8_t>();
    if (value > 1) fail(at_ - 1, fmt::format("a truth value of {}", value));
    return value != 0;
  }

  std::string_view take_text() {
    const auto start = at_;
    const auto size = take<std::uint64_t>();
    if (size > left()) fail(start, fmt::format("a string of {} bytes, {} are left", size, left()));
    const auto* data = reinterpret_cast<const char*>(file_.data()) + at_;
    at_ += size;
    return {data, static_cast<std::size_t>(size)};
  }

  // A count of things that take at least `least` bytes each.
  std::size_t take_count(std::uint64_t least, std::string_view what) {
    const auto start = at_;
    const auto count = take<std::uint64_t>();
    if (count > left() / least)
      fail(start, fmt::format("{} {}, {} bytes are left", count, what, left()));
    return count;
  }

  template <typename T>
  std::vector<T> take_numbers(std::size_t count) {
    std::vector<T> items(count);
    if (count > 0) std::memcpy(items.data(), file_.data() + at_, count * sizeof(T));
    at_ += count * sizeof(T);
    return items;
  }

 private:
  void need(std::size_t size) const {
    if (size > left()) fail(at_, fmt::format("the file ends, {} more bytes expected", size));
  }

  std::span<const std::byte> file_;
  std::string_view place_;
  std::size_t at_ = 0;
};

class Reader {
 public:
  Reader(std::span<const std::byte> file, std::string_view place)
      : file_(file), place_(place), in_(file, place) {}

  Gguf read() {
    Gguf result;
    result.version = read_version();
    const std::size_t tensors = in_.take_count(least_description, "tensors");
    const std::size_t entries = in_.take_count(least_entry, "metadata entries");
    result.metadata.reserve(entries);
    for (std::size_t i = 0; i < entries; ++i) read_entry(result.metadata);
    std::vector<Description> descriptions;
    descriptions.reserve(tensors);
    for (std::size_t i = 0; i < tensors; ++i) descriptions.push_back(read_description());
    const std::size_t data = data_start(tensors);
    for (const Description& each : descriptions)
      result.tensors.push_back({std::string(each.name), place_in_file(each, data)});
    check_overlap(descriptions);
    return result;
  }

 private:
  struct Description {
    std::string_view name;
    TensorType type;
    Encoding encoding = Encoding::plain;
    std::uint64_t offset = 0, bytes = 0;
    std::size_t at = 0;  // where it stands in the file
  };

  std::uint32_t read_version() {
    if (!is_gguf(file_)) in_.fail(0, "no GGUF file: it does not begin with \"GGUF\"");
    in_.take<std::uint32_t>();
    const auto version = in_.take<std::uint32_t>();
    if (version != 0 && (version & 0xffffU) == 0)
      in_.fail(4, "a big-endian GGUF file", ErrorKind::unsupported);
    if (version < 2 || version > 3)
      in_.fail(4, fmt::format("GGUF version {}; versions 2 and 3 are read", version),
               ErrorKind::unsupported);
    return version;
  }

  void read_entry(std::vector<std::pair<std::string, GgufValue>>& metadata) {
    const std::size_t start = in_.at();
    const std::string_view key = in_.take_text();
    if (key.empty()) in_.fail(start, "a key without a name");
    if (!keys_.insert(key).second) in_.fail(start, fmt::format("duplicate key '{}'", key));
    metadata.emplace_back(std::string(key), read_value());
    if (key == alignment_key) read_alignment(metadata.back().second, start);
  }

  void read_alignment(const GgufValue& value, std::size_t start) {
    const auto* number = std::get_if<std::uint32_t>(&value);
    if (number == nullptr || *number == 0 || (*number & (*number - 1)) != 0)
      in_.fail(start, fmt::format("{} is no u32 that is a power of two", alignment_key));
    alignment_ = *number;
  }

  std::uint32_t read_value_type() {
    const auto number = in_.take<std::uint32_t>();
    if (number >= value_types)
      in_.fail(in_.at() - 4, fmt::format("a value of unknown type {}", number));
    return number;
  }

  GgufValue read_value() {
    switch (static_cast<ValueType>(read_value_type())) {
      case ValueType::u8: return in_.take<std::uint8_t>();
      case ValueType::i8: return in_.take<std::int8_t>();
      case ValueType::u16: return in_.take<std::uint16_t>();
      case ValueType::i16: return in_.take<std::int16_t>();
      case ValueType::u32: return in_.take<std::uint32_t>();
      case ValueType::i32: return in_.take<std::int32_t>();
      case ValueType::f32: return in_.take<float>();
      case ValueType::boolean: return in_.take_truth();
      case ValueType::string: return std::string(in_.take_text());
      case ValueType::array: return read_array();
      case ValueType::u64: return in_.take<std::uint64_t>();
      case ValueType::i64: return in_.take<std::int64_t>();
      case ValueType::f64: return in_.take<double>();
    }
    in_.fail(in_.at(), "a value of unknown type");
  }

  GgufArray read_array() {
    switch (static_cast<ValueType>(read_value_type())) {
      case ValueType::u8: return read_numbers<std::uint8_t>();
      case ValueType::i8: return read_numbers<std::int8_t>();
      case ValueType::u16: return read_numbers<std::uint16_t>();
      case ValueType::i16: return read_numbers<std::int16_t>();
      case ValueType::u32: return read_numbers<std::uint32_t>();
      case ValueType::i32: return read_numbers<std::int32_t>();
      case ValueType::f32: return read_numbers<float>();
      case ValueType::boolean: return read_truths();
      case ValueType::string: return read_texts();
      case ValueType::array: in_.fail(in_.at() - 4, "an array of arrays");
      case ValueType::u64: return read_numbers<std::uint64_t>();
      case ValueType::i64: return read_numbers<std::int64_t>();
      case ValueType::f64: return read_numbers<double>();
    }
    in_.fail(in_.at(), "an array of unknown type");
  }

  template <typename T>
  GgufArray read_numbers() {
    const std::size_t count = in_.take_count(sizeof(T), "numbers");
    return {in_.take_numbers<T>(count)};
  }

  GgufArray read_truths() {
    std::vector<bool> items(in_.take_count(1, "truth values"));
    for (std::size_t i = 0; i < items.size(); ++i) items[i] = in_.take_truth();
    return {std::move(items)};
  }

  GgufArray read_texts() {
    const std::size_t count = in_.take_count(sizeof(std::uint64_t), "strings");
    std::vector<std::string> items;
    items.reserve(count);
    for (std::size_t i = 0; i < count; ++i) items.emplace_back(in_.take_text());
    return {std::move(items)};
  }

  Description read_description() {
    Description result;
    result.at = in_.at();
    result.name = in_.take_text();
    if (!names_.insert(result.name).second)
      in_.fail(result.at, fmt::format("duplicate tensor '{}'", result.name));
    const auto axes = in_.take<std::uint32_t>();
    if (axes > max_axes)
      in_.fail(in_.at() - 4, fmt::format("tensor '{}' with {} axes", result.name, axes));
    for (std::uint32_t i = 0; i < axes; ++i) {
      const auto size = in_.take<std::uint64_t>();
      if (size > INT64_MAX)
        in_.fail(in_.at() - 8, fmt::format("tensor '{}' with an axis of {}", result.name, size));
      result.type.shape.insert(result.type.shape.begin(), size);
    }
    const auto number = in_.take<std::uint32_t>();
    const TensorKind* kind = kind_from_number(number);
    if (kind == nullptr)
      in_.fail(in_.at() - 4, fmt::format("tensor '{}' of type {}", result.name, number),
               ErrorKind::unsupported);
    result.type.dtype = kind->dtype;
    result.encoding = kind->encoding;
    result.bytes = checked_bytes(result);
    result.offset = in_.take<std::uint64_t>();
    return result;
  }

  std::uint64_t checked_bytes(const Description& tensor) const {
    try {
      return static_cast<std::uint64_t>(encoded_bytes(tensor.type, tensor.encoding));
    } catch (const Error& error) {
      in_.fail(tensor.at, fmt::format("tensor '{}': {}", tensor.name, error.problem()));
    }
  }

  // A file of metadata alone may end without the padding before the data.
  std::size_t data_start(std::size_t tensors) const {
    const std::size_t start = round_up(static_cast<std::int64_t>(in_.at()), alignment_);
    if (tensors > 0 && start > file_.size())
      in_.fail(in_.at(), "the file ends before the tensors' data");
    return start;
  }

  Stored place_in_file(const Description& tensor, std::size_t data) const {
    if (tensor.offset % alignment_ != 0)
      in_.fail(tensor.at, fmt::format("tensor '{}': offset {} is no multiple of {}", tensor.name,
                                      tensor.offset, alignment_));
    const std::uint64_t space = file_.size() - data;
    if (tensor.offset > space || tensor.bytes > space - tensor.offset)
      in_.fail(tensor.at, fmt::format("tensor '{}': {} bytes at {} of the data, which has {}",
                                      tensor.name, tensor.bytes, tensor.offset, space));
    return {tensor.type, tensor.encoding, file_.subspan(data + tensor.offset, tensor.bytes)};
  }

  void check_overlap(std::vector<Description>& tensors) const {
    std::erase_if(tensors, [](const Description& each) { return each.bytes == 0; });
    std::ranges::sort(tensors, {}, &Description::offset);
    for (std::size_t i = 1; i < tensors.size(); ++i)
      if (tensors[i - 1].offset + tensors[i - 1].bytes > tensors[i].offset)
        in_.fail(tensors[i].at, fmt::format("the data of tensors '{}' and '{}' overlap",
                                            tensors[i - 1].name, tensors[i].name));
  }

  std::span<const std::byte> file_;
  std::string_view place_;
  Cursor in_;
  std::uint32_t alignment_ = default_alignment;
  std::unordered_set<std::string_view> keys_, names_;  // point into the file
};

}  // namespace

bool is_gguf(std::span<const std::byte> file) {
  return file.size() >= magic.size() && std::memcmp(file.data(), magic.data(), magic.size()) == 0;
}

Gguf read_gguf(std::span<const std::byte> file, std::string_view place) {
  return Reader(file, place).read();
}

}  // namespace pliant
