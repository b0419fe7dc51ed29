#include "models/language/files/json_fields.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"
#include "core/json.h"

namespace pliant {

struct JsonFields::Value {
  nlohmann::json json;

  const nlohmann::json* find(std::string_view key) const {
    const auto found = json.find(std::string(key));
    return found == json.end() || found->is_null() ? nullptr : &*found;
  }
};

namespace {

[[noreturn]] void wrong(const std::string& place, std::string_view key, std::string_view wanted) {
  throw Error(ErrorKind::format, place, fmt::format("'{}' is no {}", key, wanted));
}

const nlohmann::json& needed(const nlohmann::json* found, const std::string& place, std::string_view key) {
  if (found == nullptr) throw Error(ErrorKind::not_found, place, fmt::format("has no '{}'", key));
  return *found;
}

std::int64_t whole(const nlohmann::json& value, const std::string& place, std::string_view key) {
  const bool fits = value.is_number_integer() && (!value.is_number_unsigned() ||
                                                  value.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX));
  if (!fits) wrong(place, key, "whole number below 2^63");
  return value.get<std::int64_t>();
}

double real(const nlohmann::json& value, const std::string& place, std::string_view key) {
  if (!value.is_number()) wrong(place, key, "number");
  return value.get<double>();
}

template <typename T, typename Read>
std::vector<T> list(const nlohmann::json& value, const std::string& place, std::string_view key, const Read& read) {
  if (!value.is_array()) wrong(place, key, "list");
  std::vector<T> result;
  for (const nlohmann::json& each : value) result.push_back(read(each, place, key));
  return result;
}

}  // namespace

JsonFields::JsonFields(std::string_view text, std::string_view place)
    : value_(std::make_unique<Value>(Value{parse_json(text, place)})), place_(place) {
  if (!value_->json.is_object()) throw Error(ErrorKind::format, place_, "is no JSON object");
}
JsonFields::JsonFields(std::unique_ptr<Value> value, std::string place)
    : value_(std::move(value)), place_(std::move(place)) {}
JsonFields::~JsonFields() = default;
JsonFields::JsonFields(JsonFields&&) noexcept = default;

bool JsonFields::has(std::string_view key) const { return value_->find(key) != nullptr; }

std::int64_t JsonFields::integer(std::string_view key, std::optional<std::int64_t> otherwise) const {
  if (otherwise && !has(key)) return *otherwise;
  return whole(needed(value_->find(key), place_, key), place_, key);
}

double JsonFields::number(std::string_view key, std::optional<double> otherwise) const {
  if (otherwise && !has(key)) return *otherwise;
  return real(needed(value_->find(key), place_, key), place_, key);
}

bool JsonFields::truth(std::string_view key, std::optional<bool> otherwise) const {
  if (otherwise && !has(key)) return *otherwise;
  const nlohmann::json& value = needed(value_->find(key), place_, key);
  if (!value.is_boolean()) wrong(place_, key, "truth value");
  return value.get<bool>();
}

std::string JsonFields::text(std::string_view key, std::optional<std::string> otherwise) const {
  if (otherwise && !has(key)) return *otherwise;
  const nlohmann::json& value = needed(value_->find(key), place_, key);
  if (!value.is_string()) wrong(place_, key, "text");
  return value.get<std::string>();
}

std::vector<std::int64_t> JsonFields::integers(std::string_view key) const {
  return list<std::int64_t>(needed(value_->find(key), place_, key), place_, key, whole);
}

std::vector<double> JsonFields::numbers(std::string_view key) const {
  const nlohmann::json& value = needed(value_->find(key), place_, key);
  if (value.is_number()) return {value.get<double>()};
  return list<double>(value, place_, key, real);
}

std::vector<std::string> JsonFields::texts(std::string_view key) const {
  return list<std::string>(needed(value_->find(key), place_, key), place_, key,
                           [](const nlohmann::json& each, const std::string& place, std::string_view name) {
                             if (!each.is_string()) wrong(place, name, "list of texts");
                             return each.get<std::string>();
                           });
}

std::optional<JsonFields> JsonFields::object(std::string_view key) const {
  const nlohmann::json* value = value_->find(key);
  if (value == nullptr) return {};
  if (!value->is_object()) wrong(place_, key, "object");
  return JsonFields(std::make_unique<Value>(Value{*value}), fmt::format("{}: {}", place_, key));
}

}  // namespace pliant
