// A JSON schema as plain data: read from JSON, resolved into alternatives without references,
// written as a grammar.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pliant::lm {

enum SchemaType : unsigned {  // bits; a number is an integer or a fraction
  null_type = 1,
  boolean_type = 2,
  integer_type = 4,
  fraction_type = 8,
  number_type = 12,
  string_type = 16,
  array_type = 32,
  object_type = 64,
  any_type = 127,
};

struct Decimal {
  bool negative = false;
  std::string whole = "0";  // digits without leading zeros
  std::string fraction;     // digits without trailing zeros
};
int compare(const Decimal& a, const Decimal& b);  // -1, 0, 1

struct SchemaBound {
  Decimal value;
  bool exclusive = false;
};

struct SchemaConstant {
  std::string json;  // compact
  unsigned type = 0;
  bool operator==(const SchemaConstant&) const = default;
};

struct Schema;
using SchemaRef = const Schema*;

// properties or items beyond the listed
enum class Extras : std::uint8_t { unsaid, none, as_schema };

struct SchemaProperty {
  std::string name;
  SchemaRef schema = nullptr;
};

// What a schema says about a value by itself, without its references and alternatives.
struct SchemaFacts {
  unsigned types = any_type;
  std::optional<std::vector<SchemaConstant>> values;
  std::optional<SchemaBound> minimum, maximum;
  std::int64_t min_length = 0, max_length = -1;  // -1: no bound
  std::optional<std::string> pattern, format;
  std::vector<SchemaRef> prefix_items;
  SchemaRef items = nullptr;
  Extras more_items = Extras::unsaid;
  std::int64_t min_items = 0, max_items = -1;
  std::vector<SchemaProperty> properties;  // in the schema's order
  std::vector<std::string> required;
  SchemaRef additional = nullptr;
  Extras more_properties = Extras::unsaid;
  std::int64_t min_properties = 0, max_properties = -1;
  std::string path;  // for errors
};

struct SchemaGroup {
  std::vector<SchemaRef> alternatives;
  bool exactly_one = false;
};

struct Schema {
  SchemaFacts facts;
  SchemaRef reference = nullptr;
  std::vector<SchemaRef> all_of;
  std::vector<SchemaGroup> groups;
};

// Owns all schemas of one document; they may refer to one another in cycles.
class SchemaSet {
 public:
  SchemaSet() = default;
  SchemaSet(const SchemaSet&) = delete;
  SchemaSet& operator=(const SchemaSet&) = delete;

  Schema& add();  // throws Error{capacity}
  SchemaRef any();
  SchemaRef both(SchemaRef a, SchemaRef b);  // the same for the same two

 private:
  std::deque<Schema> schemas_;
  std::map<std::pair<SchemaRef, SchemaRef>, SchemaRef> both_;
  SchemaRef any_ = nullptr;
};

// Error{unsupported}
[[noreturn]] void refuse_schema(const std::string& path, const std::string& problem);
// Error{format}
[[noreturn]] void reject_schema(const std::string& path, const std::string& problem);

SchemaRef read_schema(std::string_view text, std::string_view place, SchemaSet& set);

// The alternatives that together are the schema; each non-contradictory. Throws Error{format} if
// there is none.
std::vector<SchemaFacts> resolve_schema(SchemaRef schema, SchemaSet& set);

// Both at once; empty if no value can be both.
std::optional<SchemaFacts> merge_facts(const SchemaFacts& a, const SchemaFacts& b, SchemaSet& set);

// GBNF expressions. A pattern's characters are those of a JSON text, quotes excluded.
std::string gbnf_literal(std::string_view text);
std::string gbnf_from_pattern(std::string_view pattern, const std::string& path);
// Numbers in a range, one rule per line under names that begin with `name`; the rule `name` is the
// whole.
std::string gbnf_from_range(const std::string& name, const std::optional<SchemaBound>& minimum,
                            const std::optional<SchemaBound>& maximum, bool fractions,
                            const std::string& path);

}  // namespace pliant::lm
