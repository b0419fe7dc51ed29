// Strict JSON, the one way that files and requests of others are parsed. For .cpp files only: it
// brings the JSON library's header.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pliant {

// Throws Error{format} at `place` for anything but one JSON value: broken text (with its byte), a
// number no double holds, a field given twice in one object, nesting deeper than `max_depth`.
nlohmann::json parse_json(std::string_view text, std::string_view place, int max_depth = 64);
nlohmann::ordered_json parse_ordered_json(std::string_view text, std::string_view place,
                                          int max_depth = 64);

// A value of a document and where it stands there, as "net.json: tensors[3].bytes". The document
// must outlive it. Everything that is not as asked for throws Error{format} at that place.
class JsonNode {
 public:
  JsonNode(const nlohmann::json& document, std::string_view place)
      : JsonNode(document, std::string(place), ": ") {}
  JsonNode(const nlohmann::json&& document, std::string_view place) = delete;  // would dangle

  const nlohmann::json& json() const { return *json_; }
  const std::string& place() const { return place_; }
  std::string place(std::string_view key) const;  // of a field
  [[noreturn]] void fail(std::string problem) const { fail("", std::move(problem)); }
  [[noreturn]] void fail(std::string_view key, std::string problem,
                         std::string next_step = "") const;

  // The value itself.
  std::string text() const;
  std::int64_t integer(std::int64_t low = std::numeric_limits<std::int64_t>::min(),
                       std::int64_t high = std::numeric_limits<std::int64_t>::max()) const;
  double number() const;
  bool truth() const;
  std::vector<JsonNode> items() const;  // of a list

  // Fields of an object; one that is null counts as absent, where it may be.
  const JsonNode& object() const;  // itself
  // refuses others, naming the nearest, and null
  void only(std::span<const std::string_view> keys) const;
  bool has(std::string_view key) const;
  JsonNode at(std::string_view key) const;
  std::optional<JsonNode> find(std::string_view key) const;
  JsonNode object(std::string_view key) const { return at(key).object(); }
  std::vector<JsonNode> objects(std::string_view key) const;  // a list of them
  // for long ones, whose places nobody asks for
  const nlohmann::json& list(std::string_view key) const;

  // at(key), or `otherwise` for an absent field.
  std::string text(std::string_view key, std::optional<std::string> otherwise = {}) const;
  std::int64_t integer(std::string_view key, std::optional<std::int64_t> otherwise = {}) const;
  double number(std::string_view key, std::optional<double> otherwise = {}) const;
  bool truth(std::string_view key, std::optional<bool> otherwise = {}) const;
  std::vector<std::string> texts(std::string_view key) const;
  std::vector<std::int64_t> integers(std::string_view key) const;
  std::vector<double> numbers(std::string_view key) const;  // one number is a list of one

 private:
  JsonNode(const nlohmann::json& json, std::string place, const char* separator)
      : json_(&json), place_(std::move(place)), separator_(separator) {}
  [[noreturn]] void not_a(std::string_view wanted) const;

  const nlohmann::json* json_;
  std::string place_;
  const char* separator_;  // between the place and a key
};

}  // namespace pliant
