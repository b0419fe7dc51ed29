#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "core/json.h"
#include "core/suggest.h"

namespace pliant {

std::string JsonNode::place(std::string_view key) const {
  return key.empty() ? place_ : fmt::format("{}{}{}", place_, separator_, key);
}

void JsonNode::fail(std::string_view key, std::string problem, std::string next_step) const {
  throw Error(ErrorKind::format, place(key), std::move(problem), std::move(next_step));
}

void JsonNode::not_a(std::string_view wanted) const {
  fail(fmt::format("is {}, not {}", json_->type_name(), wanted));
}

std::string JsonNode::text() const {
  if (!json_->is_string()) not_a("a string");
  return json_->get<std::string>();
}

std::int64_t JsonNode::integer(std::int64_t low, std::int64_t high) const {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  const bool all = low == std::numeric_limits<std::int64_t>::min() && high == most;
  const std::string wanted =
      all ? "a whole number below 2^63" : fmt::format("an integer from {} to {}", low, high);
  if (!json_->is_number()) not_a(wanted);
  const bool huge =
      json_->is_number_unsigned() && json_->get<std::uint64_t>() > std::uint64_t{most};
  const bool fits = json_->is_number_integer() && !huge;
  if (!fits || json_->get<std::int64_t>() < low || json_->get<std::int64_t>() > high)
    fail(fmt::format("is {}, not {}", json_->dump(), wanted));
  return json_->get<std::int64_t>();
}

double JsonNode::number() const {
  if (!json_->is_number()) not_a("a number");
  return json_->get<double>();
}

bool JsonNode::truth() const {
  if (!json_->is_boolean()) not_a("true or false");
  return json_->get<bool>();
}

std::vector<JsonNode> JsonNode::items() const {
  if (!json_->is_array()) not_a("an array");
  std::vector<JsonNode> items;
  items.reserve(json_->size());
  for (const nlohmann::json& each : *json_)
    items.push_back({each, fmt::format("{}[{}]", place_, items.size()), "."});
  return items;
}

const JsonNode& JsonNode::object() const {
  if (!json_->is_object()) not_a("an object");
  return *this;
}

void JsonNode::only(std::span<const std::string_view> keys) const {
  for (const auto& [key, value] : object().json().items()) {
    if (value.is_null()) fail(key, "is null");
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    const std::vector<std::string> known(keys.begin(), keys.end());
    fail("", fmt::format("unknown field '{}'", key),
         did_you_mean(key, known, fmt::format("known: {}", fmt::join(keys, ", "))));
  }
}

bool JsonNode::has(std::string_view key) const {
  const auto found = object().json().find(key);
  return found != json_->end() && !found->is_null();
}

JsonNode JsonNode::at(std::string_view key) const {
  const auto found = object().json().find(key);
  if (found == json_->end()) fail(fmt::format("lacks the field '{}'", key));
  return {*found, place(key), "."};
}

std::optional<JsonNode> JsonNode::find(std::string_view key) const {
  return has(key) ? std::optional(at(key)) : std::nullopt;
}

std::vector<JsonNode> JsonNode::objects(std::string_view key) const {
  std::vector<JsonNode> items = at(key).items();
  for (const JsonNode& each : items) each.object();
  return items;
}

const nlohmann::json& JsonNode::list(std::string_view key) const {
  const JsonNode found = at(key);
  if (!found.json().is_array()) found.not_a("an array");
  return found.json();
}

std::string JsonNode::text(std::string_view key, std::optional<std::string> otherwise) const {
  return otherwise && !has(key) ? *otherwise : at(key).text();
}

std::int64_t JsonNode::integer(std::string_view key, std::optional<std::int64_t> otherwise) const {
  return otherwise && !has(key) ? *otherwise : at(key).integer();
}

double JsonNode::number(std::string_view key, std::optional<double> otherwise) const {
  return otherwise && !has(key) ? *otherwise : at(key).number();
}

bool JsonNode::truth(std::string_view key, std::optional<bool> otherwise) const {
  return otherwise && !has(key) ? *otherwise : at(key).truth();
}

std::vector<std::string> JsonNode::texts(std::string_view key) const {
  std::vector<std::string> result;
  for (const JsonNode& each : at(key).items()) result.push_back(each.text());
  return result;
}

std::vector<std::int64_t> JsonNode::integers(std::string_view key) const {
  std::vector<std::int64_t> result;
  for (const JsonNode& each : at(key).items()) result.push_back(each.integer());
  return result;
}

std::vector<double> JsonNode::numbers(std::string_view key) const {
  const JsonNode list = at(key);
  if (list.json().is_number()) return {list.number()};
  std::vector<double> result;
  for (const JsonNode& each : list.items()) result.push_back(each.number());
  return result;
}

}  // namespace pliant
