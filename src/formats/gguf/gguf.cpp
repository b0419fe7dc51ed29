#include "formats/gguf/gguf.h"

#include <fmt/format.h>

#include <optional>
#include <type_traits>

#include "core/error.h"

namespace pliant {
namespace {

template <typename T>
constexpr bool is_integer = std::is_integral_v<T> && !std::is_same_v<T, bool>;
template <typename T>
constexpr bool is_number = is_integer<T> || std::is_floating_point_v<T>;

[[noreturn]] void wrong_type(std::string_view key, std::string_view wanted) {
  throw Error(ErrorKind::format, fmt::format("metadata {}", key), fmt::format("is no {}", wanted));
}

const GgufValue& value_of(const Gguf& file, std::string_view key) {
  if (const GgufValue* value = file.find(key)) return *value;
  throw Error(ErrorKind::not_found, fmt::format("metadata {}", key), "the file does not have it");
}

template <typename T>
const T& exact(const Gguf& file, std::string_view key, std::string_view wanted) {
  if (const auto* value = std::get_if<T>(&value_of(file, key))) return *value;
  wrong_type(key, wanted);
}

template <typename T>
std::int64_t as_integer(T value, std::string_view key) {
  if (!std::in_range<std::int64_t>(value)) wrong_type(key, "integer below 2^63");
  return static_cast<std::int64_t>(value);
}

// One value as a list of one, an array item by item; nothing for any type without `convert`'s
// blessing.
template <typename Result, typename Convert>
std::vector<Result> list(const Gguf& file, std::string_view key, std::string_view wanted,
                         const Convert& convert) {
  std::vector<Result> result;
  const auto add = [&]<typename T>(const T& item) {
    const std::optional<Result> converted = convert(item);
    if (!converted) wrong_type(key, wanted);
    result.push_back(*converted);
  };
  std::visit(
      [&]<typename T>(const T& value) {
        if constexpr (std::is_same_v<T, GgufArray>)
          std::visit(
              [&]<typename Item>(const std::vector<Item>& items) {
                for (const Item& item : items) add(item);
              },
              value.items);
        else add(value);
      },
      value_of(file, key));
  return result;
}

}  // namespace

const GgufValue* Gguf::find(std::string_view key) const {
  for (const auto& [name, value] : metadata)
    if (name == key) return &value;
  return nullptr;
}

std::int64_t Gguf::integer(std::string_view key) const {
  return std::visit(
      [&]<typename T>(const T& value) -> std::int64_t {
        if constexpr (is_integer<T>) return as_integer(value, key);
        else wrong_type(key, "integer");
      },
      value_of(*this, key));
}

double Gguf::number(std::string_view key) const {
  return std::visit(
      [&]<typename T>(const T& value) -> double {
        if constexpr (is_number<T>) return static_cast<double>(value);
        else wrong_type(key, "number");
      },
      value_of(*this, key));
}

bool Gguf::truth(std::string_view key) const { return exact<bool>(*this, key, "truth value"); }
const std::string& Gguf::text(std::string_view key) const {
  return exact<std::string>(*this, key, "string");
}

std::vector<std::int64_t> Gguf::integers(std::string_view key) const {
  return list<std::int64_t>(*this, key, "array of integers",
                            [&]<typename T>(const T& item) -> std::optional<std::int64_t> {
                              if constexpr (is_integer<T>) return as_integer(item, key);
                              else return std::nullopt;
                            });
}

std::vector<double> Gguf::numbers(std::string_view key) const {
  return list<double>(*this, key, "array of numbers",
                      []<typename T>(const T& item) -> std::optional<double> {
                        if constexpr (is_number<T>) return static_cast<double>(item);
                        else return std::nullopt;
                      });
}

const std::vector<std::string>& Gguf::texts(std::string_view key) const {
  const auto& array = exact<GgufArray>(*this, key, "array of strings");
  if (const auto* items = std::get_if<std::vector<std::string>>(&array.items)) return *items;
  wrong_type(key, "array of strings");
}

}  // namespace pliant
