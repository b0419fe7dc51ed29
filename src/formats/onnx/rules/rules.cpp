#include "formats/onnx/rules/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "core/error.h"
#include "formats/onnx/file/types.h"

namespace pliant::onnx {

Call::Call(Builder& builder, const Node& node, std::int64_t opset, std::vector<const Item*> items,
           std::function<ValueId(int)> enter, std::int64_t budget)
    : b(builder),
      node(node),
      opset(opset),
      items_(std::move(items)),
      enter_(std::move(enter)),
      budget_(budget) {}

bool Call::wants(int result) const {
  return result < static_cast<int>(node.out.size()) && !node.out[result].empty();
}

ValueId Call::in(int i) {
  type(i);
  return enter_(i);
}

const TensorType& Call::type(int i) const {
  if (!has(i)) fail(fmt::format("operand {} is missing", i));
  return items_[i]->type;
}

const Tensor* Call::known(int i) const { return has(i) ? items_[i]->known.get() : nullptr; }

const Tensor& Call::must_know(int i, std::string_view what) const {
  type(i);
  if (const Tensor* tensor = known(i)) return *tensor;
  throw NotMapped{fmt::format("{} is computed at run time", what)};
}

Integers Call::known_integers(int i, std::string_view what) const {
  const Tensor& tensor = must_know(i, what);
  Integers values;
  for (std::int64_t k = 0; k < elements(tensor.type().shape); ++k)
    values.push_back(get_int(tensor.view(), k));
  return values;
}

std::vector<double> Call::known_reals(int i, std::string_view what) const {
  const Tensor& tensor = must_know(i, what);
  std::vector<double> values;
  for (std::int64_t k = 0; k < elements(tensor.type().shape); ++k)
    values.push_back(get(tensor.view(), k));
  return values;
}

std::int64_t Call::known_integer(int i, std::string_view what) const {
  const Integers values = known_integers(i, what);
  if (values.size() != 1) fail(fmt::format("{} is {}", what, to_string(type(i))));
  return values[0];
}

double Call::known_real(int i, std::string_view what) const {
  const auto values = known_reals(i, what);
  if (values.size() != 1) fail(fmt::format("{} is {}", what, to_string(type(i))));
  return values[0];
}

const NodeAttribute* Call::attribute(const char* name) const {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? nullptr : &found->second;
}

const NodeAttribute* Call::expect(const char* name, NodeAttribute::Type type) const {
  const NodeAttribute* a = attribute(name);
  if (a && a->type != type) fail(fmt::format("attribute {} is of the wrong type", name));
  return a;
}

std::int64_t Call::integer(const char* name, std::int64_t otherwise) const {
  const NodeAttribute* a = expect(name, NodeAttribute::Type::integer);
  return a ? a->integer : otherwise;
}

double Call::real(const char* name, double otherwise) const {
  const NodeAttribute* a = expect(name, NodeAttribute::Type::real);
  return a ? a->real : otherwise;
}

std::string Call::text(const char* name, const char* otherwise) const {
  const NodeAttribute* a = expect(name, NodeAttribute::Type::text);
  return a ? a->text : otherwise;
}

std::optional<Integers> Call::integers(const char* name) const {
  const NodeAttribute* a = expect(name, NodeAttribute::Type::integers);
  return a ? std::optional(a->integers) : std::nullopt;
}

DType Call::dtype(const char* name, DType otherwise) const {
  const NodeAttribute* a = expect(name, NodeAttribute::Type::integer);
  if (!a) return otherwise;
  const auto found = dtype_of(a->integer);
  if (!found) throw NotMapped{fmt::format("element type {} has no counterpart", a->integer)};
  return *found;
}

int Call::axis(std::int64_t value, int rank) const {
  if (value < -rank || value >= rank)
    fail(fmt::format("axis {} of a tensor of rank {}", value, rank));
  return static_cast<int>(value < 0 ? value + rank : value);
}

std::vector<int> Call::axes(const Integers& values, int rank) const {
  std::vector<int> result;
  for (auto value : values) result.push_back(axis(value, rank));
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end())
    fail("an axis is named twice");
  return result;
}

void Call::fail(std::string problem) const {
  throw Error(ErrorKind::invalid, place(), std::move(problem));
}

void Call::check_size(const TensorType& type) const {
  if (bytes(type) > budget_)
    throw Error(ErrorKind::capacity, place(),
                fmt::format("makes a constant {} of {} bytes", to_string(type), bytes(type)),
                "raise the limit for constants if this is meant");
}

std::string Call::place() const { return place_of(node); }

std::string place_of(const Node& node) {
  const std::string type = node.domain.empty() ? node.type : node.domain + "." + node.type;
  if (!node.name.empty()) return fmt::format("node '{}' ({})", node.name, type);
  return fmt::format("{} node that makes '{}'", type, node.out.empty() ? "" : node.out[0]);
}

Rule find_rule(const Node& node) {
  static const auto table = [] {
    std::unordered_map<std::string_view, Rule> all;
    for (auto rules : {constant_rules(), index_rules(), layout_rules(), linear_rules(),
                       loss_rules(), normalization_rules(), pointwise_rules(), pooling_rules(),
                       quantize_rules(), reduction_rules(), resize_rules()})
      for (const auto& entry : rules) all.emplace(entry.type, entry.rule);
    return all;
  }();
  if (!node.domain.empty()) return nullptr;
  const auto found = table.find(node.type);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace pliant::onnx
