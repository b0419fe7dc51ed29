#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include "core/error.h"
#include "core/json.h"
#include "lm/decode/schema/schema.h"

namespace pliant::lm {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t largest_schema_count = 1 << 20;
constexpr std::size_t most_prefix_items = 512;

constexpr std::array annotations = {
    "$schema", "$id",         "$comment",    "$anchor",         "title",           "description",
    "default", "examples",    "example",     "deprecated",      "readOnly",        "writeOnly",
    "$defs",   "$vocabulary", "definitions", "contentEncoding", "contentMediaType"};

unsigned type_of(const Json& value) {
  if (value.is_null()) return null_type;
  if (value.is_boolean()) return boolean_type;
  if (value.is_number_integer()) return integer_type;
  if (value.is_number() && std::trunc(value.get<double>()) == value.get<double>())
    return integer_type;
  if (value.is_number()) return fraction_type;
  if (value.is_string()) return string_type;
  return value.is_array() ? array_type : object_type;
}

Decimal decimal_of(const Json& value) {
  std::string text =
      value.is_number_float() ? fmt::format("{}", value.get<double>()) : value.dump();
  Decimal result;
  result.negative = text.starts_with('-');
  if (result.negative) text.erase(0, 1);
  int exponent = 0;
  if (const auto at = text.find_first_of("eE"); at != std::string::npos) {
    exponent = std::stoi(text.substr(at + 1));
    text.resize(at);
  }
  const auto point = text.find('.');
  std::string digits = text.substr(0, point);
  int whole = digits.size();
  if (point != std::string::npos) digits += text.substr(point + 1);
  whole += exponent;
  if (whole <= 0) digits.insert(0, static_cast<std::size_t>(1 - whole), '0'), whole = 1;
  if (whole > static_cast<int>(digits.size())) digits.resize(whole, '0');
  result.whole = digits.substr(0, whole);
  result.fraction = digits.substr(whole);
  result.whole.erase(0, std::min(result.whole.find_first_not_of('0'), result.whole.size() - 1));
  result.fraction.erase(result.fraction.find_last_not_of('0') + 1);
  if (result.whole == "0" && result.fraction.empty()) result.negative = false;
  return result;
}

class SchemaReader {
 public:
  SchemaReader(const Json& document, SchemaSet& set) : document_(document), set_(set) {}

  SchemaRef read_all() {
    const SchemaRef root = read(document_, "#");
    while (!open_.empty()) {
      const auto [json, schema] = open_.back();
      open_.pop_back();
      fill(*schema, *json);
    }
    return root;
  }

 private:
  // The schema of a place of the document, which is filled later: references may chain and cycle.
  SchemaRef read(const Json& json, const std::string& path) {
    const auto [found, fresh] = known_.emplace(&json, nullptr);
    if (!fresh) return found->second;
    Schema& schema = set_.add();
    schema.facts.path = path;
    open_.emplace_back(&json, &schema);
    return found->second = &schema;
  }

  void fill(Schema& schema, const Json& json) {
    const std::string path = schema.facts.path;
    if (json.is_boolean()) {
      if (!json.get<bool>()) schema.facts.types = 0;
      return;
    }
    if (!json.is_object()) reject_schema(path, "a schema is an object, true or false");
    for (const auto& [key, value] : json.items()) read_keyword(schema, key, value, path);
    check_bounds(schema.facts);
  }

  void read_keyword(Schema& schema, const std::string& key, const Json& value,
                    const std::string& path) {
    const std::string here = path + "/" + key;
    if (std::find(annotations.begin(), annotations.end(), key) != annotations.end()) return;
    if (read_general(schema, key, value, here) || read_number(schema.facts, key, value, here) ||
        read_string(schema.facts, key, value, here) || read_array(schema.facts, key, value, here) ||
        read_object(schema.facts, key, value, here))
      return;
    refuse_schema(here, "a keyword that is not understood");
  }

  bool read_general(Schema& schema, const std::string& key, const Json& value,
                    const std::string& here) {
    if (key == "type") {
      schema.facts.types &= read_types(value, here);
    } else if (key == "enum") {
      if (!value.is_array() || value.empty()) reject_schema(here, "a list of values expected");
      restrict_values(schema.facts, value);
    } else if (key == "const") {
      restrict_values(schema.facts, Json::array({value}));
    } else if (key == "$ref") {
      schema.reference = resolve(value, here);
    } else if (key == "allOf") {
      schema.all_of = read_list(value, here);
    } else if (key == "anyOf" || key == "oneOf") {
      schema.groups.push_back({read_list(value, here), key == "oneOf"});
    } else {
      return false;
    }
    return true;
  }

  static bool read_number(SchemaFacts& facts, const std::string& key, const Json& value,
                          const std::string& here) {
    const bool low = key == "minimum" || key == "exclusiveMinimum",
               high = key == "maximum" || key == "exclusiveMaximum";
    if (low || high) {
      if (!value.is_number()) reject_schema(here, "a number expected");
      tighten(low ? facts.minimum : facts.maximum,
              {decimal_of(value), key.starts_with("exclusive")}, low);
      return true;
    }
    return false;
  }

  static void tighten(std::optional<SchemaBound>& bound, SchemaBound fresh, bool low) {
    const int order = bound ? compare(fresh.value, bound->value) : 0;
    if (!bound || (low ? order > 0 : order < 0) || (order == 0 && fresh.exclusive))
      bound = std::move(fresh);
  }

  static bool read_string(SchemaFacts& facts, const std::string& key, const Json& value,
                          const std::string& here) {
    if (key == "minLength") facts.min_length = read_count(value, here);
    else if (key == "maxLength") facts.max_length = read_count(value, here);
    else if (key == "pattern") facts.pattern = read_text(value, here);
    else if (key == "format") facts.format = read_text(value, here);
    else return false;
    return true;
  }

  bool read_array(SchemaFacts& facts, const std::string& key, const Json& value,
                  const std::string& here) {
    if (key == "minItems") {
      facts.min_items = read_count(value, here);
    } else if (key == "maxItems") {
      facts.max_items = read_count(value, here);
    } else if (key == "prefixItems") {
      facts.prefix_items = read_list(value, here);
    } else if (key == "items") {
      if (value.is_array()) refuse_schema(here, "a list of schemas; use prefixItems");
      facts.more_items = value == false ? Extras::none : Extras::as_schema;
      facts.items = read(value, here);
    } else if (key == "uniqueItems") {
      if (value != false) refuse_schema(here, "a grammar cannot compare items");
    } else {
      return false;
    }
    return true;
  }

  bool read_object(SchemaFacts& facts, const std::string& key, const Json& value,
                   const std::string& here) {
    if (key == "properties") {
      if (!value.is_object()) reject_schema(here, "an object of schemas expected");
      for (const auto& [name, each] : value.items())
        facts.properties.push_back({name, read(each, here + "/" + name)});
    } else if (key == "required") {
      if (!value.is_array()) reject_schema(here, "a list of names expected");
      for (const Json& each : value) facts.required.push_back(read_text(each, here));
    } else if (key == "additionalProperties") {
      facts.more_properties = value == false ? Extras::none : Extras::as_schema;
      facts.additional = read(value, here);
    } else if (key == "minProperties") {
      facts.min_properties = read_count(value, here);
    } else if (key == "maxProperties") {
      facts.max_properties = read_count(value, here);
    } else {
      return false;
    }
    return true;
  }

  static void check_bounds(const SchemaFacts& facts) {
    if (facts.prefix_items.size() > most_prefix_items)
      throw Error(ErrorKind::capacity, facts.path,
                  fmt::format("more than {} prefixItems", most_prefix_items));
    for (const std::int64_t count :
         {facts.min_length, facts.max_length, facts.min_items, facts.max_items})
      if (count > largest_schema_count)
        throw Error(ErrorKind::capacity, facts.path,
                    fmt::format("a count of {}; {} at most", count, largest_schema_count));
  }

  static std::int64_t read_count(const Json& value, const std::string& here) {
    if (value.is_number_unsigned() || (value.is_number_integer() && value.get<std::int64_t>() >= 0))
      return static_cast<std::int64_t>(
          std::min<std::uint64_t>(value.get<std::uint64_t>(), INT64_MAX));
    reject_schema(here, "a count expected");
  }

  static std::string read_text(const Json& value, const std::string& here) {
    if (!value.is_string()) reject_schema(here, "a string expected");
    return value.get<std::string>();
  }

  static unsigned read_types(const Json& value, const std::string& here) {
    if (value.is_array()) {
      unsigned types = 0;
      for (const Json& each : value) types |= read_types(each, here);
      if (types == 0) reject_schema(here, "no type");
      return types;
    }
    constexpr std::pair<std::string_view, unsigned> names[] = {
        {"null", null_type},     {"boolean", boolean_type}, {"integer", integer_type},
        {"number", number_type}, {"string", string_type},   {"array", array_type},
        {"object", object_type}};
    const std::string name = read_text(value, here);
    for (const auto& [each, type] : names)
      if (name == each) return type;
    reject_schema(here, fmt::format("'{}' is not a type", name));
  }

  static void restrict_values(SchemaFacts& facts, const Json& list) {
    std::vector<SchemaConstant> values;
    for (const Json& each : list) {
      SchemaConstant constant{each.dump(), type_of(each)};
      if (!facts.values ||
          std::find(facts.values->begin(), facts.values->end(), constant) != facts.values->end())
        values.push_back(std::move(constant));
    }
    facts.values = std::move(values);
  }

  std::vector<SchemaRef> read_list(const Json& value, const std::string& here) {
    if (!value.is_array() || value.empty()) reject_schema(here, "a list of schemas expected");
    std::vector<SchemaRef> list;
    for (std::size_t i = 0; i < value.size(); ++i)
      list.push_back(read(value[i], fmt::format("{}/{}", here, i)));
    return list;
  }

  SchemaRef resolve(const Json& value, const std::string& here) {
    const std::string target = read_text(value, here);
    if (!target.starts_with('#'))
      refuse_schema(here, fmt::format("'{}' is in another document", target));
    const auto missing = [&]() {
      reject_schema(here, fmt::format("'{}' points at nothing", target));
    };
    const Json* at = &document_;
    std::string_view rest = std::string_view(target).substr(1);
    if (!rest.empty() && rest[0] != '/')
      refuse_schema(here, fmt::format("'{}' is an anchor; use a pointer", target));
    while (!rest.empty()) {
      rest.remove_prefix(1);
      const std::string_view raw = rest.substr(0, rest.find('/'));
      rest.remove_prefix(raw.size());
      const std::string key = unescaped(raw);
      if (at->is_object() && at->contains(key)) {
        at = &(*at)[key];
      } else if (at->is_array() && !key.empty() && key.size() < 7 &&
                 key.find_first_not_of("0123456789") == key.npos &&
                 static_cast<std::size_t>(std::stoi(key)) < at->size()) {
        at = &(*at)[std::stoi(key)];
      } else {
        missing();
      }
    }
    return read(*at, target);
  }

  static std::string unescaped(std::string_view raw) {  // RFC 6901: ~1 is '/', ~0 is '~'
    std::string text;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const bool escape =
          raw[i] == '~' && i + 1 < raw.size() && (raw[i + 1] == '0' || raw[i + 1] == '1');
      text += escape ? (raw[++i] == '0' ? '~' : '/') : raw[i];
    }
    return text;
  }

  const Json& document_;
  SchemaSet& set_;
  std::unordered_map<const Json*, SchemaRef> known_;
  std::vector<std::pair<const Json*, Schema*>> open_;
};

}  // namespace

int compare(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  int order = 0;
  if (a.whole.size() != b.whole.size()) order = a.whole.size() < b.whole.size() ? -1 : 1;
  else if (a.whole != b.whole) order = a.whole < b.whole ? -1 : 1;
  // without trailing zeros
  else if (a.fraction != b.fraction) order = a.fraction < b.fraction ? -1 : 1;
  return a.negative ? -order : order;
}

void refuse_schema(const std::string& path, const std::string& problem) {
  throw Error(ErrorKind::unsupported, "JSON schema " + path, problem);
}

void reject_schema(const std::string& path, const std::string& problem) {
  throw Error(ErrorKind::format, "JSON schema " + path, problem);
}

SchemaRef read_schema(std::string_view text, std::string_view place, SchemaSet& set) {
  const Json document = parse_ordered_json(text, place);
  return SchemaReader(document, set).read_all();
}

}  // namespace pliant::lm
