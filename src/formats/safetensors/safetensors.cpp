#include "formats/safetensors/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "core/checked.h"
#include "core/error.h"
#include "core/files.h"
#include "core/json.h"

namespace pliant {
namespace {

using nlohmann::json;

constexpr std::uint64_t max_header = 100'000'000;  // the format's own limit
constexpr std::int64_t alignment = 64;
constexpr std::string_view pad_prefix = "pad.";

constexpr std::pair<DType, std::string_view> dtype_table[] = {
    {DType::f64, "F64"},     {DType::f32, "F32"}, {DType::f16, "F16"}, {DType::bf16, "BF16"},
    {DType::i64, "I64"},     {DType::i32, "I32"}, {DType::i16, "I16"}, {DType::i8, "I8"},
    {DType::u64, "U64"},     {DType::u32, "U32"}, {DType::u16, "U16"}, {DType::u8, "U8"},
    {DType::boolean, "BOOL"}};

class HeaderReader {
 public:
  HeaderReader(std::span<const std::byte> file, std::string_view place)
      : file_(file), place_(place) {}

  SafeTensors read() {
    std::string_view header = header_text();
    data_ = file_.subspan(8 + header.size());
    json root = parse_json(header, place_, 4);
    if (!root.is_object()) fail("the header is no JSON object");
    SafeTensors result;
    for (const auto& [name, entry] : root.items()) {
      if (name == "__metadata__") read_metadata(entry, result.metadata);
      else result.tensors.push_back(read_tensor(name, entry));
    }
    check_layout(result.tensors);
    return result;
  }

 private:
  [[noreturn]] void fail(std::string problem, ErrorKind kind = ErrorKind::format) const {
    throw Error(kind, std::string(place_), std::move(problem));
  }

  std::string_view header_text() const {
    if (file_.size() < 8) fail(fmt::format("{} bytes, at least 8 expected", file_.size()));
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < 8; ++i)
      length |= std::to_integer<std::uint64_t>(file_[i]) << (8 * i);
    if (length > max_header || length > file_.size() - 8)
      fail(fmt::format("byte 0: a header of {} bytes in a file of {}", length, file_.size()));
    return {reinterpret_cast<const char*>(file_.data()) + 8, static_cast<std::size_t>(length)};
  }

  void read_metadata(const json& entry, std::map<std::string, std::string>& metadata) const {
    if (!entry.is_object()) fail("__metadata__ is no object");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) fail(fmt::format("__metadata__: '{}' is no string", key));
      metadata.emplace(key, value.get<std::string>());
    }
  }

  std::int64_t size(const json& value, const std::string& name) const {
    bool whole = value.is_number_unsigned() && value.get<std::uint64_t>() <= INT64_MAX;
    if (!whole) fail(fmt::format("'{}': a size or offset is no whole number below 2^63", name));
    return value.get<std::int64_t>();
  }

  SafeTensor read_tensor(const std::string& name, const json& entry) const {
    bool complete = entry.is_object() && entry.size() == 3 && entry.contains("dtype") &&
                    entry["dtype"].is_string() && entry.contains("shape") &&
                    entry["shape"].is_array() && entry.contains("data_offsets") &&
                    entry["data_offsets"].is_array() && entry["data_offsets"].size() == 2;
    if (!complete) fail(fmt::format("'{}' is not {{dtype, shape, data_offsets}}", name));
    SafeTensor tensor{name, {}, {}};
    auto dtype = entry["dtype"].get<std::string>();
    auto known = std::find_if(std::begin(dtype_table), std::end(dtype_table),
                              [&](const auto& each) { return each.second == dtype; });
    if (known == std::end(dtype_table))
      fail(fmt::format("'{}': dtype {}", name, dtype), ErrorKind::unsupported);
    tensor.type.dtype = known->first;
    for (const json& each : entry["shape"]) tensor.type.shape.push_back(size(each, name));
    std::int64_t begin = size(entry["data_offsets"][0], name),
                 end = size(entry["data_offsets"][1], name);
    if (begin > end || static_cast<std::uint64_t>(end) > data_.size())
      fail(fmt::format("'{}': data from {} to {} of {}", name, begin, end, data_.size()));
    if (std::int64_t want = checked_bytes(tensor); want != end - begin)
      fail(fmt::format("'{}': {} takes {} bytes, {} given", name, to_string(tensor.type), want,
                       end - begin));
    tensor.bytes = data_.subspan(begin, end - begin);
    return tensor;
  }

  std::int64_t checked_bytes(const SafeTensor& tensor) const {
    try {
      return bytes(tensor.type);
    } catch (const Error& error) {
      fail(fmt::format("'{}': {}", tensor.name, error.problem()));
    }
  }

  void check_layout(std::vector<SafeTensor>& tensors) const {
    std::stable_sort(tensors.begin(), tensors.end(), [](const SafeTensor& a, const SafeTensor& b) {
      return std::pair(a.bytes.data(), a.bytes.size()) < std::pair(b.bytes.data(), b.bytes.size());
    });
    std::size_t at = 0;
    for (const SafeTensor& each : tensors) {
      std::size_t begin = each.bytes.data() - data_.data();
      if (begin != at)
        fail(fmt::format("'{}' begins at {}, {} expected: overlap or hole", each.name, begin, at));
      at += each.bytes.size();
    }
    if (at != data_.size()) fail(fmt::format("{} bytes of data, {} described", data_.size(), at));
  }

  std::span<const std::byte> file_, data_;
  std::string_view place_;
};

json header_entry(const TensorType& type, std::int64_t begin, std::int64_t end) {
  auto known = std::find_if(std::begin(dtype_table), std::end(dtype_table),
                            [&](const auto& each) { return each.first == type.dtype; });
  return {{"dtype", known->second}, {"shape", type.shape}, {"data_offsets", {begin, end}}};
}

std::string build_header(const SafeTensors& contents, std::string_view place, bool aligned) {
  json header = json::object();
  if (!contents.metadata.empty()) header["__metadata__"] = contents.metadata;
  std::int64_t at = 0;
  int pads = 0;
  auto append = [&](const std::string& name, const TensorType& type) {
    if (header.contains(name))
      throw Error(ErrorKind::invalid, std::string(place),
                  fmt::format("duplicate tensor '{}'", name));
    std::int64_t end = checked_add(at, bytes(type), place);
    header[name] = header_entry(type, at, end);
    at = end;
  };
  for (const SafeTensor& each : contents.tensors) {
    if (bytes(each.type) != std::ssize(each.bytes))
      throw Error(
          ErrorKind::invalid, std::string(place),
          fmt::format("'{}': {} in {} bytes", each.name, to_string(each.type), each.bytes.size()));
    append(each.name, each.type);
    if (aligned && at % alignment != 0)
      append(fmt::format("{}{}", pad_prefix, pads++), {DType::u8, {round_up(at, alignment) - at}});
  }
  try {
    std::string text = header.dump();
    text.resize(round_up(std::ssize(text) + 8, alignment) - 8, ' ');
    return text;
  } catch (const json::exception&) {
    throw Error(ErrorKind::invalid, std::string(place), "a name or metadata that is not UTF-8");
  }
}

}  // namespace

bool is_padding(const SafeTensor& tensor) {
  return tensor.name.starts_with(pad_prefix) && tensor.type.dtype == DType::u8 &&
         tensor.type.shape.size() == 1 && tensor.type.shape[0] < alignment;
}

SafeTensors read_safetensors(std::span<const std::byte> file, std::string_view place) {
  return HeaderReader(file, place).read();
}

WeightStore load_safetensors(const std::string& path) {
  auto file = std::make_shared<MappedFile>(path);
  WeightStore store;
  for (const SafeTensor& each : read_safetensors(file->bytes(), path).tensors)
    if (!is_padding(each)) store.add(each.name, {each.type, Encoding::plain, each.bytes}, file);
  return store;
}

void write_safetensors(const std::string& path, const SafeTensors& contents, bool aligned) {
  std::string header = build_header(contents, path, aligned);
  write_file(path, [&](std::ostream& out) {
    for (int i = 0; i < 8; ++i) out.put(static_cast<char>(header.size() >> (8 * i)));
    out << header;
    for (const SafeTensor& each : contents.tensors) {
      auto size = std::ssize(each.bytes);
      out.write(reinterpret_cast<const char*>(each.bytes.data()), size);
      for (std::int64_t i = size; aligned && i < round_up(size, alignment); ++i) out.put('\0');
    }
  });
}

}  // namespace pliant
