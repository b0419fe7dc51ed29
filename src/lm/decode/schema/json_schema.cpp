#include "lm/decode/schema/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "core/error.h"
#include "core/json.h"
#include "core/utf8.h"
#include "lm/decode/schema/schema.h"

namespace pliant::lm {
namespace {

struct SharedRule {
  std::string_view name, body;
  std::vector<std::string_view> uses;
};

const std::vector<SharedRule>& shared_rules() {
  static const std::vector<SharedRule> rules = {
      {"space", R"(" "?)", {}},
      {"hex", "[0-9a-fA-F]", {}},
      // A backslash-u escape is a character or a pair of surrogates.
      {"char",
       R"([^"\\\x00-\x1F] | "\\" (["\\/bfnrt] | "u" ([0-9a-cA-CefEF] hex{3} | [dD] [0-7] hex{2} | [dD] [89abAB] hex{2} "\\u" [dD] [c-fC-F] hex{2})))",
       {"hex"}},
      {"string", R"("\"" char* "\"")", {"char"}},
      {"integer", R"("-"? ("0" | [1-9] [0-9]{0,14}))", {}},
      {"number", R"(integer ("." [0-9]{1,15})? ([eE] [+-]? [0-9]{1,2})?)", {"integer"}},
      {"boolean", R"("true" | "false")", {}},
      {"null", R"("null")", {}},
      {"member", R"(string ":" space value)", {"string", "space"}},
      {"object", R"("{" (member ("," space member)*)? "}")", {"member", "space"}},
      {"array", R"("[" (value ("," space value)*)? "]")", {"space"}},
      {"value",
       "object | array | string | number | boolean | null",
       {"object", "array", "string", "number", "boolean", "null"}},
      {"date",
       R"([0-9]{4} "-" (("0" [13578] | "1" [02]) "-" ("0" [1-9] | [12] [0-9] | "3" [01]) | ("0" [469] | "11") "-" ("0" [1-9] | [12] [0-9] | "30") | "02-" ("0" [1-9] | "1" [0-9] | "2" [0-8])))",
       {}},
      {"time",
       R"(([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,6})? ("Z" | [+-] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9]))",
       {}},
      {"date-time", R"(date "T" time)", {"date", "time"}},
      {"uuid", R"(hex{8} "-" hex{4} "-" hex{4} "-" hex{4} "-" hex{12})", {"hex"}},
  };
  return rules;
}

constexpr std::size_t largest_output = 4U << 20, longest_name = 256;

class SchemaWriter {
 public:
  std::string write(std::string_view text, std::string_view place) {
    const SchemaRef root = read_schema(text, place, set_);
    const std::string name = rule_of(root);
    while (!open_.empty()) {
      const SchemaRef next = open_.back();
      open_.pop_back();
      define(next);
    }
    std::string out = fmt::format("root ::= {}\n{}", name, rules_);
    for (const SharedRule& each : shared_rules())
      if (used_.contains(each.name)) out += fmt::format("{} ::= {}\n", each.name, each.body);
    return out;
  }

 private:
  std::string use(std::string_view name) {
    if (used_.insert(name).second)
      for (const SharedRule& each : shared_rules())
        if (each.name == name)
          for (const std::string_view other : each.uses) use(other);
    return std::string(name);
  }

  std::string any_object() { return use("value"), use("object"); }
  std::string any_array() { return use("value"), use("array"); }

  std::string rule_of(SchemaRef schema) {
    const auto [found, fresh] = names_.emplace(schema, "");
    if (fresh) {
      found->second = fmt::format("s{}", names_.size());
      open_.push_back(schema);
    }
    return found->second;
  }

  std::string fresh_name(std::string_view kind) { return fmt::format("{}-{}", kind, ++count_); }

  std::string add_rule(std::string_view kind, const std::string& body) {
    const std::string name = fresh_name(kind);
    append(fmt::format("{} ::= {}\n", name, body));
    return name;
  }

  void append(const std::string& text) {
    if (rules_.size() + text.size() > largest_output)
      throw Error(ErrorKind::capacity, "JSON schema",
                  fmt::format("its grammar is larger than {} bytes", largest_output));
    rules_ += text;
  }

  bool impossible(SchemaRef schema) { return resolve_schema(schema, set_).empty(); }

  void define(SchemaRef schema) {
    std::vector<std::string> choices;
    for (const SchemaFacts& each : resolve_schema(schema, set_)) write_facts(each, choices);
    if (choices.empty()) reject_schema(schema->facts.path, "no value can satisfy it");
    std::vector<std::string> distinct;
    for (std::string& each : choices)
      if (std::find(distinct.begin(), distinct.end(), each) == distinct.end())
        distinct.push_back(std::move(each));
    append(fmt::format("{} ::= {}\n", names_.at(schema), fmt::join(distinct, " | ")));
  }

  void write_facts(const SchemaFacts& facts, std::vector<std::string>& choices) {
    if (facts.values) return write_values(facts, choices);
    if (facts.types & null_type) choices.push_back(use("null"));
    if (facts.types & boolean_type) choices.push_back(use("boolean"));
    if (facts.types & number_type) choices.push_back(number(facts));
    if (facts.types & string_type) choices.push_back(text(facts));
    if (facts.types & array_type) choices.push_back(array(facts));
    if (facts.types & object_type) {
      std::string written = object(facts);
      if (!written.empty()) choices.push_back(std::move(written));
    }
  }

  void write_values(const SchemaFacts& facts, std::vector<std::string>& choices) {
    const bool constrained = facts.minimum || facts.maximum || facts.min_length != 0 ||
                             facts.max_length >= 0 || facts.pattern || facts.format ||
                             !facts.prefix_items.empty() || facts.items || facts.min_items != 0 ||
                             facts.max_items >= 0 || !facts.properties.empty() ||
                             !facts.required.empty() || facts.additional ||
                             facts.min_properties != 0 || facts.max_properties >= 0;
    if (constrained) refuse_schema(facts.path, "enum or const beside other keywords than type");
    for (const SchemaConstant& each : *facts.values) choices.push_back(gbnf_literal(each.json));
  }

  std::string number(const SchemaFacts& facts) {
    const bool fractions = (facts.types & fraction_type) != 0;
    if (!facts.minimum && !facts.maximum) {
      if (fractions) use("integer");
      return use(fractions ? "number" : "integer");
    }
    const std::string name = fresh_name("range");
    append(gbnf_from_range(name, facts.minimum, facts.maximum, fractions, facts.path));
    return name;
  }

  std::string text(const SchemaFacts& facts) {
    const bool lengths = facts.min_length > 0 || facts.max_length >= 0;
    if (static_cast<int>(lengths) + (facts.pattern ? 1 : 0) + (facts.format ? 1 : 0) > 1)
      refuse_schema(facts.path, "two of lengths, pattern and format at once");
    if (facts.pattern) {
      use("char");
      return add_rule("pattern", fmt::format("\"\\\"\" {} \"\\\"\"",
                                             gbnf_from_pattern(*facts.pattern, facts.path)));
    }
    if (facts.format) {
      for (const char* known : {"date", "time", "date-time", "uuid"})
        if (*facts.format == known) return fmt::format("\"\\\"\" {} \"\\\"\"", use(known));
      refuse_schema(facts.path + "/format",
                    fmt::format("'{}'; date, time, date-time and uuid are known", *facts.format));
    }
    if (!lengths) return use("string");
    use("char");
    return fmt::format("\"\\\"\" char{} \"\\\"\"", counts(facts.min_length, facts.max_length));
  }

  static std::string counts(std::int64_t least, std::int64_t most) {
    return most < 0 ? fmt::format("{{{},}}", least) : fmt::format("{{{},{}}}", least, most);
  }

  std::string array(const SchemaFacts& facts) {
    std::int64_t most = facts.max_items;
    const auto limit = [&](std::size_t count) {
      const auto bound = static_cast<std::int64_t>(count);
      if (most < 0 || bound < most) most = bound;
    };
    for (std::size_t i = 0; i < facts.prefix_items.size(); ++i)
      if (impossible(facts.prefix_items[i])) limit(i);
    const std::size_t prefix = facts.prefix_items.size();
    // Without `items` more may follow a prefix; they are written only where minItems asks for them.
    const bool closed =
        (facts.items && impossible(facts.items)) ||
        (!facts.items && prefix > 0 && facts.min_items <= static_cast<std::int64_t>(prefix));
    if (closed) limit(prefix);
    if (most >= 0 && facts.min_items > most) reject_schema(facts.path, "no array can satisfy it");
    if (most == 0) return "\"[]\"";
    use("space");
    if (prefix == 0 && !facts.items && facts.min_items == 0 && most < 0) return any_array();
    const std::string inside = items_from(facts, 0, most);
    return facts.min_items == 0 ? fmt::format("\"[\" ({})? \"]\"", inside)
                                : fmt::format("\"[\" {} \"]\"", inside);
  }

  // Items from `at` on, the comma before it included; `at` may still come.
  std::string items_from(const SchemaFacts& facts, std::size_t at, std::int64_t most) {
    const std::int64_t index = at;
    const std::string comma = at > 0 ? "\",\" space " : "";
    if (at < facts.prefix_items.size()) {
      std::string one = comma + rule_of(facts.prefix_items[at]);
      if (most < 0 || index + 1 < most) {
        const std::string rest = items_from(facts, at + 1, most);
        if (!rest.empty())
          one += index + 1 < facts.min_items ? " " + rest : fmt::format(" {}?", rest);
      }
      return add_rule("items", one);
    }
    const std::string item = facts.items ? rule_of(facts.items) : rule_of(set_.any());
    const std::int64_t left = most < 0 ? -1 : most - index,
                       least = std::max<std::int64_t>(facts.min_items - index, 1);
    if (at > 0) return add_rule("items", fmt::format("({}{}){}", comma, item, counts(least, left)));
    return fmt::format("{} (\",\" space {}){}", item, item,
                       counts(least - 1, left < 0 ? -1 : left - 1));
  }

  // Empty: no object can satisfy it.
  std::string object(const SchemaFacts& facts) {
    std::vector<SchemaProperty> properties;
    for (const SchemaProperty& each : facts.properties)
      if (!impossible(each.schema)) properties.push_back(each);
    for (const std::string& name : facts.required)
      if (!add_required(facts, name, properties)) return "";
    const bool extras = facts.more_properties == Extras::as_schema
                            ? !impossible(facts.additional)
                            : facts.properties.empty() && properties.empty() &&
                                  facts.more_properties == Extras::unsaid;
    check_counts(facts, properties.size(), extras);
    use("space");
    if (properties.empty() && !extras) return "\"{}\"";
    if (facts.properties.empty() && properties.empty() && !facts.additional) return any_object();
    std::string more;
    if (extras)
      more =
          add_rule("more", fmt::format("{} \":\" space {}", key(facts),
                                       rule_of(facts.additional ? facts.additional : set_.any())));
    return fmt::format("\"{{\" {} \"}}\"", members(facts, properties, more));
  }

  bool add_required(const SchemaFacts& facts, const std::string& name,
                    std::vector<SchemaProperty>& properties) {
    const auto named = [&](const SchemaProperty& each) { return each.name == name; };
    if (std::any_of(properties.begin(), properties.end(), named)) return true;
    const bool listed = std::any_of(facts.properties.begin(), facts.properties.end(), named);
    if (listed || facts.more_properties == Extras::none ||
        (facts.additional && impossible(facts.additional)))
      return false;
    properties.push_back({name, facts.additional ? facts.additional : set_.any()});
    return true;
  }

  static void check_counts(const SchemaFacts& facts, std::size_t properties, bool extras) {
    if (facts.min_properties > std::ssize(facts.required))
      refuse_schema(facts.path + "/minProperties", "more than the required properties");
    if (facts.max_properties >= 0 &&
        (extras || static_cast<std::int64_t>(properties) > facts.max_properties))
      refuse_schema(facts.path + "/maxProperties", "fewer than the object may have");
  }

  // Rules for what may stand from each property on, first of the object or behind a comma; written
  // from the last on.
  std::string members(const SchemaFacts& facts, const std::vector<SchemaProperty>& properties,
                      const std::string& more) {
    std::string first = more.empty() ? "\"\"" : fmt::format("({} (\",\" space {})*)?", more, more);
    std::string rest = more.empty() ? "\"\"" : fmt::format("(\",\" space {})*", more);
    for (auto each = properties.rbegin(); each != properties.rend(); ++each) {
      const std::string pair =
          fmt::format("{} \":\" space {}", gbnf_literal(nlohmann::json(each->name).dump()),
                      rule_of(each->schema));
      const bool needed = std::find(facts.required.begin(), facts.required.end(), each->name) !=
                          facts.required.end();
      const std::string after = add_rule("rest", rest);
      first = needed ? fmt::format("{} {}", pair, after)
                     : fmt::format("{} {} | {}", pair, after, add_rule("first", first));
      rest = fmt::format("{}\",\" space {} {}{}", needed ? "" : "(", pair, after,
                         needed ? "" : fmt::format(" | {})", after));
    }
    return add_rule("members", first);
  }

  // A key that is none of the listed names: plain characters, off the trie of the names.
  std::string key(const SchemaFacts& facts) {
    std::vector<std::u32string> names;
    for (const SchemaProperty& each : facts.properties) names.push_back(code_points(each.name));
    for (const std::string& each : facts.required) names.push_back(code_points(each));
    std::sort(names.begin(), names.end());
    for (const std::u32string& each : names)
      if (each.size() > longest_name)
        refuse_schema(facts.path,
                      fmt::format("a name of more than {} characters beside additionalProperties",
                                  longest_name));
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return fmt::format("\"\\\"\" {} \"\\\"\"", key_rest(names, 0));
  }

  std::string key_rest(std::span<const std::u32string> names, std::size_t at) {
    std::vector<std::string> choices;
    if (names.empty() || names[0].size() > at) choices.emplace_back("\"\"");
    std::string taken;
    std::size_t from = !names.empty() && names[0].size() == at ? 1 : 0;
    while (from < names.size()) {
      std::size_t to = from;
      while (to < names.size() && names[to][at] == names[from][at]) ++to;
      const auto code = static_cast<std::uint32_t>(names[from][at]);
      taken += fmt::format("\\U{:08X}", code);
      if (code >= 0x20 && code != '"' && code != '\\')
        choices.push_back(
            fmt::format("[\\U{:08X}] {}", code, key_rest(names.subspan(from, to - from), at + 1)));
      from = to;
    }
    choices.push_back(fmt::format("[^\"\\\\\\x00-\\x1F{}] [^\"\\\\\\x00-\\x1F]{{0,60}}", taken));
    return add_rule("key", fmt::format("{}", fmt::join(choices, " | ")));
  }

  SchemaSet set_;
  std::map<SchemaRef, std::string> names_;
  std::vector<SchemaRef> open_;
  std::set<std::string_view> used_;
  std::string rules_;
  int count_ = 0;
};

}  // namespace

std::string grammar_from_json_schema(std::string_view schema, std::string_view place) {
  return SchemaWriter().write(schema, place);
}

}  // namespace pliant::lm
