#include "formats/npy/npy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <cstring>

#include "core/checked.h"
#include "core/error.h"

namespace pliant {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t max_rank = 64;

constexpr std::array<std::pair<std::string_view, DType>, 12> types{{{"|b1", DType::boolean},
                                                                    {"|i1", DType::i8},
                                                                    {"|u1", DType::u8},
                                                                    {"<i2", DType::i16},
                                                                    {"<u2", DType::u16},
                                                                    {"<i4", DType::i32},
                                                                    {"<u4", DType::u32},
                                                                    {"<i8", DType::i64},
                                                                    {"<u8", DType::u64},
                                                                    {"<f2", DType::f16},
                                                                    {"<f4", DType::f32},
                                                                    {"<f8", DType::f64}}};

// The header is a Python dictionary of three known keys; reads it left to right.
class Header {
 public:
  Header(std::string_view text, std::size_t offset, std::string_view place)
      : text_(text), offset_(offset), place_(place) {
    expect('{');
    while (!accept('}')) {
      read_entry();
      accept(',');
    }
    if (!has_type_ || !has_shape_) fail("lacks 'descr' or 'shape'");
  }
  TensorType type;
  bool fortran = false;

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(ErrorKind::format, fmt::format("{}: byte {}", place_, offset_ + at_),
                "header " + problem);
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("lacks '{}'", c));
  }
  std::string_view quoted() {
    expect('\'');
    const std::size_t end = text_.find('\'', at_);
    if (end == std::string_view::npos) fail("has an open quote");
    const std::string_view result = text_.substr(at_, end - at_);
    at_ = end + 1;
    return result;
  }
  void read_entry() {
    const std::string_view key = quoted();
    expect(':');
    if (key == "descr") read_type();
    else if (key == "fortran_order") read_order();
    else if (key == "shape") read_shape();
    else fail(fmt::format("has an unknown key '{}'", key));
  }
  void read_type() {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '[')
      throw Error(ErrorKind::unsupported, std::string(place_),
                  "holds records, not one array of numbers");
    const std::string_view word = quoted();
    for (const auto& [name, dtype] : types)
      if (word.size() == name.size() && word.substr(1) == name.substr(1) &&
          (word[0] == name[0] || name[0] == '|')) {
        type.dtype = dtype;
        has_type_ = true;
        return;
      }
    throw Error(ErrorKind::unsupported, std::string(place_), fmt::format("element type '{}'", word),
                "save the array as float32 or int64, little endian");
  }
  void read_order() {
    skip_blanks();
    fortran = text_.substr(at_).starts_with("True");
    if (!fortran && !text_.substr(at_).starts_with("False"))
      fail("has no truth value in 'fortran_order'");
    at_ += fortran ? 4 : 5;
  }
  void read_shape() {
    expect('(');
    while (!accept(')')) {
      std::int64_t size = 0;
      skip_blanks();
      const auto [end, error] =
          std::from_chars(text_.data() + at_, text_.data() + text_.size(), size);
      if (error != std::errc() || size < 0 || type.shape.size() == max_rank)
        fail("has no valid size in 'shape'");
      at_ = end - text_.data();
      type.shape.push_back(size);
      if (!accept(',') && !text_.substr(at_).starts_with(')')) fail("has no valid 'shape'");
    }
    has_shape_ = true;
  }

  std::string_view text_;
  std::size_t offset_, at_ = 0;
  std::string_view place_;
  bool has_type_ = false, has_shape_ = false;
};

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// data in Fortran order: the first axis runs fastest.
void copy_transposed(const std::byte* data, const Tensor& tensor) {
  const Shape& shape = tensor.type().shape;
  const std::size_t size = size_of(tensor.type().dtype);
  std::vector<std::int64_t> step(shape.size(), 1), index(shape.size(), 0);
  for (std::size_t axis = 1; axis < shape.size(); ++axis)
    step[axis] = step[axis - 1] * shape[axis - 1];
  std::byte* out = tensor.view().data;
  for (std::int64_t i = 0, n = elements(shape); i < n; ++i, out += size) {
    std::int64_t from = 0;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) from += index[axis] * step[axis];
    std::memcpy(out, data + from * size, size);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

}  // namespace

bool looks_like_npy(std::span<const std::byte> bytes) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())
      .starts_with(magic);
}

Tensor tensor_from_npy(std::span<const std::byte> bytes, std::string_view place) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(magic))
    throw Error(ErrorKind::format, std::string(place), "is not a .npy file");
  const std::size_t length_size = text.size() > 6 && text[6] == 1 ? 2 : 4,
                    header_at = 8 + length_size;
  if (text.size() < header_at || text[6] < 1 || text[6] > 3)
    throw Error(ErrorKind::format, fmt::format("{}: byte 6", place),
                "is cut short or has an unknown version");
  const std::uint64_t length = little_endian(text.substr(8, length_size));
  if (length > text.size() - header_at)
    throw Error(ErrorKind::format, fmt::format("{}: byte 8", place),
                fmt::format("header of {} bytes in a file of {}", length, text.size()));
  const Header header(text.substr(header_at, length), header_at, place);
  const std::size_t data_at = header_at + length;
  const std::int64_t wanted = pliant::bytes(header.type), present = text.size() - data_at;
  if (wanted != present)
    throw Error(
        ErrorKind::format, fmt::format("{}: byte {}", place, data_at),
        fmt::format("{} need {} bytes, the file has {}", to_string(header.type), wanted, present));
  Tensor tensor(header.type);
  if (header.fortran && header.type.shape.size() > 1)
    copy_transposed(bytes.data() + data_at, tensor);
  else if (wanted > 0) std::memcpy(tensor.view().data, bytes.data() + data_at, wanted);
  return tensor;
}

std::string npy_bytes(const TensorView& tensor) {
  const DType dtype = tensor.type.dtype == DType::bf16 ? DType::f32 : tensor.type.dtype;
  std::string_view word;
  for (const auto& [name, each] : types)
    if (each == dtype) word = name;
  const Shape& shape = tensor.type.shape;
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                                   word, fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  header.resize(round_up(std::ssize(header) + 11, 64) - 11, ' ');
  header += '\n';
  std::string out(magic);
  out += {'\x01', '\x00', static_cast<char>(header.size() & 0xff),
          static_cast<char>(header.size() >> 8)};
  out += header;
  const std::int64_t count = elements(shape);
  if (tensor.type.dtype != DType::bf16)
    return out.append(reinterpret_cast<const char*>(tensor.data), count * size_of(dtype));
  for (std::int64_t i = 0; i < count; ++i) {
    const auto value = static_cast<float>(get(tensor, i));
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return out;
}

}  // namespace pliant
