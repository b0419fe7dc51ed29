// Typed fields of a JSON object of others, each error naming the file and the field.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pliant {

class JsonFields {
 public:
  // Throws Error{format} unless `text` is one JSON object.
  JsonFields(std::string_view text, std::string_view place);
  ~JsonFields();
  JsonFields(JsonFields&&) noexcept;

  const std::string& place() const { return place_; }
  bool has(std::string_view key) const;  // a field that is null counts as absent

  // Throw Error{not_found} for an absent field without `otherwise`, Error{format} for one of another type.
  std::int64_t integer(std::string_view key, std::optional<std::int64_t> otherwise = {}) const;
  double number(std::string_view key, std::optional<double> otherwise = {}) const;
  bool truth(std::string_view key, std::optional<bool> otherwise = {}) const;
  std::string text(std::string_view key, std::optional<std::string> otherwise = {}) const;
  std::vector<std::int64_t> integers(std::string_view key) const;
  std::vector<double> numbers(std::string_view key) const;  // one number is a list of one
  std::vector<std::string> texts(std::string_view key) const;
  std::optional<JsonFields> object(std::string_view key) const;  // none if absent

 private:
  struct Value;
  JsonFields(std::unique_ptr<Value> value, std::string place);
  std::unique_ptr<Value> value_;
  std::string place_;
};

}  // namespace pliant
