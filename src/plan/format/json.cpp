// Both documents. Reading is strict: unknown and repeated fields are refused, since a misspelt one
// would silently change what is planned.
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

using Node = JsonNode;
using Keys = std::initializer_list<std::string_view>;

void require_object(const Node& node, Keys known) { node.only({known.begin(), known.size()}); }

std::int64_t bytes_of(const Node& node) { return node.integer(0, kLargest); }

Step step_of(const Node& node) {
  return static_cast<Step>(node.integer(0, std::numeric_limits<Step>::max() - 1));
}

template <class Choice>
Choice choice_of(const Node& node, std::initializer_list<Choice> choices) {
  std::string list;
  for (const Choice choice : choices) {
    if (name(choice) == node.text()) return choice;
    list += fmt::format("{}{}", list.empty() ? "" : ", ", name(choice));
  }
  throw Error(ErrorKind::format, node.place(), fmt::format("is '{}'", node.text()),
              "one of: " + list);
}

using Names = std::unordered_map<std::string_view, std::int32_t>;

template <class Named>
Names names_of(const std::vector<Named>& items) {
  Names names;
  for (std::size_t i = 0; i < items.size(); ++i)
    names.emplace(items[i].name, static_cast<std::int32_t>(i));
  return names;
}

std::int32_t find_name(const Names& names, const Node& node, std::string_view what) {
  const auto found = names.find(node.text());
  if (found == names.end())
    throw Error(ErrorKind::invalid, node.place(),
                fmt::format("there is no {} named '{}'", what, node.text()));
  return found->second;
}

TensorInfo read_tensor(const Node& node) {
  require_object(node, {"name", "bytes", "role"});
  return {node.text("name"), bytes_of(node.at("bytes")),
          choice_of(node.at("role"), {Role::input, Role::weight, Role::activation, Role::output})};
}

InPlace read_pair(const Node& node, const Names& tensors) {
  std::vector<TensorId> ids;
  std::ranges::for_each(
      node.items(), [&](const Node& each) { ids.push_back(find_name(tensors, each, "tensor")); });
  if (ids.size() != 2)
    node.fail(fmt::format("has {} names, not an output and an input", ids.size()));
  return {ids[0], ids[1]};
}

Operator read_operator(const Node& node, const Names& tensors) {
  require_object(node, {"name", "inputs", "outputs", "workspace", "in_place", "adjacent"});
  Operator op;
  op.name = node.text("name");
  std::ranges::for_each(node.at("inputs").items(), [&](const Node& each) {
    op.inputs.push_back(find_name(tensors, each, "tensor"));
  });
  std::ranges::for_each(node.at("outputs").items(), [&](const Node& each) {
    op.outputs.push_back(find_name(tensors, each, "tensor"));
  });
  if (node.has("workspace")) op.workspace = bytes_of(node.at("workspace"));
  if (node.has("in_place"))
    std::ranges::for_each(node.at("in_place").items(), [&](const Node& each) {
      op.in_place.push_back(read_pair(each, tensors));
    });
  if (node.has("adjacent"))
    std::ranges::for_each(node.at("adjacent").items(), [&](const Node& list) {
      op.adjacent.emplace_back();
      std::ranges::for_each(list.items(), [&](const Node& each) {
        op.adjacent.back().push_back(find_name(tensors, each, "tensor"));
      });
    });
  return op;
}

std::string quoted(const std::string& text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

// One item per line, so that documents can be read and compared.
template <class Items, class Line>
void write_list(std::string& out, std::string_view field, const Items& items, Line&& line) {
  out += fmt::format("  \"{}\": [", field);
  for (std::size_t i = 0; i < items.size(); ++i)
    out += (i == 0 ? "\n    " : ",\n    ") + line(items[i]);
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
    pairs += fmt::format("{}[{}]", pairs.empty() ? "" : ", ",
                         quoted_tensors(problem, {each.output, each.input}));
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
  const Node root(document, place);
  require_object(root, {"tensors", "operators"});
  Problem problem;
  std::ranges::for_each(root.at("tensors").items(),
                        [&](const Node& each) { problem.tensors.push_back(read_tensor(each)); });
  const Names tensors = names_of(problem.tensors);
  std::ranges::for_each(root.at("operators").items(), [&](const Node& each) {
    problem.operators.push_back(read_operator(each, tensors));
  });
  std::vector<Operator> sorted;
  for (const OperatorId id : stable_order(problem, place)) sorted.push_back(problem.operators[id]);
  problem.operators = std::move(sorted);
  return problem;
}

std::string problem_to_json(const Problem& problem) {
  std::string out = "{\n";
  write_list(out, "tensors", problem.tensors, [](const TensorInfo& tensor) {
    return fmt::format(R"({{"name": {}, "bytes": {}, "role": "{}"}})", quoted(tensor.name),
                       tensor.bytes, name(tensor.role));
  });
  out += ",\n";
  write_list(out, "operators", problem.operators, [&](const Operator& op) {
    const std::string workspace =
        op.workspace == 0 ? "" : fmt::format(R"(, "workspace": {})", op.workspace);
    return fmt::format(R"({{"name": {}, "inputs": [{}], "outputs": [{}]{}{}{}}})", quoted(op.name),
                       quoted_tensors(problem, op.inputs), quoted_tensors(problem, op.outputs),
                       workspace, in_place_field(problem, op), adjacent_field(problem, op));
  });
  return out + "\n}\n";
}

namespace {

std::string costs_json(const Plan& plan) {
  if (!priced(plan)) return "";
  const std::string move =
      plan.costs.move == no_moves ? "" : fmt::format(R"(, "move": {})", plan.costs.move);
  return fmt::format(
      "  \"costs\": {{\"read\": {}, \"write\": {}{}}},\n  \"cost\": {},\n  \"lower_bound_cost\": "
      "{},\n",
      plan.costs.read, plan.costs.write, move, plan.cost, plan.lower_bound_cost);
}

std::string frame_json(const Problem& problem, const Plan& plan) {
  if (!plan.frame) return "";
  return fmt::format(
      "  \"steady_state\": {{\"pinned\": [{}], \"frame_bytes\": {}, \"frame_cost\": {}, "
      "\"lower_bound_frame_cost\": {}}},\n",
      quoted_tensors(problem, plan.frame->pinned), plan.frame->bytes, plan.frame->cost,
      plan.frame->lower_bound_cost);
}

std::string residency_json(const Problem& problem, const Residency& each) {
  return fmt::format(R"({{"tensor": {}, "from": {}, "to": {}, "address": {}}})",
                     quoted_tensors(problem, {each.tensor}), each.from, each.to, each.address);
}

std::string second_level_json(const Problem& problem, const Plan& plan) {
  if (!plan.second_level) return "";
  const SecondLevel& level = *plan.second_level;
  std::string list;
  for (const Residency& each : level.residencies)
    list += (list.empty() ? "" : ", ") + residency_json(problem, each);
  return fmt::format(
      "  \"second_level\": {{\"bytes\": {}, \"price\": {}, \"residencies\": [{}], \"moved_bytes\": "
      "{}, \"off_chip_bytes\": {}, \"cost\": {}, \"lower_bound_cost\": {}}},\n",
      level.bytes, level.price, list, level.moved_bytes, level.off_chip_bytes, level.cost,
      level.lower_bound_cost);
}

Residency read_residency(const Node& each, const Names& tensors) {
  require_object(each, {"tensor", "from", "to", "address"});
  return {find_name(tensors, each.at("tensor"), "tensor"), step_of(each.at("from")),
          step_of(each.at("to")), bytes_of(each.at("address"))};
}

void read_second_level(const Node& root, const Names& tensors, Plan& plan) {
  if (!root.has("second_level")) return;
  const Node node = root.at("second_level");
  require_object(node, {"bytes", "price", "residencies", "moved_bytes", "off_chip_bytes", "cost",
                        "lower_bound_cost"});
  SecondLevel& level = plan.second_level.emplace();
  level.bytes = node.at("bytes").integer(1, kLargest);
  level.price = node.at("price").integer(0, most_cost);
  std::ranges::for_each(node.at("residencies").items(), [&](const Node& each) {
    level.residencies.push_back(read_residency(each, tensors));
  });
  level.moved_bytes = bytes_of(node.at("moved_bytes"));
  level.off_chip_bytes = bytes_of(node.at("off_chip_bytes"));
  level.cost = bytes_of(node.at("cost"));
  level.lower_bound_cost = bytes_of(node.at("lower_bound_cost"));
}

void read_frame(const Node& root, const Names& tensors, Plan& plan) {
  if (!root.has("steady_state")) return;
  const Node node = root.at("steady_state");
  require_object(node, {"pinned", "frame_bytes", "frame_cost", "lower_bound_frame_cost"});
  Frame& frame = plan.frame.emplace();
  std::ranges::for_each(node.at("pinned").items(), [&](const Node& each) {
    frame.pinned.push_back(find_name(tensors, each, "tensor"));
    if (frame.pinned.size() > 1 && frame.pinned.back() <= frame.pinned[frame.pinned.size() - 2])
      each.fail("is repeated or not in the problem's order");
  });
  frame.bytes = bytes_of(node.at("frame_bytes"));
  frame.cost = bytes_of(node.at("frame_cost"));
  frame.lower_bound_cost = bytes_of(node.at("lower_bound_frame_cost"));
}

void read_costs(const Node& root, Plan& plan) {
  if (!root.has("costs")) {
    for (const char* field : {"cost", "lower_bound_cost"})
      if (root.has(field)) root.fail(fmt::format("has the field '{}' without 'costs'", field));
    return;
  }
  const Node costs = root.at("costs");
  require_object(costs, {"read", "write", "move"});
  plan.costs.read = costs.at("read").integer(0, most_cost);
  plan.costs.write = costs.at("write").integer(0, most_cost);
  if (costs.has("move")) plan.costs.move = costs.at("move").integer(0, most_cost);
  if (!priced(plan)) costs.fail("holds the default costs, which are left out");
  plan.cost = bytes_of(root.at("cost"));
  plan.lower_bound_cost = bytes_of(root.at("lower_bound_cost"));
}

}  // namespace

std::string plan_to_json(const Problem& problem, const Plan& plan) {
  const auto tensor = [&](TensorId id) { return quoted(problem.tensors[id].name); };
  std::string out = fmt::format(
      "{{\n  \"scratchpad_bytes\": {},\n  \"alignment\": {},\n  \"status\": \"{}\",\n  "
      "\"traffic_bytes\": {},\n"
      "  \"compulsory_bytes\": {},\n  \"lower_bound_bytes\": {},\n  \"bound_origin\": {},\n",
      plan.scratchpad_bytes, plan.alignment, name(plan.status), plan.traffic_bytes,
      plan.compulsory_bytes, plan.lower_bound_bytes, quoted(plan.bound_origin));
  out += costs_json(plan) + frame_json(problem, plan) + second_level_json(problem, plan);
  write_list(out, "order", plan.order,
             [&](OperatorId id) { return quoted(problem.operators[id].name); });
  out += ",\n";
  write_list(out, "workspaces", plan.workspaces,
             [](std::int64_t address) { return std::to_string(address); });
  out += ",\n";
  write_list(out, "residencies", plan.residencies,
             [&](const Residency& each) { return residency_json(problem, each); });
  out += ",\n";
  write_list(out, "events", plan.events, [&](const Event& each) {
    return fmt::format(R"({{"step": {}, "action": "{}", "tensor": {}}})", each.step,
                       name(each.action), tensor(each.tensor));
  });
  return out + "\n}\n";
}

Plan plan_from_json(const Problem& problem, std::string_view text, std::string_view place) {
  const json document = parse_json(text, place, kDeepest);
  const Node root(document, place);
  require_object(root,
                 {"scratchpad_bytes", "alignment", "status", "traffic_bytes", "compulsory_bytes",
                  "lower_bound_bytes", "bound_origin", "costs", "cost", "lower_bound_cost",
                  "steady_state", "second_level", "order", "workspaces", "residencies", "events"});
  const Names tensors = names_of(problem.tensors), operators = names_of(problem.operators);
  Plan plan;
  plan.scratchpad_bytes = bytes_of(root.at("scratchpad_bytes"));
  plan.alignment = root.at("alignment").integer(1, kLargest);
  plan.status = choice_of(root.at("status"), {Status::optimal, Status::feasible, Status::infeasible,
                                              Status::undecided});
  plan.traffic_bytes = bytes_of(root.at("traffic_bytes"));
  plan.compulsory_bytes = bytes_of(root.at("compulsory_bytes"));
  plan.lower_bound_bytes = bytes_of(root.at("lower_bound_bytes"));
  plan.bound_origin = root.text("bound_origin");
  read_costs(root, plan);
  read_frame(root, tensors, plan);
  read_second_level(root, tensors, plan);
  std::ranges::for_each(root.at("order").items(), [&](const Node& each) {
    plan.order.push_back(find_name(operators, each, "operator"));
  });
  std::ranges::for_each(root.at("workspaces").items(),
                        [&](const Node& each) { plan.workspaces.push_back(bytes_of(each)); });
  std::ranges::for_each(root.at("residencies").items(), [&](const Node& each) {
    plan.residencies.push_back(read_residency(each, tensors));
  });
  std::ranges::for_each(root.at("events").items(), [&](const Node& each) {
    require_object(each, {"step", "action", "tensor"});
    plan.events.push_back(
        {step_of(each.at("step")),
         choice_of(each.at("action"), {Action::move, Action::load, Action::store, Action::drop}),
         find_name(tensors, each.at("tensor"), "tensor")});
  });
  return plan;
}

}  // namespace pliant::plan
