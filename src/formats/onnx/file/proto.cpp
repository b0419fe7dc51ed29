
#ifndef ONNX_ML
#define ONNX_ML 1  // as the distribution builds its library
#endif
#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <cmath>

#include "core/error.h"
#include "formats/onnx/file/proto.h"

namespace pliant::onnx {

namespace {

using ::onnx::AttributeProto;

struct Decoder {
  ExternalData external;
  std::string place;

  NodeAttribute attribute(const AttributeProto& proto);
  Node node(const ::onnx::NodeProto& proto);
  GraphDef graph(const ::onnx::GraphProto& proto);
  FunctionDef function(const ::onnx::FunctionProto& proto);
};

std::string plain_domain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

NodeAttribute Decoder::attribute(const AttributeProto& proto) {
  using Type = NodeAttribute::Type;
  NodeAttribute a;
  a.reference = proto.ref_attr_name();
  if (!a.reference.empty()) return a;
  switch (proto.type()) {
    case AttributeProto::FLOAT: a.type = Type::real, a.real = proto.f(); break;
    case AttributeProto::INT: a.type = Type::integer, a.integer = proto.i(); break;
    case AttributeProto::STRING: a.type = Type::text, a.text = proto.s(); break;
    case AttributeProto::FLOATS:
      a.type = Type::reals, a.reals.assign(proto.floats().begin(), proto.floats().end());
      break;
    case AttributeProto::INTS:
      a.type = Type::integers, a.integers.assign(proto.ints().begin(), proto.ints().end());
      break;
    case AttributeProto::STRINGS:
      a.type = Type::texts, a.texts.assign(proto.strings().begin(), proto.strings().end());
      break;
    case AttributeProto::TENSOR:
      a.tensor = decode_tensor(proto.t(), external, place).tensor;
      if (a.tensor) a.type = Type::tensor;
      break;
    case AttributeProto::GRAPH:  // as deep as protobuf's own limit on nested messages lets through
      a.type = Type::graph, a.graph = std::make_shared<const GraphDef>(graph(proto.g()));
      break;
    default: break;
  }
  return a;
}

Node Decoder::node(const ::onnx::NodeProto& proto) {
  Node node{plain_domain(proto.domain()), proto.op_type(), proto.name(), {}, {}, {}};
  node.in.assign(proto.input().begin(), proto.input().end());
  node.out.assign(proto.output().begin(), proto.output().end());
  for (const auto& each : proto.attribute()) node.attributes[each.name()] = attribute(each);
  return node;
}

ValueInfo value_info(const ::onnx::ValueInfoProto& proto) {
  ValueInfo info;
  info.name = proto.name();
  if (!proto.type().has_tensor_type()) return info;
  const auto& tensor = proto.type().tensor_type();
  info.dtype = dtype_of(tensor.elem_type());
  if (!tensor.has_shape()) return info;
  info.dims.emplace();
  for (const auto& dim : tensor.shape().dim()) {
    Dim d;
    if (dim.has_dim_value()) d.size = dim.dim_value();
    if (dim.has_dim_param()) d.symbol = dim.dim_param();
    info.dims->push_back(std::move(d));
  }
  return info;
}

GraphDef Decoder::graph(const ::onnx::GraphProto& proto) {
  if (proto.sparse_initializer_size() > 0)
    throw Error(ErrorKind::unsupported, place, "has sparse initialisers",
                "store them as dense tensors");
  GraphDef graph;
  graph.name = proto.name();
  for (const auto& each : proto.node()) graph.nodes.push_back(node(each));
  for (const auto& each : proto.initializer())
    graph.initializers.push_back(decode_tensor(each, external, place));
  for (const auto& each : proto.input()) graph.inputs.push_back(value_info(each));
  for (const auto& each : proto.output()) graph.outputs.push_back(value_info(each));
  for (const auto& each : proto.value_info()) graph.values.push_back(value_info(each));
  return graph;
}

FunctionDef Decoder::function(const ::onnx::FunctionProto& proto) {
  FunctionDef function;
  function.domain = plain_domain(proto.domain());
  function.name = proto.name();
  function.in.assign(proto.input().begin(), proto.input().end());
  function.out.assign(proto.output().begin(), proto.output().end());
  function.attributes.assign(proto.attribute().begin(), proto.attribute().end());
  for (const auto& each : proto.node()) function.nodes.push_back(node(each));
  return function;
}

struct Encoder {
  std::string* external;
  std::string location;

  void attribute(const std::string& name, const NodeAttribute& a, AttributeProto& proto) const;
  void node(const Node& node, ::onnx::NodeProto& proto) const;
  void initializer(const NamedTensor& tensor, ::onnx::TensorProto& proto) const;
  void graph(const GraphDef& graph, ::onnx::GraphProto& proto) const;
};

void Encoder::attribute(const std::string& name, const NodeAttribute& a,
                        AttributeProto& proto) const {
  using Type = NodeAttribute::Type;
  proto.set_name(name);
  switch (a.type) {
    case Type::real:
      proto.set_type(AttributeProto::FLOAT), proto.set_f(static_cast<float>(a.real));
      break;
    case Type::integer: proto.set_type(AttributeProto::INT), proto.set_i(a.integer); break;
    case Type::text: proto.set_type(AttributeProto::STRING), proto.set_s(a.text); break;
    case Type::tensor:
      proto.set_type(AttributeProto::TENSOR), encode_tensor(*a.tensor, *proto.mutable_t());
      break;
    case Type::graph:
      proto.set_type(AttributeProto::GRAPH), graph(*a.graph, *proto.mutable_g());
      break;
    case Type::reals:
      proto.set_type(AttributeProto::FLOATS);
      for (double each : a.reals) proto.add_floats(static_cast<float>(each));
      break;
    case Type::integers:
      proto.set_type(AttributeProto::INTS);
      for (auto each : a.integers) proto.add_ints(each);
      break;
    case Type::texts:
      proto.set_type(AttributeProto::STRINGS);
      for (const auto& each : a.texts) proto.add_strings(each);
      break;
    case Type::other:
      throw Error(ErrorKind::unsupported, "attribute '" + name + "'",
                  "has a value that cannot be written");
  }
}

void Encoder::node(const Node& node, ::onnx::NodeProto& proto) const {
  proto.set_domain(node.domain), proto.set_op_type(node.type), proto.set_name(node.name);
  for (const auto& each : node.in) proto.add_input(each);
  for (const auto& each : node.out) proto.add_output(each);
  for (const auto& [name, each] : node.attributes) attribute(name, each, *proto.add_attribute());
}

void value_info(const ValueInfo& info, ::onnx::ValueInfoProto& proto) {
  proto.set_name(info.name);
  auto& tensor = *proto.mutable_type()->mutable_tensor_type();
  if (info.dtype) tensor.set_elem_type(onnx_type_of(*info.dtype));
  if (!info.dims) return;
  auto& shape = *tensor.mutable_shape();
  for (const auto& dim : *info.dims) {
    auto& d = *shape.add_dim();
    if (dim.size >= 0) d.set_dim_value(dim.size);
    else d.set_dim_param(dim.symbol);
  }
}

void Encoder::initializer(const NamedTensor& tensor, ::onnx::TensorProto& proto) const {
  proto.set_name(tensor.name);
  if (!external) return encode_tensor(*tensor.tensor, proto);
  for (auto size : tensor.type.shape) proto.add_dims(size);
  proto.set_data_type(onnx_type_of(tensor.type.dtype));
  proto.set_data_location(::onnx::TensorProto::EXTERNAL);
  external->resize((external->size() + 63) / 64 * 64);  // aligned, so that readers may map it
  const auto raw = tensor.tensor->raw();
  const auto put = [&](const char* key, std::string value) {
    auto& entry = *proto.add_external_data();
    entry.set_key(key), entry.set_value(std::move(value));
  };
  put("location", location), put("offset", std::to_string(external->size())),
      put("length", std::to_string(raw.size()));
  external->append(reinterpret_cast<const char*>(raw.data()), raw.size());
}

void Encoder::graph(const GraphDef& graph, ::onnx::GraphProto& proto) const {
  proto.set_name(graph.name);
  for (const auto& each : graph.nodes) node(each, *proto.add_node());
  for (const auto& each : graph.initializers) initializer(each, *proto.add_initializer());
  for (const auto& each : graph.inputs) value_info(each, *proto.add_input());
  for (const auto& each : graph.outputs) value_info(each, *proto.add_output());
  for (const auto& each : graph.values) value_info(each, *proto.add_value_info());
}

constexpr std::size_t message_limit = 2'147'483'647;  // protobuf's own

template <typename Message>
void parse(Message& message, std::string_view bytes, std::string_view place, const char* what) {
  if (bytes.size() > message_limit)
    throw Error(ErrorKind::capacity, std::string(place),
                fmt::format("{} bytes in one message", bytes.size()),
                "keep the tensors in external data files");
  if (!message.ParseFromArray(bytes.data(), bytes.size()))
    throw Error(ErrorKind::format, std::string(place),
                fmt::format("no {}: truncated or damaged", what));
}

template <typename Message>
std::string serialized(const Message& message) {
  if (message.ByteSizeLong() > message_limit)
    throw Error(ErrorKind::capacity, "ONNX file",
                fmt::format("{} bytes; one file holds 2 GB", message.ByteSizeLong()),
                "write with external data");
  return message.SerializeAsString();
}

}  // namespace

ModelDef parse_model(std::string_view bytes, const std::string& folder, std::string_view place) {
  ::onnx::ModelProto proto;
  parse(proto, bytes, place, "ONNX model");
  if (!proto.has_graph())
    throw Error(ErrorKind::format, std::string(place), "no ONNX model: it has no graph");
  Decoder decoder{ExternalData(folder), std::string(place)};
  ModelDef model;
  model.ir_version = proto.ir_version();
  for (const auto& each : proto.opset_import())
    model.opsets[plain_domain(each.domain())] = each.version();
  model.graph = decoder.graph(proto.graph());
  for (const auto& each : proto.functions()) model.functions.push_back(decoder.function(each));
  return model;
}

Tensor parse_tensor(std::string_view bytes, std::string_view place) {
  ::onnx::TensorProto proto;
  parse(proto, bytes, place, "ONNX tensor");
  ExternalData none("");
  const NamedTensor decoded = decode_tensor(proto, none, place);
  if (!decoded.tensor) throw Error(ErrorKind::unsupported, std::string(place), decoded.problem);
  return decoded.tensor->copy();
}

std::string serialize_model(const ModelDef& model, std::string* external,
                            std::string_view location) {
  ::onnx::ModelProto proto;
  proto.set_ir_version(model.ir_version);
  proto.set_producer_name("pliant");
  for (const auto& [domain, version] : model.opsets) {
    auto& each = *proto.add_opset_import();
    each.set_domain(domain), each.set_version(version);
  }
  Encoder{external, std::string(location)}.graph(model.graph, *proto.mutable_graph());
  return serialized(proto);
}

}  // namespace pliant::onnx
