// Both documents. Reading is strict: unknown and repeated fields are refused, since a misspelt one would silently
// change what is planned.
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/json.h"
#include "plan/format/plan.h"
#include "plan/format/problem.h"
#include "plan/format/topology.h"

namespace pliant::plan {
namespace {

using nlohmann::json;

constexpr int kDeepest = 8;
constexpr std::int64_t kLargest = std::int64_t{1} << 62;

// A value and where it stands, for messages: "net.json: tensors[3].bytes".
struct Node {
  const json& value;
  std::string path;
  const char* separator = ".";
};

[[noreturn]] void malformed(const std::string& path, std::string problem) {
  throw Error(ErrorKind::format, path, std::move(problem));
}

void require_object(const Node& node, std::initializer_list<std::string_view> known) {
  if (!node.value.is_object()) malformed(node.path, fmt::format("is {}, not an object", node.value.type_name()));
  for (const auto& [key, value] : node.value.items())
    if (std::find(known.begin(), known.end(), std::string_view(key)) == known.end())
      throw Error(ErrorKind::format, node.path, fmt::format("unknown field '{}'", key),
                  fmt::format("known: {}", fmt::join(known, ", ")));
}

bool has(const Node& object, const char* field) { return object.value.contains(field); }

Node member(const Node& object, const char* field) {
  const auto found = object.value.find(field);
  if (found == object.value.end()) malformed(object.path, fmt::format("lacks the field '{}'", field));
  return {*found, object.path + object.separator + field};
}

const std::string& text_of(const Node& node) {
  if (!node.value.is_string()) malformed(node.path, fmt::format("is {}, not a string", node.value.type_name()));
  return node.value.get_ref<const std::string&>();
}

std::int64_t integer_of(const Node& node, std::int64_t low, std::int64_t high) {
  if (!node.value.is_number_integer() ||
      (node.value.is_number_unsigned() && node.value.get<std::uint64_t>() > static_cast<std::uint64_t>(kLargest)))
    malformed(node.path, fmt::format("is {}, not an integer from {} to {}", node.value.dump(), low, high));
  const auto number = node.value.get<std::int64_t>();
  if (number < low || number > high)
    malformed(node.path, fmt::format("is {}, not an integer from {} to {}", number, low, high));
  return number;
}

std::int64_t bytes_of(const Node& node) { return integer_of(node, 0, kLargest); }

Step step_of(const Node& node) { return static_cast<Step>(integer_of(node, 0, std::numeric_limits<Step>::max() - 1)); }

template <class Visit>
void for_each(const Node& array, Visit&& visit) {
  if (!array.value.is_array()) malformed(array.path, fmt::format("is {}, not an array", array.value.type_name()));
  for (std::size_t i = 0; i < array.value.size(); ++i)
    visit(Node{array.value[i], fmt::format("{}[{}]", array.path, i)});
}

template <class Choice>
Choice choice_of(const Node& node, std::initializer_list<Choice> choices) {
  std::string list;
  for (const Choice choice : choices) {
    if (name(choice) == text_of(node)) return choice;
    list += fmt::format("{}{}", list.empty() ? "" : ", ", name(choice));
  }
  throw Error(ErrorKind::format, node.path, fmt::format("is '{}'", text_of(node)), "one of: " + list);
}

using Names = std::unordered_map<std::string_view, std::int32_t>;

template <class Named>
Names names_of(const std::vector<Named>& items) {
  Names names;
  for (std::size_t i = 0; i < items.size(); ++i) names.emplace(items[i].name, static_cast<std::int32_t>(i));
  return names;
}

std::int32_t find_name(const Names& names, const Node& node, std::string_view what) {
  const auto found = names.find(text_of(node));
  if (found == names.end())
    throw Error(ErrorKind::invalid, node.path, fmt::format("there is no {} named '{}'", what, text_of(node)));
  return found->second;
}

TensorInfo read_tensor(const Node& node) {
  require_object(node, {"name", "bytes", "role"});
  return {text_of(member(node, "name")), bytes_of(member(node, "bytes")),
          choice_of(member(node, "role"), {Role::input, Role::weight, Role::activation, Role::output})};
}

InPlace read_pair(const Node& node, const Names& tensors) {
  std::vector<TensorId> ids;
  for_each(node, [&](const Node& each) { ids.push_back(find_name(tensors, each, "tensor")); });
  if (ids.size() != 2) malformed(node.path, fmt::format("has {} names, not an output and an input", ids.size()));
  return {ids[0], ids[1]};
}

Operator read_operator(const Node& node, const Names& tensors) {
  require_object(node, {"name", "inputs", "outputs", "workspace", "in_place", "adjacent"});
  Operator op;
  op.name = text_of(member(node, "name"));
  for_each(member(node, "inputs"), [&](const Node& each) { op.inputs.push_back(find_name(tensors, each, "tensor")); });
  for_each(member(node, "outputs"),
           [&](const Node& each) { op.outputs.push_back(find_name(tensors, each, "tensor")); });
  if (has(node, "workspace")) op.workspace = bytes_of(member(node, "workspace"));
  if (has(node, "in_place"))
    for_each(member(node, "in_place"), [&](const Node& each) { op.in_place.push_back(read_pair(each, tensors)); });
  if (has(node, "adjacent"))
    for_each(member(node, "adjacent"), [&](const Node& list) {
      op.adjacent.emplace_back();
      for_each(list, [&](const Node& each) { op.adjacent.back().push_back(find_name(tensors, each, "tensor")); });
    });
  return op;
}

std::string quoted(const std::string& text) { return json(text).dump(-1, ' ', false, json::error_handler_t::replace); }

// One item per line, so that documents can be read and compared.
template <class Items, class Line>
void write_list(std::string& out, std::string_view field, const Items& items, Line&& line) {
  out += fmt::format("  \"{}\": [", field);
  for (std::size_t i = 0; i < items.size(); ++i) out += (i == 0 ? "\n    " : ",\n    ") + line(items[i]);
  out += items.empty() ? "]" : "\n  ]";
}

std::string quoted_tensors(const Problem& problem, const std::vector<TensorId>& ids) {
  std::string out;
  for (const TensorId id : ids) out += (out.empty() ? "" : ", ") + quoted(problem.tensors[id].name);
  return out;
}

std::string in_place_field(const Problem& problem, const Operator& op) {
  std::string pairs;
  for (const InPlace& each : op.in_place)
    pairs += fmt::format("{}[{}]", pairs.empty() ? "" : ", ", quoted_tensors(problem, {each.output, each.input}));
  return pairs.empty() ? "" : fmt::format(R"(, "in_place": [{}])", pairs);
}

std::string adjacent_field(const Problem& problem, const Operator& op) {
  std::string lists;
  for (const auto& list : op.adjacent)
    lists += fmt::format("{}[{}]", lists.empty() ? "" : ", ", quoted_tensors(problem, list));
  return lists.empty() ? "" : fmt::format(R"(, "adjacent": [{}])", lists);
}

}  // namespace

Problem problem_from_json(std::string_view text, std::string_view place) {
  const json document = parse_json(text, place, kDeepest);
  const Node root{document, std::string(place), ": "};
  require_object(root, {"tensors", "operators"});
  Problem problem;
  for_each(member(root, "tensors"), [&](const Node& each) { problem.tensors.push_back(read_tensor(each)); });
  const Names tensors = names_of(problem.tensors);
  for_each(member(root, "operators"),
           [&](const Node& each) { problem.operators.push_back(read_operator(each, tensors)); });
  std::vector<Operator> sorted;
  for (const OperatorId id : stable_order(problem, place)) sorted.push_back(problem.operators[id]);
  problem.operators = std::move(sorted);
  return problem;
}

std::string problem_to_json(const Problem& problem) {
  std::string out = "{\n";
  write_list(out, "tensors", problem.tensors, [](const TensorInfo& tensor) {
    return fmt::format(R"({{"name": {}, "bytes": {}, "role": "{}"}})", quoted(tensor.name), tensor.bytes,
                       name(tensor.role));
  });
  out += ",\n";
  write_list(out, "operators", problem.operators, [&](const Operator& op) {
    const std::string workspace = op.workspace == 0 ? "" : fmt::format(R"(, "workspace": {})", op.workspace);
    return fmt::format(R"({{"name": {}, "inputs": [{}], "outputs": [{}]{}{}{}}})", quoted(op.name),
                       quoted_tensors(problem, op.inputs), quoted_tensors(problem, op.outputs), workspace,
                       in_place_field(problem, op), adjacent_field(problem, op));
  });
  return out + "\n}\n";
}

namespace {

std::string costs_json(const Plan& plan) {
  if (!priced(plan)) return "";
  const std::string move = plan.costs.move == no_moves ? "" : fmt::format(R"(, "move": {})", plan.costs.move);
  return fmt::format("  \"costs\": {{\"read\": {}, \"write\": {}{}}},\n  \"cost\": {},\n  \"lower_bound_cost\": {},\n",
                     plan.costs.read, plan.costs.write, move, plan.cost, plan.lower_bound_cost);
}

std::string frame_json(const Problem& problem, const Plan& plan) {
  if (!plan.frame) return "";
  return fmt::format(
      "  \"steady_state\": {{\"pinned\": [{}], \"frame_bytes\": {}, \"frame_cost\": {}, \"lower_bound_frame_cost\": "
      "{}}},\n",
      quoted_tensors(problem, plan.frame->pinned), plan.frame->bytes, plan.frame->cost, plan.frame->lower_bound_cost);
}

std::string residency_json(const Problem& problem, const Residency& each) {
  return fmt::format(R"({{"tensor": {}, "from": {}, "to": {}, "address": {}}})", quoted_tensors(problem, {each.tensor}),
                     each.from, each.to, each.address);
}

std::string second_level_json(const Problem& problem, const Plan& plan) {
  if (!plan.second_level) return "";
  const SecondLevel& level = *plan.second_level;
  std::string list;
  for (const Residency& each : level.residencies) list += (list.empty() ? "" : ", ") + residency_json(problem, each);
  return fmt::format(
      "  \"second_level\": {{\"bytes\": {}, \"price\": {}, \"residencies\": [{}], \"moved_bytes\": {}, "
      "\"off_chip_bytes\": {}, \"cost\": {}, \"lower_bound_cost\": {}}},\n",
      level.bytes, level.price, list, level.moved_bytes, level.off_chip_bytes, level.cost, level.lower_bound_cost);
}

Residency read_residency(const Node& each, const Names& tensors) {
  require_object(each, {"tensor", "from", "to", "address"});
  return {find_name(tensors, member(each, "tensor"), "tensor"), step_of(member(each, "from")),
          step_of(member(each, "to")), bytes_of(member(each, "address"))};
}

void read_second_level(const Node& root, const Names& tensors, Plan& plan) {
  if (!has(root, "second_level")) return;
  const Node node = member(root, "second_level");
  require_object(node, {"bytes", "price", "residencies", "moved_bytes", "off_chip_bytes", "cost", "lower_bound_cost"});
  SecondLevel& level = plan.second_level.emplace();
  level.bytes = integer_of(member(node, "bytes"), 1, kLargest);
  level.price = integer_of(member(node, "price"), 0, most_cost);
  for_each(member(node, "residencies"),
           [&](const Node& each) { level.residencies.push_back(read_residency(each, tensors)); });
  level.moved_bytes = bytes_of(member(node, "moved_bytes"));
  level.off_chip_bytes = bytes_of(member(node, "off_chip_bytes"));
  level.cost = bytes_of(member(node, "cost"));
  level.lower_bound_cost = bytes_of(member(node, "lower_bound_cost"));
}

void read_frame(const Node& root, const Names& tensors, Plan& plan) {
  if (!has(root, "steady_state")) return;
  const Node node = member(root, "steady_state");
  require_object(node, {"pinned", "frame_bytes", "frame_cost", "lower_bound_frame_cost"});
  Frame& frame = plan.frame.emplace();
  for_each(member(node, "pinned"), [&](const Node& each) {
    frame.pinned.push_back(find_name(tensors, each, "tensor"));
    if (frame.pinned.size() > 1 && frame.pinned.back() <= frame.pinned[frame.pinned.size() - 2])
      malformed(each.path, "is repeated or not in the problem's order");
  });
  frame.bytes = bytes_of(member(node, "frame_bytes"));
  frame.cost = bytes_of(member(node, "frame_cost"));
  frame.lower_bound_cost = bytes_of(member(node, "lower_bound_frame_cost"));
}

void read_costs(const Node& root, Plan& plan) {
  if (!has(root, "costs")) {
    for (const char* field : {"cost", "lower_bound_cost"})
      if (has(root, field)) malformed(root.path, fmt::format("has the field '{}' without 'costs'", field));
    return;
  }
  const Node costs = member(root, "costs");
  require_object(costs, {"read", "write", "move"});
  plan.costs.read = integer_of(member(costs, "read"), 0, most_cost);
  plan.costs.write = integer_of(member(costs, "write"), 0, most_cost);
  if (has(costs, "move")) plan.costs.move = integer_of(member(costs, "move"), 0, most_cost);
  if (!priced(plan)) malformed(costs.path, "holds the default costs, which are left out");
  plan.cost = bytes_of(member(root, "cost"));
  plan.lower_bound_cost = bytes_of(member(root, "lower_bound_cost"));
}

}  // namespace

std::string plan_to_json(const Problem& problem, const Plan& plan) {
  const auto tensor = [&](TensorId id) { return quoted(problem.tensors[id].name); };
  std::string out = fmt::format(
      "{{\n  \"scratchpad_bytes\": {},\n  \"alignment\": {},\n  \"status\": \"{}\",\n  \"traffic_bytes\": {},\n"
      "  \"compulsory_bytes\": {},\n  \"lower_bound_bytes\": {},\n  \"bound_origin\": {},\n",
      plan.scratchpad_bytes, plan.alignment, name(plan.status), plan.traffic_bytes, plan.compulsory_bytes,
      plan.lower_bound_bytes, quoted(plan.bound_origin));
  out += costs_json(plan) + frame_json(problem, plan) + second_level_json(problem, plan);
  write_list(out, "order", plan.order, [&](OperatorId id) { return quoted(problem.operators[id].name); });
  out += ",\n";
  write_list(out, "workspaces", plan.workspaces, [](std::int64_t address) { return std::to_string(address); });
  out += ",\n";
  write_list(out, "residencies", plan.residencies,
             [&](const Residency& each) { return residency_json(problem, each); });
  out += ",\n";
  write_list(out, "events", plan.events, [&](const Event& each) {
    return fmt::format(R"({{"step": {}, "action": "{}", "tensor": {}}})", each.step, name(each.action),
                       tensor(each.tensor));
  });
  return out + "\n}\n";
}

Plan plan_from_json(const Problem& problem, std::string_view text, std::string_view place) {
  const json document = parse_json(text, place, kDeepest);
  const Node root{document, std::string(place), ": "};
  require_object(root, {"scratchpad_bytes", "alignment", "status", "traffic_bytes", "compulsory_bytes",
                        "lower_bound_bytes", "bound_origin", "costs", "cost", "lower_bound_cost", "steady_state",
                        "second_level", "order", "workspaces", "residencies", "events"});
  const Names tensors = names_of(problem.tensors), operators = names_of(problem.operators);
  Plan plan;
  plan.scratchpad_bytes = bytes_of(member(root, "scratchpad_bytes"));
  plan.alignment = integer_of(member(root, "alignment"), 1, kLargest);
  plan.status =
      choice_of(member(root, "status"), {Status::optimal, Status::feasible, Status::infeasible, Status::undecided});
  plan.traffic_bytes = bytes_of(member(root, "traffic_bytes"));
  plan.compulsory_bytes = bytes_of(member(root, "compulsory_bytes"));
  plan.lower_bound_bytes = bytes_of(member(root, "lower_bound_bytes"));
  plan.bound_origin = text_of(member(root, "bound_origin"));
  read_costs(root, plan);
  read_frame(root, tensors, plan);
  read_second_level(root, tensors, plan);
  for_each(member(root, "order"),
           [&](const Node& each) { plan.order.push_back(find_name(operators, each, "operator")); });
  for_each(member(root, "workspaces"), [&](const Node& each) { plan.workspaces.push_back(bytes_of(each)); });
  for_each(member(root, "residencies"),
           [&](const Node& each) { plan.residencies.push_back(read_residency(each, tensors)); });
  for_each(member(root, "events"), [&](const Node& each) {
    require_object(each, {"step", "action", "tensor"});
    plan.events.push_back({step_of(member(each, "step")),
                           choice_of(member(each, "action"), {Action::move, Action::load, Action::store, Action::drop}),
                           find_name(tensors, member(each, "tensor"), "tensor")});
  });
  return plan;
}

}  // namespace pliant::plan
