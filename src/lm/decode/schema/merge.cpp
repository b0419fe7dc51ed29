#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "core/error.h"
#include "lm/decode/schema/schema.h"

namespace pliant::lm {
namespace {

constexpr std::size_t most_schemas = 1U << 14, most_alternatives = 512;

const SchemaProperty* find_property(const SchemaFacts& facts, const std::string& name) {
  for (const SchemaProperty& each : facts.properties)
    if (each.name == name) return &each;
  return nullptr;
}

bool holds_name(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::int64_t lesser_bound(std::int64_t a, std::int64_t b) {
  return a < 0 ? b : b < 0 ? a : std::min(a, b);
}

// The tighter of two bounds: the higher minimum, the lower maximum.
std::optional<SchemaBound> tighter(const std::optional<SchemaBound>& a,
                                   const std::optional<SchemaBound>& b, bool low) {
  if (!a || !b) return a ? a : b;
  const int order = compare(a->value, b->value);
  if (order == 0) return a->exclusive ? a : b;
  return (order > 0) == low ? a : b;
}

std::optional<std::string> same_text(const std::optional<std::string>& a,
                                     const std::optional<std::string>& b, const std::string& path,
                                     const char* keyword) {
  if (a && b && *a != *b) refuse_schema(path, fmt::format("two different {}s at once", keyword));
  return a ? a : b;
}

void merge_items(SchemaFacts& out, const SchemaFacts& a, const SchemaFacts& b, SchemaSet& set) {
  const std::size_t count = std::max(a.prefix_items.size(), b.prefix_items.size());
  const auto item = [](const SchemaFacts& facts, std::size_t i) {
    // items may be the schema false
    return i < facts.prefix_items.size() ? facts.prefix_items[i] : facts.items;
  };
  out.prefix_items.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const SchemaRef first = item(a, i), second = item(b, i);
    out.prefix_items.push_back(first && second ? set.both(first, second) : first ? first : second);
  }
  out.items = a.items && b.items ? set.both(a.items, b.items) : a.items ? a.items : b.items;
  out.more_items = std::max(a.more_items, b.more_items);
  if (a.more_items == Extras::none || b.more_items == Extras::none) out.more_items = Extras::none;
  out.min_items = std::max(a.min_items, b.min_items);
  out.max_items = lesser_bound(a.max_items, b.max_items);
}

void merge_properties(SchemaFacts& out, const SchemaFacts& a, const SchemaFacts& b,
                      SchemaSet& set) {
  out.properties.clear();
  const auto add = [&](const SchemaProperty& each, const SchemaFacts& other) {
    const SchemaProperty* same = find_property(other, each.name);
    // additional may be the schema false
    const SchemaRef beside = same ? same->schema : other.additional;
    out.properties.push_back({each.name, beside ? set.both(each.schema, beside) : each.schema});
  };
  for (const SchemaProperty& each : a.properties) add(each, b);
  for (const SchemaProperty& each : b.properties)
    if (!find_property(a, each.name)) add(each, a);
  out.required = a.required;
  for (const std::string& name : b.required)
    if (!holds_name(out.required, name)) out.required.push_back(name);
  out.additional = a.additional && b.additional ? set.both(a.additional, b.additional)
                   : a.additional               ? a.additional
                                                : b.additional;
  out.more_properties = std::max(a.more_properties, b.more_properties);
  if (a.more_properties == Extras::none || b.more_properties == Extras::none)
    out.more_properties = Extras::none;
  out.min_properties = std::max(a.min_properties, b.min_properties);
  out.max_properties = lesser_bound(a.max_properties, b.max_properties);
}

void merge_values(SchemaFacts& out, const SchemaFacts& a, const SchemaFacts& b) {
  if (a.values && b.values) {
    std::erase_if(*out.values, [&](const SchemaConstant& each) {
      return std::find(b.values->begin(), b.values->end(), each) == b.values->end();
    });
  } else if (b.values) {
    out.values = b.values;
  }
}

void drop_impossible_types(SchemaFacts& facts) {
  const auto crossed = [](std::int64_t low, std::int64_t high) { return high >= 0 && low > high; };
  if (crossed(facts.min_length, facts.max_length)) facts.types &= ~string_type;
  if (crossed(facts.min_items, facts.max_items)) facts.types &= ~array_type;
  if (facts.minimum && facts.maximum) {
    const int order = compare(facts.minimum->value, facts.maximum->value);
    if (order > 0 || (order == 0 && (facts.minimum->exclusive || facts.maximum->exclusive)))
      facts.types &= ~number_type;
  }
  for (const std::string& name : facts.required)
    if (facts.more_properties == Extras::none && !find_property(facts, name))
      facts.types &= ~object_type;
}

// One way through a schema's references and alternatives.
class SchemaResolver {
 public:
  explicit SchemaResolver(SchemaSet& set) : set_(set) {}

  std::vector<SchemaFacts> resolve(SchemaRef schema) {
    SchemaFacts facts;
    facts.path = schema->facts.path;
    Branch branch{facts, {}, {}, {{schema, nullptr}}};
    return expand(std::move(branch));
  }

 private:
  struct Chain {  // the schemas through which one was reached without a value in between
    SchemaRef schema;
    std::shared_ptr<const Chain> before;
  };
  using ChainRef = std::shared_ptr<const Chain>;
  struct Item {
    SchemaRef schema;
    ChainRef before;
  };
  struct OpenGroup {
    const SchemaGroup* group;
    ChainRef before;
  };
  struct Branch {
    SchemaFacts facts;
    std::set<SchemaRef> taken;
    std::vector<OpenGroup> groups;
    std::vector<Item> todo;
  };

  // False: the branch contradicts itself.
  bool take_all(Branch& branch) {
    while (!branch.todo.empty()) {
      const Item item = branch.todo.back();
      branch.todo.pop_back();
      for (const Chain* each = item.before.get(); each; each = each->before.get())
        if (each->schema == item.schema)
          reject_schema(item.schema->facts.path, "it refers to itself alone");
      if (!branch.taken.insert(item.schema).second) continue;
      const auto chain = std::make_shared<const Chain>(Chain{item.schema, item.before});
      auto merged = merge_facts(branch.facts, item.schema->facts, set_);
      if (!merged) return false;
      branch.facts = std::move(*merged);
      if (item.schema->reference) branch.todo.push_back({item.schema->reference, chain});
      for (auto each = item.schema->all_of.rbegin(); each != item.schema->all_of.rend(); ++each)
        branch.todo.push_back({*each, chain});
      for (const SchemaGroup& each : item.schema->groups) branch.groups.push_back({&each, chain});
    }
    return true;
  }

  std::vector<SchemaFacts> expand(Branch branch) {
    if (!take_all(branch)) return {};
    if (branch.groups.empty()) {
      drop_impossible_types(branch.facts);
      if (branch.facts.types == 0) return {};
      return {branch.facts};
    }
    const OpenGroup open = branch.groups.back();
    branch.groups.pop_back();
    std::vector<SchemaFacts> all;
    std::vector<std::size_t> origin;
    for (std::size_t i = 0; i < open.group->alternatives.size(); ++i) {
      if (++expanded_ > most_alternatives)
        throw Error(ErrorKind::capacity, "JSON schema " + open.before->schema->facts.path,
                    fmt::format("more than {} alternatives", most_alternatives));
      Branch one = branch;
      one.todo.push_back({open.group->alternatives[i], open.before});
      for (SchemaFacts& each : expand(std::move(one))) {
        all.push_back(std::move(each));
        origin.push_back(i);
      }
    }
    if (open.group->exactly_one) check_apart(all, origin, open.before->schema->facts.path);
    return all;
  }

  void check_apart(const std::vector<SchemaFacts>& all, const std::vector<std::size_t>& origin,
                   const std::string& path) {
    for (std::size_t i = 0; i < all.size(); ++i)
      for (std::size_t j = 0; j < all.size(); ++j)
        if (origin[i] != origin[j] && !never_both(all[i], all[j], 0))
          refuse_schema(path + "/oneOf", "a value may fit two of the alternatives; use anyOf");
  }

  // Whether no value written for `made` fits `other`; false if that cannot be told.
  bool never_both(const SchemaFacts& made, const SchemaFacts& other, int depth) {
    if (depth > 8) return false;
    if (made.values && other.values)
      return std::none_of(made.values->begin(), made.values->end(),
                          [&](const SchemaConstant& each) {
                            return std::find(other.values->begin(), other.values->end(), each) !=
                                   other.values->end();
                          });
    const unsigned types = common_types(made, other);
    if (types == 0) return true;
    if (types == object_type && !made.values) return objects_apart(made, other, depth);
    if ((types & ~number_type) == 0 && !made.values)
      return below(made, other) || below(other, made);
    return false;
  }

  static unsigned common_types(const SchemaFacts& made, const SchemaFacts& other) {
    const auto types = [](const SchemaFacts& facts) {
      if (!facts.values) return facts.types;
      unsigned all = 0;
      for (const SchemaConstant& each : *facts.values)
        all |= each.type == fraction_type ? number_type : each.type;
      return all & facts.types;
    };
    return types(made) & types(other);
  }

  static bool below(const SchemaFacts& a, const SchemaFacts& b) {
    if (!a.maximum || !b.minimum) return false;
    const int order = compare(a.maximum->value, b.minimum->value);
    return order < 0 || (order == 0 && (a.maximum->exclusive || b.minimum->exclusive));
  }

  bool objects_apart(const SchemaFacts& made, const SchemaFacts& other, int depth) {
    const bool more = made.more_properties == Extras::as_schema ||
                      (made.more_properties == Extras::unsaid && made.properties.empty());
    for (const std::string& name : other.required)
      if (!more && !find_property(made, name) && !holds_name(made.required, name)) return true;
    for (const std::string& name : made.required) {
      const SchemaProperty* first = find_property(made, name);
      const SchemaProperty* second = find_property(other, name);
      if (!second && other.more_properties == Extras::none) return true;
      if (!first || !second) continue;
      bool apart = true;
      for (const SchemaFacts& a : resolve(first->schema))
        for (const SchemaFacts& b : resolve(second->schema))
          apart = apart && never_both(a, b, depth + 1);
      if (apart) return true;
    }
    return false;
  }

  SchemaSet& set_;
  std::size_t expanded_ = 0;
};

}  // namespace

Schema& SchemaSet::add() {
  if (schemas_.size() == most_schemas)
    throw Error(ErrorKind::capacity, "JSON schema",
                fmt::format("more than {} schemas", most_schemas));
  return schemas_.emplace_back();
}

SchemaRef SchemaSet::any() {
  if (!any_) any_ = &add();
  return any_;
}

SchemaRef SchemaSet::both(SchemaRef a, SchemaRef b) {
  if (a == b) return a;
  const auto [found, fresh] = both_.emplace(std::minmax(a, b), nullptr);
  if (!fresh) return found->second;
  Schema& schema = add();
  schema.all_of = {a, b};
  schema.facts.path = a->facts.path;
  return found->second = &schema;
}

std::optional<SchemaFacts> merge_facts(const SchemaFacts& a, const SchemaFacts& b, SchemaSet& set) {
  SchemaFacts out = a;
  out.types &= b.types;
  if (out.types == 0) return std::nullopt;
  merge_values(out, a, b);
  if (out.values) {
    std::erase_if(*out.values,
                  [&](const SchemaConstant& each) { return (each.type & out.types) == 0; });
    if (out.values->empty()) return std::nullopt;
  }
  out.minimum = tighter(a.minimum, b.minimum, true);
  out.maximum = tighter(a.maximum, b.maximum, false);
  out.min_length = std::max(a.min_length, b.min_length);
  out.max_length = lesser_bound(a.max_length, b.max_length);
  out.pattern = same_text(a.pattern, b.pattern, b.path, "pattern");
  out.format = same_text(a.format, b.format, b.path, "format");
  merge_items(out, a, b, set);
  merge_properties(out, a, b, set);
  return out;
}

std::vector<SchemaFacts> resolve_schema(SchemaRef schema, SchemaSet& set) {
  return SchemaResolver(set).resolve(schema);
}

}  // namespace pliant::lm
