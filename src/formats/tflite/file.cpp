#include "formats/tflite/file.h"

#include <flatbuffers/flatbuffers.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/error.h"

namespace pliant::tflite {
namespace {

using Builder = flatbuffers::FlatBufferBuilder;
template <typename T>
using Offset = flatbuffers::Offset<T>;
using Table = Offset<flatbuffers::Table>;
template <typename T>
using Vector = Offset<flatbuffers::Vector<T>>;

constexpr std::int64_t most_bytes = 2'000'000'000;

// Numbers of the fields of each table.
namespace field {
namespace model {
enum { version, codes, subgraphs, description, buffers };
}
namespace code {
enum { old_code, custom, version, code };
}
namespace subgraph {
enum { tensors, inputs, outputs, operators, name };
}
namespace tensor {
enum { shape, type, buffer, name };
}
namespace op {
enum { code, inputs, outputs, options_kind, options };
}
namespace buffer {
enum { data };
}
}  // namespace field

Type type_of(const TensorDef& tensor) {
  switch (tensor.type.dtype) {
    case DType::f32: return Type::f32;
    case DType::i32: return Type::i32;
    case DType::u8: return Type::u8;
    case DType::i64: return Type::i64;
    case DType::boolean: return Type::boolean;
    case DType::i16: return Type::i16;
    case DType::i8: return Type::i8;
    default:
      throw Error(ErrorKind::unsupported, tensor.name,
                  fmt::format("is {}, which TFLite files written here do not have",
                              name(tensor.type.dtype)));
  }
}

// Operators of a later revision than their first.
std::int32_t version_of(Code code) { return code == Code::broadcast_to ? 2 : 1; }

class Serializer {
 public:
  explicit Serializer(const File& file) : file_(file), place_(file.tensors.size(), -1) {
    builder_.ForceDefaults(true);
  }

  std::string run() {
    number_tensors();
    number_codes();
    const auto subgraphs = list<Table>({subgraph()});
    const auto buffers = buffers_of();
    const auto codes = codes_of();
    const auto description = builder_.CreateString("pliant");
    namespace model = field::model;
    const auto start = builder_.StartTable();
    put<std::uint32_t>(model::version, 3);
    builder_.AddOffset(at(model::codes), codes);
    builder_.AddOffset(at(model::subgraphs), subgraphs);
    builder_.AddOffset(at(model::description), description);
    builder_.AddOffset(at(model::buffers), buffers);
    builder_.Finish(Table(builder_.EndTable(start)), "TFL3");
    return {reinterpret_cast<const char*>(builder_.GetBufferPointer()), builder_.GetSize()};
  }

 private:
  static flatbuffers::voffset_t at(int number) {
    return flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(number));
  }

  template <typename T>
  void put(int number, T value) {
    builder_.AddElement<T>(at(number), value, T{});
  }

  template <typename T>
  Vector<T> list(const std::vector<T>& values) {
    return builder_.CreateVector(values);
  }

  void number_tensors() {
    std::set<Index> used(file_.inputs.begin(), file_.inputs.end());
    used.insert(file_.outputs.begin(), file_.outputs.end());
    for (const OperatorDef& op : file_.operators) {
      used.insert(op.in.begin(), op.in.end());
      used.insert(op.out.begin(), op.out.end());
    }
    std::int64_t total = 0;
    for (const Index index : used) {
      place_[index] = static_cast<Index>(kept_.size());
      kept_.push_back(index);
      if (const auto& constant = file_.tensors[index].constant)
        total += std::ssize(constant->raw());
    }
    if (total > most_bytes)
      throw Error(
          ErrorKind::capacity, "weights",
          fmt::format("take {} bytes, more than the {} of a TFLite file", total, most_bytes));
  }

  void number_codes() {
    for (const OperatorDef& op : file_.operators) codes_.emplace(op.code, 0);
    std::uint32_t next = 0;
    for (auto& [code, number] : codes_) number = next++;
  }

  std::vector<Index> places(const std::vector<Index>& tensors) const {
    std::vector<Index> result;
    for (const Index index : tensors) result.push_back(place_[index]);
    return result;
  }

  // Buffer 0 is the empty one of all tensors that are computed.
  Table tensor(Index index, std::uint32_t& buffers) {
    const TensorDef& def = file_.tensors[index];
    const auto name = builder_.CreateString(def.name);
    const auto shape =
        list(std::vector<std::int32_t>(def.type.shape.begin(), def.type.shape.end()));
    const auto start = builder_.StartTable();
    builder_.AddOffset(at(field::tensor::shape), shape);
    put(field::tensor::type, static_cast<std::int8_t>(type_of(def)));
    put<std::uint32_t>(field::tensor::buffer, def.constant ? ++buffers : 0);
    builder_.AddOffset(at(field::tensor::name), name);
    return {builder_.EndTable(start)};
  }

  Vector<Table> buffers_of() {
    std::vector<Table> buffers;
    buffers.push_back({builder_.EndTable(builder_.StartTable())});
    for (const Index index : kept_) {
      const auto& constant = file_.tensors[index].constant;
      if (!constant) continue;
      const std::span<const std::byte> raw = constant->raw();
      builder_.ForceVectorAlignment(raw.size(), 1, 16);
      const auto data =
          builder_.CreateVector(reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size());
      const auto start = builder_.StartTable();
      builder_.AddOffset(at(field::buffer::data), data);
      buffers.push_back({builder_.EndTable(start)});
    }
    return list(buffers);
  }

  Vector<Table> codes_of() {
    std::vector<Table> tables;
    for (const auto& [code, number] : codes_) {
      const auto value = static_cast<std::int32_t>(code);
      const auto start = builder_.StartTable();
      put(field::code::old_code, static_cast<std::int8_t>(std::min(value, 127)));
      put(field::code::version, version_of(code));
      put(field::code::code, value);
      tables.push_back({builder_.EndTable(start)});
    }
    return list(tables);
  }

  Table options(const Options& options) {
    std::map<int, Vector<std::int32_t>> lists;
    for (const auto& [number, value] : options.fields)
      if (const auto* values = std::get_if<std::vector<std::int32_t>>(&value))
        lists[number] = list(*values);
    const auto start = builder_.StartTable();
    for (const auto& [number, value] : options.fields) {
      if (const auto found = lists.find(number); found != lists.end())
        builder_.AddOffset(at(number), found->second);
      else if (const auto* small = std::get_if<std::int8_t>(&value)) put(number, *small);
      else if (const auto* truth = std::get_if<bool>(&value)) put<std::uint8_t>(number, *truth);
      else if (const auto* whole = std::get_if<std::int32_t>(&value)) put(number, *whole);
      else put(number, std::get<float>(value));
    }
    return {builder_.EndTable(start)};
  }

  Table op(const OperatorDef& def) {
    const auto in = list(places(def.in)), out = list(places(def.out));
    const bool has_options = def.options.kind != OptionsKind::none;
    const Table table = has_options ? options(def.options) : Table();
    const auto start = builder_.StartTable();
    put(field::op::code, codes_.at(def.code));
    builder_.AddOffset(at(field::op::inputs), in);
    builder_.AddOffset(at(field::op::outputs), out);
    if (has_options) {
      put(field::op::options_kind, static_cast<std::uint8_t>(def.options.kind));
      builder_.AddOffset(at(field::op::options), table);
    }
    return {builder_.EndTable(start)};
  }

  Table subgraph() {
    std::vector<Table> tensors, operators;
    std::uint32_t buffers = 0;
    for (const Index index : kept_) tensors.push_back(tensor(index, buffers));
    for (const OperatorDef& def : file_.operators) operators.push_back(op(def));
    const auto all = list(tensors);
    const auto ops = list(operators);
    const auto in = list(places(file_.inputs)), out = list(places(file_.outputs));
    const auto name = builder_.CreateString("main");
    const auto start = builder_.StartTable();
    builder_.AddOffset(at(field::subgraph::tensors), all);
    builder_.AddOffset(at(field::subgraph::inputs), in);
    builder_.AddOffset(at(field::subgraph::outputs), out);
    builder_.AddOffset(at(field::subgraph::operators), ops);
    builder_.AddOffset(at(field::subgraph::name), name);
    return {builder_.EndTable(start)};
  }

  const File& file_;
  Builder builder_;
  std::vector<Index> place_;  // in the file, of every tensor; -1: left out
  std::vector<Index> kept_;
  std::map<Code, std::uint32_t> codes_;
};

}  // namespace

std::string serialize(const File& file) { return Serializer(file).run(); }

}  // namespace pliant::tflite
