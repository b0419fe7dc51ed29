#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/json.h"
#include "plan/checker/checker.h"

namespace pliant::checker {
namespace {

using Json = nlohmann::json;
using Ids = std::unordered_map<std::string, std::int64_t>;

// One document: every complaint begins with its name.
class Document {
 public:
  Document(std::string name, std::string_view text)
      : name_(std::move(name)), root_(parse_json(text, name_, 8)) {}

  const Json& root() const { return root_; }

  [[noreturn]] void complain(std::string problem, ErrorKind kind = ErrorKind::format) const {
    throw Error(kind, name_, std::move(problem));
  }

  // The object's fields must be among `fields`; those that end in '?' may be absent.
  void expect_fields(const Json& object, std::string_view where,
                     const std::vector<std::string>& fields) const {
    if (!object.is_object()) complain(fmt::format("{} is not an object", where));
    std::size_t present = 0;
    for (std::string field : fields) {
      const bool optional = field.ends_with('?');
      if (optional) field.pop_back();
      const bool found = object.contains(field);
      if (!found && !optional) complain(fmt::format("{} lacks '{}'", where, field));
      present += found;
    }
    if (present != object.size())
      complain(fmt::format("{} has a field other than {}", where, fmt::join(fields, ", ")));
  }

  std::int64_t integer(const Json& value, std::string_view where) const {
    const bool fits = value.is_number_integer() &&
                      (!value.is_number_unsigned() ||
                       value.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX));
    if (!fits) complain(fmt::format("{} is {}, not a 64-bit integer", where, value.dump()));
    return value.get<std::int64_t>();
  }

  std::string text(const Json& value, std::string_view where) const {
    if (!value.is_string()) complain(fmt::format("{} is not a string", where));
    return value.get<std::string>();
  }

  const Json& list(const Json& value, std::string_view where) const {
    if (!value.is_array()) complain(fmt::format("{} is not an array", where));
    return value;
  }

  std::int64_t id(const Json& value, const Ids& ids, std::string_view where) const {
    const auto found = ids.find(text(value, where));
    if (found == ids.end())
      complain(fmt::format("{} is {}, a name that the problem lacks", where, value.dump()),
               ErrorKind::invalid);
    return found->second;
  }

  std::int64_t word(const Json& value, const std::vector<std::string>& words,
                    std::string_view where) const {
    const auto found = std::find(words.begin(), words.end(), text(value, where));
    if (found == words.end())
      complain(fmt::format("{} is {}, not one of {}", where, value.dump(), fmt::join(words, ", ")));
    return found - words.begin();
  }

  void enter(Ids& ids, const std::string& name) const {
    if (!ids.emplace(name, static_cast<std::int64_t>(ids.size())).second)
      complain(fmt::format("two entries are named '{}'", name), ErrorKind::invalid);
  }

 private:
  std::string name_;
  Json root_;
};

Network read_network(const Document& doc, Ids& tensors, Ids& operators) {
  Network network;
  doc.expect_fields(doc.root(), "the document", {"tensors", "operators"});
  for (const Json& each : doc.list(doc.root()["tensors"], "tensors")) {
    doc.expect_fields(each, "a tensor", {"name", "bytes", "role"});
    network.tensors.push_back(
        {doc.text(each["name"], "name"), doc.integer(each["bytes"], "bytes"),
         static_cast<Role>(
             doc.word(each["role"], {"input", "weight", "activation", "output"}, "role"))});
    doc.enter(tensors, network.tensors.back().name);
  }
  for (const Json& each : doc.list(doc.root()["operators"], "operators")) {
    doc.expect_fields(each, "an operator",
                      {"name", "inputs", "outputs", "workspace?", "in_place?", "adjacent?"});
    Network::Operator op;
    op.name = doc.text(each["name"], "name");
    for (const Json& tensor : doc.list(each["inputs"], "inputs"))
      op.inputs.push_back(doc.id(tensor, tensors, "inputs"));
    for (const Json& tensor : doc.list(each["outputs"], "outputs"))
      op.outputs.push_back(doc.id(tensor, tensors, "outputs"));
    if (each.contains("workspace")) op.workspace = doc.integer(each["workspace"], "workspace");
    if (each.contains("in_place"))
      for (const Json& pair : doc.list(each["in_place"], "in_place")) {
        if (doc.list(pair, "a pair of in_place").size() != 2)
          doc.complain("a pair of in_place has not two names");
        op.in_place.emplace_back(doc.id(pair[0], tensors, "in_place"),
                                 doc.id(pair[1], tensors, "in_place"));
      }
    if (each.contains("adjacent"))
      for (const Json& list : doc.list(each["adjacent"], "adjacent")) {
        op.adjacent.emplace_back();
        for (const Json& tensor : doc.list(list, "a list of adjacent"))
          op.adjacent.back().push_back(doc.id(tensor, tensors, "adjacent"));
      }
    doc.enter(operators, op.name);
    network.operators.push_back(std::move(op));
  }
  return network;
}

void read_prices(const Document& doc, Claim& claim) {
  const Json& root = doc.root();
  const bool priced = root.contains("costs");
  for (const char* field : {"cost", "lower_bound_cost"})
    if (root.contains(field) != priced)
      doc.complain("'costs', 'cost' and 'lower_bound_cost' come together");
  if (!priced) return;
  doc.expect_fields(root["costs"], "costs", {"read", "write", "move?"});
  if (root["costs"].contains("move") && doc.integer(root["costs"]["move"], "move") < 0)
    doc.complain("move is negative");
  const std::int64_t move =
      root["costs"].contains("move") ? doc.integer(root["costs"]["move"], "move") : -1;
  claim.prices = {{doc.integer(root["costs"]["read"], "read"),
                   doc.integer(root["costs"]["write"], "write"), move,
                   doc.integer(root["cost"], "cost"),
                   doc.integer(root["lower_bound_cost"], "lower_bound_cost")}};
}

void read_frame(const Document& doc, const Ids& tensors, Claim& claim) {
  if (!doc.root().contains("steady_state")) return;
  const Json& json = doc.root()["steady_state"];
  doc.expect_fields(json, "steady_state",
                    {"pinned", "frame_bytes", "frame_cost", "lower_bound_frame_cost"});
  Claim::Frame& frame = claim.frame.emplace(Claim::Frame{});
  for (const Json& each : doc.list(json["pinned"], "pinned"))
    frame.pinned.push_back(doc.id(each, tensors, "pinned"));
  frame.bytes = doc.integer(json["frame_bytes"], "frame_bytes");
  frame.cost = doc.integer(json["frame_cost"], "frame_cost");
  frame.lower_bound_cost = doc.integer(json["lower_bound_frame_cost"], "lower_bound_frame_cost");
}

Claim::Residency read_residency(const Document& doc, const Ids& tensors, const Json& each) {
  doc.expect_fields(each, "a residency", {"tensor", "from", "to", "address"});
  return {doc.id(each["tensor"], tensors, "tensor"), doc.integer(each["from"], "from"),
          doc.integer(each["to"], "to"), doc.integer(each["address"], "address")};
}

void read_second_level(const Document& doc, const Ids& tensors, Claim& claim) {
  if (!doc.root().contains("second_level")) return;
  const Json& json = doc.root()["second_level"];
  doc.expect_fields(json, "second_level",
                    {"bytes", "price", "residencies", "moved_bytes", "off_chip_bytes", "cost",
                     "lower_bound_cost"});
  Claim::SecondLevel& level = claim.second_level.emplace(Claim::SecondLevel{});
  for (const Json& each : doc.list(json["residencies"], "residencies"))
    level.residencies.push_back(read_residency(doc, tensors, each));
  level.bytes = doc.integer(json["bytes"], "bytes");
  level.price = doc.integer(json["price"], "price");
  level.moved_bytes = doc.integer(json["moved_bytes"], "moved_bytes");
  level.off_chip_bytes = doc.integer(json["off_chip_bytes"], "off_chip_bytes");
  level.cost = doc.integer(json["cost"], "cost");
  level.lower_bound_cost = doc.integer(json["lower_bound_cost"], "lower_bound_cost");
}

Claim read_claim(const Document& doc, const Ids& tensors, const Ids& operators) {
  const Json& root = doc.root();
  doc.expect_fields(
      root, "the document",
      {"scratchpad_bytes", "alignment", "status", "traffic_bytes", "compulsory_bytes",
       "lower_bound_bytes", "bound_origin", "costs?", "cost?", "lower_bound_cost?", "steady_state?",
       "second_level?", "order", "workspaces", "residencies", "events"});
  Claim claim;
  claim.scratchpad_bytes = doc.integer(root["scratchpad_bytes"], "scratchpad_bytes");
  claim.alignment = doc.integer(root["alignment"], "alignment");
  claim.status = static_cast<Status>(
      doc.word(root["status"], {"optimal", "feasible", "infeasible", "undecided"}, "status"));
  claim.traffic_bytes = doc.integer(root["traffic_bytes"], "traffic_bytes");
  claim.compulsory_bytes = doc.integer(root["compulsory_bytes"], "compulsory_bytes");
  claim.lower_bound_bytes = doc.integer(root["lower_bound_bytes"], "lower_bound_bytes");
  claim.bound_origin = doc.text(root["bound_origin"], "bound_origin");
  read_prices(doc, claim);
  read_frame(doc, tensors, claim);
  read_second_level(doc, tensors, claim);
  for (const Json& each : doc.list(root["order"], "order"))
    claim.order.push_back(doc.id(each, operators, "order"));
  for (const Json& each : doc.list(root["workspaces"], "workspaces"))
    claim.workspaces.push_back(doc.integer(each, "workspaces"));
  for (const Json& each : doc.list(root["residencies"], "residencies"))
    claim.residencies.push_back(read_residency(doc, tensors, each));
  for (const Json& each : doc.list(root["events"], "events")) {
    doc.expect_fields(each, "an event", {"step", "action", "tensor"});
    claim.events.push_back(
        {doc.integer(each["step"], "step"),
         static_cast<Action>(doc.word(each["action"], {"move", "load", "store", "drop"}, "action")),
         doc.id(each["tensor"], tensors, "tensor")});
  }
  return claim;
}

}  // namespace

Verdict check_json(std::string_view problem_json, std::string_view plan_json) {
  Ids tensors, operators;
  const Network network = read_network(Document("problem", problem_json), tensors, operators);
  const Claim claim = read_claim(Document("plan", plan_json), tensors, operators);
  return check(network, claim);
}

}  // namespace pliant::checker
