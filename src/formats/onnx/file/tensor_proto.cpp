#ifndef ONNX_ML
#define ONNX_ML 1  // as the distribution builds its library
#endif
#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "formats/onnx/file/proto.h"

namespace pliant::onnx {

namespace {

using ::onnx::TensorProto;

struct TypePair {
  DType dtype;
  std::int32_t onnx;
};
constexpr TypePair type_pairs[] = {
    {DType::f32, TensorProto::FLOAT},    {DType::f64, TensorProto::DOUBLE},
    {DType::f16, TensorProto::FLOAT16},  {DType::bf16, TensorProto::BFLOAT16},
    {DType::i8, TensorProto::INT8},      {DType::u8, TensorProto::UINT8},
    {DType::i16, TensorProto::INT16},    {DType::u16, TensorProto::UINT16},
    {DType::i32, TensorProto::INT32},    {DType::u32, TensorProto::UINT32},
    {DType::i64, TensorProto::INT64},    {DType::u64, TensorProto::UINT64},
    {DType::boolean, TensorProto::BOOL},
};

Shape shape_of(const TensorProto& proto, std::string_view place) {
  Shape shape(proto.dims().begin(), proto.dims().end());
  for (auto size : shape)
    if (size < 0)
      throw Error(ErrorKind::format, std::string(place), fmt::format("a size is {}", size));
  return shape;
}

void expect_count(std::int64_t have, std::int64_t want, const TensorType& type,
                  std::string_view what, std::string_view place) {
  if (have == want) return;
  throw Error(ErrorKind::format, std::string(place),
              fmt::format("{} needs {} {}, the file has {}", to_string(type), want, what, have));
}

void copy_bytes(const Tensor& tensor, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(tensor.view().data, bytes.data(), bytes.size());
  if (tensor.type().dtype != DType::boolean) return;
  for (auto& each : tensor.view().span<std::uint8_t>()) each = each != 0;
}

// Elements of one of protobuf's repeated number fields, which are wider than the type they stand
// for.
template <typename Field>
Tensor from_field(const Field& field, const TensorType& type, std::string_view place) {
  expect_count(field.size(), elements(type.shape), type, "elements", place);
  Tensor tensor(type);
  const bool bits = type.dtype == DType::f16 || type.dtype == DType::bf16;
  for (int i = 0; i < field.size(); ++i) {
    if (bits) tensor.view().as<std::uint16_t>()[i] = static_cast<std::uint16_t>(field.Get(i));
    else if (is_float(type.dtype)) set(tensor.view(), i, static_cast<double>(field.Get(i)));
    else set_int(tensor.view(), i, field.Get(i));
  }
  return tensor;
}

Tensor from_fields(const TensorProto& proto, const TensorType& type, std::string_view place) {
  if (elements(type.shape) == 0) return Tensor(type);
  switch (type.dtype) {
    case DType::f32: return from_field(proto.float_data(), type, place);
    case DType::f64: return from_field(proto.double_data(), type, place);
    case DType::i64: return from_field(proto.int64_data(), type, place);
    case DType::u32:
    case DType::u64: return from_field(proto.uint64_data(), type, place);
    default: return from_field(proto.int32_data(), type, place);
  }
}

bool has_fields(const TensorProto& proto) {
  return proto.float_data_size() > 0 || proto.int32_data_size() > 0 ||
         proto.int64_data_size() > 0 || proto.double_data_size() > 0 ||
         proto.uint64_data_size() > 0;
}

std::int64_t number(const std::string& text, std::string_view key, std::string_view place) {
  std::int64_t value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || value < 0)
    throw Error(ErrorKind::format, std::string(place),
                fmt::format("external data: {} is '{}'", key, text));
  return value;
}

struct Extent {
  std::string location;
  std::int64_t offset = 0, length = -1;
};

Extent extent_of(const TensorProto& proto, std::string_view place) {
  Extent extent;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") extent.location = entry.value();
    if (entry.key() == "offset") extent.offset = number(entry.value(), "offset", place);
    if (entry.key() == "length") extent.length = number(entry.value(), "length", place);
  }
  if (extent.location.empty())
    throw Error(ErrorKind::format, std::string(place), "external data without a location");
  return extent;
}

void read_external(NamedTensor& into, const TensorProto& proto, ExternalData& external,
                   std::string_view place) {
  const Extent extent = extent_of(proto, place);
  const MappedFile* file = external.file(extent.location, place);
  if (!file) {
    into.problem = fmt::format("its data file '{}' does not exist", extent.location);
    into.absent = true;
    return;
  }
  const auto all = file->text();
  const std::int64_t want = bytes(into.type), size = std::ssize(all);
  if (extent.length >= 0) expect_count(extent.length, want, into.type, "bytes", place);
  if (extent.offset > size || want > size - extent.offset)
    throw Error(ErrorKind::format, std::string(place),
                fmt::format("external data: bytes {}+{} of '{}', which has {}", extent.offset, want,
                            extent.location, size));
  Tensor tensor(into.type);
  copy_bytes(tensor, all.substr(extent.offset, want));
  into.tensor = std::make_shared<const Tensor>(std::move(tensor));
}

}  // namespace

std::optional<DType> dtype_of(std::int64_t onnx_type) {
  for (const auto& pair : type_pairs)
    if (pair.onnx == onnx_type) return pair.dtype;
  return std::nullopt;
}

std::int32_t onnx_type_of(DType dtype) {
  for (const auto& pair : type_pairs)
    if (pair.dtype == dtype) return pair.onnx;
  return TensorProto::UNDEFINED;
}

const MappedFile* ExternalData::file(const std::string& location, std::string_view place) {
  namespace fs = std::filesystem;
  if (auto found = files_.find(location); found != files_.end()) return found->second.get();
  const auto refuse = [&](const char* why) {
    throw Error(ErrorKind::format, std::string(place),
                fmt::format("external data '{}': {}", location, why));
  };
  if (folder_.empty()) refuse("only a model that is read from a file can have data files");
  std::error_code code;
  const fs::path root = fs::weakly_canonical(folder_, code);
  const fs::path path = fs::weakly_canonical(root / location, code);
  if (code || fs::path(location).is_absolute()) refuse("not a path relative to the model");
  if (std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first != root.end())
    refuse("leaves the model's folder");
  auto& slot = files_[location];
  if (fs::exists(path, code)) {
    if (!fs::is_regular_file(path, code)) refuse("not a regular file");
    slot = std::make_unique<MappedFile>(path.string());
  }
  return slot.get();
}

NamedTensor decode_tensor(const TensorProto& proto, ExternalData& external,
                          std::string_view place) {
  NamedTensor result;
  result.name = proto.name();
  const std::string where = fmt::format("{}: tensor '{}'", place, proto.name());
  const auto dtype = dtype_of(proto.data_type());
  if (!dtype) {
    result.problem = fmt::format("its elements are of ONNX type {}, which has no counterpart here",
                                 proto.data_type());
    return result;
  }
  if (proto.has_segment()) throw Error(ErrorKind::unsupported, where, "stored in segments");
  result.type = {*dtype, shape_of(proto, where)};
  const std::int64_t size = bytes(result.type);  // throws on overflow, before anything is allocated
  if (proto.data_location() == TensorProto::EXTERNAL) {
    read_external(result, proto, external, where);
    return result;
  }
  // stripped, to share a network without its weights
  if (size > 0 && !proto.has_raw_data() && !has_fields(proto)) {
    result.problem = "the file holds no data for it";
    result.absent = true;
    return result;
  }
  if (!proto.has_raw_data()) {
    result.tensor = std::make_shared<const Tensor>(from_fields(proto, result.type, where));
    return result;
  }
  expect_count(std::ssize(proto.raw_data()), size, result.type, "bytes", where);
  Tensor tensor(result.type);
  copy_bytes(tensor, proto.raw_data());
  result.tensor = std::make_shared<const Tensor>(std::move(tensor));
  return result;
}

void encode_tensor(const Tensor& tensor, TensorProto& proto) {
  for (auto size : tensor.type().shape) proto.add_dims(size);
  proto.set_data_type(onnx_type_of(tensor.type().dtype));
  const auto raw = tensor.raw();
  proto.set_raw_data(raw.data(), raw.size());
}

}  // namespace pliant::onnx
