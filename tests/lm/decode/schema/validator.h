// JSON schema by its definition, on parsed values: written apart from the product's reader to judge
// its grammars.
#pragma once

#include <algorithm>
#include <cmath>
#include <regex>
#include <string>

#include "core/json.h"
#include "core/utf8.h"

namespace pliant::lm {

class SchemaValidator {
 public:
  using Json = nlohmann::json;
  explicit SchemaValidator(const Json& document) : document_(document) {}

  bool valid(const Json& value) const { return valid(value, document_); }

  bool valid(const Json& value, const Json& schema) const {
    if (schema.is_boolean()) return schema.get<bool>();
    if (schema.contains("$ref") && !valid(value, document_.at(Json::json_pointer(
                                                     schema["$ref"].get<std::string>().substr(1)))))
      return false;
    if (schema.contains("type") && !has_type(value, schema["type"])) return false;
    if (schema.contains("const") && value != schema["const"]) return false;
    if (schema.contains("enum") &&
        std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
      return false;
    return valid_parts(value, schema) && valid_number(value, schema) &&
           valid_string(value, schema) && valid_array(value, schema) && valid_object(value, schema);
  }

 private:
  static bool has_type(const Json& value, const Json& type) {
    if (type.is_array())
      return std::any_of(type.begin(), type.end(),
                         [&](const Json& each) { return has_type(value, each); });
    if (type == "null") return value.is_null();
    if (type == "boolean") return value.is_boolean();
    if (type == "integer")
      return value.is_number() && std::trunc(value.get<double>()) == value.get<double>();
    if (type == "number") return value.is_number();
    if (type == "string") return value.is_string();
    return type == "array" ? value.is_array() : value.is_object();
  }

  bool valid_parts(const Json& value, const Json& schema) const {
    const auto count = [&](const char* key) {
      return std::count_if(schema[key].begin(), schema[key].end(),
                           [&](const Json& each) { return valid(value, each); });
    };
    if (schema.contains("allOf") &&
        count("allOf") != static_cast<std::ptrdiff_t>(schema["allOf"].size()))
      return false;
    if (schema.contains("anyOf") && count("anyOf") == 0) return false;
    return !schema.contains("oneOf") || count("oneOf") == 1;
  }

  static bool valid_number(const Json& value, const Json& schema) {
    if (!value.is_number()) return true;
    const double number = value.get<double>();
    const auto fits = [&](const char* key, auto compare) {
      return !schema.contains(key) || compare(number, schema[key].template get<double>());
    };
    return fits("minimum", std::greater_equal<>()) && fits("maximum", std::less_equal<>()) &&
           fits("exclusiveMinimum", std::greater<>()) && fits("exclusiveMaximum", std::less<>());
  }

  static bool valid_string(const Json& value, const Json& schema) {
    if (!value.is_string()) return true;
    const auto text = value.get<std::string>();
    const auto length = static_cast<std::int64_t>(code_points(text).size());
    if (length < schema.value("minLength", std::int64_t{0})) return false;
    if (length > schema.value("maxLength", length)) return false;
    if (schema.contains("pattern") &&
        !std::regex_search(wide(text), std::wregex(wide(schema["pattern"]))))
      return false;
    return !schema.contains("format") || valid_format(text, schema["format"]);
  }

  static std::wstring wide(const std::string& text) {
    const std::u32string codes = code_points(text);
    return {codes.begin(), codes.end()};
  }

  static bool valid_format(const std::string& text, const std::string& format) {
    if (format == "uuid")
      return std::regex_match(text,
                              std::regex("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"));
    if (format == "time") return valid_time(text);
    if (format == "date") return valid_date(text);
    return text.size() > 11 && text[10] == 'T' && valid_date(text.substr(0, 10)) &&
           valid_time(text.substr(11));
  }

  static bool valid_date(const std::string& text) {
    std::smatch parts;
    if (!std::regex_match(text, parts, std::regex("(\\d{4})-(\\d\\d)-(\\d\\d)"))) return false;
    const int year = std::stoi(parts[1]), month = std::stoi(parts[2]), day = std::stoi(parts[3]);
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    const int days[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
  }

  static bool valid_time(const std::string& text) {
    std::smatch parts;
    const std::regex form("(\\d\\d):(\\d\\d):(\\d\\d)(\\.\\d+)?(Z|[+-](\\d\\d):(\\d\\d))");
    if (!std::regex_match(text, parts, form)) return false;
    const auto below = [&](int part, int bound) {
      return !parts[part].matched || std::stoi(parts[part]) < bound;
    };
    return below(1, 24) && below(2, 60) && below(3, 60) && below(6, 24) && below(7, 60);
  }

  bool valid_array(const Json& value, const Json& schema) const {
    if (!value.is_array()) return true;
    if (value.size() < schema.value("minItems", std::size_t{0}) ||
        value.size() > schema.value("maxItems", value.size()))
      return false;
    const Json prefix = schema.value("prefixItems", Json::array());
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i < prefix.size() ? !valid(value[i], prefix[i])
                            : schema.contains("items") && !valid(value[i], schema["items"]))
        return false;
    }
    return true;
  }

  bool valid_object(const Json& value, const Json& schema) const {
    if (!value.is_object()) return true;
    for (const Json& name : schema.value("required", Json::array()))
      if (!value.contains(name.get<std::string>())) return false;
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [name, each] : value.items()) {
      if (properties.contains(name) ? !valid(each, properties[name])
                                    : schema.contains("additionalProperties") &&
                                          !valid(each, schema["additionalProperties"]))
        return false;
    }
    return value.size() >= schema.value("minProperties", std::size_t{0}) &&
           value.size() <= schema.value("maxProperties", value.size());
  }

  const Json& document_;
};

}  // namespace pliant::lm
