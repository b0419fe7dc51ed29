#include "graph/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/error.h"
#include "graph/shapes/rules.h"

namespace pliant {
namespace {

void check_leaf(const std::string& name, const TensorType& type) {
  try {
    if (type.shape.size() > max_rank)
      throw Error(ErrorKind::invalid, name,
                  fmt::format("rank {}, at most {}", type.shape.size(), max_rank));
    bytes(type);
  } catch (const Error& error) {
    throw Error(ErrorKind::invalid, name, error.problem());
  }
}

}  // namespace

std::string Builder::scoped(std::string_view name) const {
  return scope_.empty() ? std::string(name) : fmt::format("{}.{}", scope_, name);
}

void Builder::claim(const std::string& name) {
  if (!taken_.insert(name).second) throw Error(ErrorKind::invalid, name, "the name is taken");
}

// The first of name, name_2, name_3 ... that nobody has.
std::string Builder::unique(const std::string& name) {
  if (taken_.insert(name).second) return name;
  for (int& suffix = suffixes_.try_emplace(name, 1).first->second;;) {
    std::string candidate = fmt::format("{}_{}", name, ++suffix);
    if (taken_.insert(candidate).second) return candidate;
  }
}

ValueId Builder::append(Value value) { return graph_.values_.push_back(std::move(value)); }

ValueId Builder::leaf(std::string name, TensorType type, Role role) {
  if (name.empty()) throw Error(ErrorKind::invalid, "graph", "a leaf without a name");
  name = scoped(name);
  check_leaf(name, type);
  claim(name);
  return append({std::move(name), std::move(type), role, OpId::none, false, nullptr});
}

ValueId Builder::input(std::string name, TensorType type) {
  ValueId id = leaf(std::move(name), std::move(type), Role::input);
  graph_.inputs_.push_back(id);
  return id;
}

ValueId Builder::row_input(std::string name, TensorType type) {
  std::int64_t rows = type.shape.empty() ? 0 : type.shape[0];
  if (rows < 1)
    throw Error(ErrorKind::invalid, name, fmt::format("a row input of type {}", to_string(type)));
  if (graph_.rows_ != 0 && graph_.rows_ != rows)
    throw Error(ErrorKind::invalid, name,
                fmt::format("{} rows, other row inputs have {}", rows, graph_.rows_));
  ValueId id = input(std::move(name), std::move(type));
  graph_.rows_ = rows;
  graph_.values_.back().rows = true;
  return id;
}

ValueId Builder::weight(std::string name, TensorType type) {
  return leaf(std::move(name), std::move(type), Role::weight);
}

ValueId Builder::constant(Tensor value, std::string name) {
  return constant(std::make_shared<const Tensor>(std::move(value)), std::move(name));
}

ValueId Builder::constant(std::shared_ptr<const Tensor> value, std::string name) {
  if (!value) throw Error(ErrorKind::invalid, name, "a constant without a value");
  name = scoped(name.empty() ? "constant" : name);
  check_leaf(name, value->type());
  name = unique(name);
  TensorType type = value->type();
  return append(
      {std::move(name), std::move(type), Role::constant, OpId::none, false, std::move(value)});
}

ValueId Builder::scalar(double value, DType dtype) {
  return constant(Tensor::of(dtype, {}, {value}), "scalar");
}

const Value& Builder::operand(ValueId id) const {
  if (!graph_.values_.contains(id))
    throw Error(ErrorKind::invalid, scope_.empty() ? "graph" : scope_,
                fmt::format("value {} of {} in the builder", to_int(id), graph_.values_.size()));
  return graph_.values_[id];
}

const TensorType& Builder::type(ValueId id) const { return operand(id).type; }

std::vector<ValueId> Builder::add(Kind kind, std::vector<ValueId> operands, std::string name,
                                  int results, std::vector<std::string> result_names) {
  std::string wanted = scoped(name.empty() ? pliant::name(kind) : std::string_view(name));
  std::vector<TensorType> types;
  for (ValueId id : operands) types.push_back(type(id));
  types = result_types(kind, types, wanted, results);
  if (types.empty()) throw Error(ErrorKind::invalid, wanted, "an operator without results");
  if (!result_names.empty() && result_names.size() != types.size())
    throw Error(ErrorKind::invalid, wanted,
                fmt::format("{} result names for {} results", result_names.size(), types.size()));
  for (std::size_t i = 0; i < result_names.size(); ++i)
    if (taken_.contains(result_names[i]) ||
        std::find(&result_names[0], &result_names[i], result_names[i]) != &result_names[i])
      throw Error(ErrorKind::invalid, wanted,
                  fmt::format("the result name '{}' is taken", result_names[i]));
  taken_.insert(result_names.begin(), result_names.end());
  // An operator may share its name with its own first result and nothing else.
  bool own = !result_names.empty() && result_names[0] == wanted;
  if (auto* map = std::get_if<kind::Map>(&kind)) map->expr = canonical(map->expr);
  Op op{std::move(kind), std::move(operands), {}, own ? wanted : unique(wanted)};
  for (std::size_t i = 0; i < types.size(); ++i) {
    std::string value_name = !result_names.empty() ? result_names[i]
                             : i == 0              ? op.name
                                                   : unique(fmt::format("{}.{}", op.name, i));
    op.out.push_back(append({std::move(value_name), std::move(types[i]), Role::result,
                             graph_.ops_.next(), false, nullptr}));
  }
  graph_.ops_.push_back(std::move(op));
  return graph_.ops_.back().out;
}

void Builder::rename(ValueId id, const std::string& name, const std::string& op_name) {
  operand(id);  // throws if there is none
  Value& value = graph_.values_[id];
  if (value.role != Role::result && value.role != Role::constant)
    throw Error(ErrorKind::invalid, value.name, "only results and constants may be renamed");
  if (value.name == name) return;
  claim(name);
  Op* op = value.role == Role::result ? &graph_.ops_[value.producer] : nullptr;
  const bool first = op && op->out[0] == id;
  taken_.erase(value.name);
  value.name = name;
  if (!first) return;
  if (op->name != name) taken_.erase(op->name);
  const std::string& wanted = op_name.empty() ? name : op_name;
  op->name = wanted == name ? name : unique(wanted);
}

Builder::Scope::Scope(Builder& builder, std::string_view name)
    : builder_(builder), length_(builder.scope_.size()) {
  builder.scope_ = builder.scoped(name);
}

Builder::Scope::~Scope() { builder_.scope_.resize(length_); }

void Builder::output(ValueId id, std::string name) {
  if (name.empty()) name = operand(id).name;
  operand(id);
  if (!output_names_.insert(name).second)
    throw Error(ErrorKind::invalid, name, "two outputs of one name");
  graph_.outputs_.push_back(id);
  graph_.output_names_.push_back(std::move(name));
}

void Builder::carry(ValueId in, ValueId out) {
  const Value &from = operand(in), &to = operand(out);
  if (from.role != Role::input)
    throw Error(ErrorKind::invalid, from.name, "a carry that does not begin at an input");
  if (from.type != to.type)
    throw Error(ErrorKind::invalid, from.name,
                fmt::format("a carry of type {} fed from {}, which is {}", to_string(from.type),
                            to.name, to_string(to.type)));
  for (const Carry& each : graph_.carries_)
    if (each.in == in) throw Error(ErrorKind::invalid, from.name, "carried twice");
  if (std::find(graph_.outputs_.begin(), graph_.outputs_.end(), out) == graph_.outputs_.end())
    output(out);
  graph_.carries_.push_back({in, out});
}

}  // namespace pliant
