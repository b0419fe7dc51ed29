#include "formats/onnx/opaque.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/json.h"
#include "formats/onnx/rules/rules.h"

namespace pliant::onnx {

namespace {

using nlohmann::json;
using Type = NodeAttribute::Type;

constexpr const char* unwritable = "not written";

json to_json(const NodeAttribute& a) {
  switch (a.type) {
    case Type::real: return {{"real", a.real}};
    case Type::integer: return {{"integer", a.integer}};
    case Type::text: return {{"text", a.text}};
    case Type::reals: return {{"reals", a.reals}};
    case Type::integers: return {{"integers", a.integers}};
    case Type::texts: return {{"texts", a.texts}};
    case Type::tensor: return {{unwritable, to_string(a.tensor->type())}};
    case Type::graph:
      return {{unwritable, fmt::format("graph of {} nodes", a.graph->nodes.size())}};
    case Type::other: break;
  }
  return {{unwritable, "of another type"}};
}

NodeAttribute from_json(const json& value, const std::string& name, std::string_view place) {
  if (!value.is_object() || value.size() != 1)
    throw Error(ErrorKind::format, std::string(place),
                fmt::format("attribute '{}' is damaged", name));
  NodeAttribute a;
  const auto entry = value.begin();
  const std::string& key = entry.key();
  const json& content = entry.value();
  if (key == "real") a.type = Type::real, a.real = content.get<double>();
  if (key == "integer") a.type = Type::integer, a.integer = content.get<std::int64_t>();
  if (key == "text") a.type = Type::text, a.text = content.get<std::string>();
  if (key == "reals") a.type = Type::reals, a.reals = content.get<std::vector<double>>();
  if (key == "integers")
    a.type = Type::integers, a.integers = content.get<std::vector<std::int64_t>>();
  if (key == "texts") a.type = Type::texts, a.texts = content.get<std::vector<std::string>>();
  if (a.type == Type::other)
    throw Error(ErrorKind::unsupported, std::string(place),
                fmt::format("attribute '{}' was not kept when it was read", name));
  return a;
}

}  // namespace

std::string opaque_text(const Node& node) {
  json attributes = json::object(), absent = json::array();
  for (const auto& [name, a] : node.attributes) attributes[name] = to_json(a);
  for (std::size_t i = 0; i < node.in.size(); ++i)
    if (node.in[i].empty()) absent.push_back(i);
  json all = json::object();
  if (!attributes.empty()) all["attributes"] = attributes;
  if (!absent.empty()) all["absent"] = absent;
  return all.dump(-1, ' ', true, json::error_handler_t::replace);
}

OpaqueParts opaque_from_text(std::string_view text, std::string_view place) {
  OpaqueParts parts;
  try {
    const json all = parse_json(text, place);
    if (all.contains("attributes"))
      for (const auto& [name, value] : all["attributes"].items())
        parts.attributes[name] = from_json(value, name, place);
    if (all.contains("absent")) parts.absent = all["absent"].get<std::vector<std::int64_t>>();
  } catch (const json::exception&) {
    throw Error(ErrorKind::format, std::string(place),
                "its text does not describe an ONNX operator");
  }
  return parts;
}

// Types for common operators whose results do not depend on values that are unknown at import.
std::vector<TensorType> opaque_types(const Call& call) {
  const std::string& type = call.node.type;
  if (call.operands() == 0 || !call.has(0)) return {};
  const bool like_first = type == "ScatterElements" || type == "ScatterND" || type == "Scatter" ||
                          type == "ReverseSequence" || type == "RandomNormalLike" ||
                          type == "RandomUniformLike" || type == "Bernoulli";
  if (like_first) return {call.type(0)};
  const bool pointwise =
      type == "Asin" || type == "Acos" || type == "Atan" || type == "Silu" || type == "Swish";
  if (pointwise && call.operands() == 1) return {call.type(0)};
  if (type == "TopK" && call.rank(0) > 0 && call.known(1) && elements(call.shape(1)) == 1) {
    TensorType values = call.type(0);
    values.shape[call.axis(call.integer("axis", -1), call.rank(0))] =
        get_int(call.known(1)->view(), 0);
    return {values, {DType::i64, values.shape}};
  }
  return {};
}

}  // namespace pliant::onnx
