// Filters and tests, as Jinja defines them.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>

#include "core/error.h"
#include "text/chat/render.h"
#include "text/chat/strings.h"
#include "text/unicode/unicode.h"

namespace pliant::chat {
namespace {

class FilterCall {
 public:
  FilterCall(const Value& value, const Arguments& given, Meter& meter)
      : value(value), given(given), meter(meter) {}

  const Value& value;
  const Arguments& given;
  Meter& meter;

  std::string text() const { return to_text(value); }
  std::vector<Value> items() const { return items_of(value, meter); }
  const Value* argument(std::size_t index, std::string_view name) const {
    return given.find(index, name);
  }
  bool flag(std::size_t index, std::string_view name) const {
    const Value* found = argument(index, name);
    return found && found->truth();
  }
  std::int64_t integer(std::size_t index, std::string_view name, std::int64_t absent) const {
    const Value* found = argument(index, name);
    if (!found || found->none()) return absent;
    if (!found->integral()) wrong(fmt::format("{} is {}, not an integer", name, type_name(*found)));
    return found->integer();
  }
  std::string word(std::size_t index, std::string_view name, const std::string& absent) const {
    const Value* found = argument(index, name);
    return found ? to_text(*found) : absent;
  }
  Value made(std::string made) const { return meter.text(std::move(made)); }
};

// What `attribute` names in an item: names and places with dots between.
Value follow(const Value& item, const Value& attribute, Meter& meter) {
  if (attribute.integral()) return item_of(item, attribute, meter);
  Value at = item;
  const std::string path = to_text(attribute), dot = ".";
  for (const std::string& part : split(path, &dot, -1)) {
    const bool digits = !part.empty() && part.size() < 9 &&
                        part.find_first_not_of("0123456789") == std::string::npos;
    at = item_of(at, digits ? Value(static_cast<std::int64_t>(std::stoi(part))) : Value(part),
                 meter);
  }
  return at;
}

Value sort_key(const FilterCall& call, const Value& item, const Value* attribute,
               bool case_sensitive) {
  Value key = attribute && !attribute->none() ? follow(item, *attribute, call.meter) : item;
  return key.is_text() && !case_sensitive ? call.made(lower(key.text())) : key;
}

Value sorted(const FilterCall& call) {
  const bool reverse = call.flag(0, "reverse"), case_sensitive = call.flag(1, "case_sensitive");
  const Value* attribute = call.argument(2, "attribute");
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& each : call.items())
    keyed.emplace_back(sort_key(call, each, attribute, case_sensitive), each);
  std::int64_t cost = 0;
  for (const auto& [key, item] : keyed) cost += 1 + cost_of(key);
  call.meter.spend(16 * cost);
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return reverse ? order(b.first, a.first) < 0 : order(a.first, b.first) < 0;
  });
  std::vector<Value> items;
  for (auto& [key, item] : keyed) items.push_back(std::move(item));
  return call.meter.list(std::move(items));
}

Value unique(const FilterCall& call) {
  const bool case_sensitive = call.flag(0, "case_sensitive");
  std::vector<Value> keys, kept;
  for (const Value& each : call.items()) {
    Value key = sort_key(call, each, call.argument(1, "attribute"), case_sensitive);
    call.meter.spend(std::ssize(keys) * (1 + cost_of(key)));
    if (std::any_of(keys.begin(), keys.end(), [&](const Value& old) { return equal(old, key); }))
      continue;
    keys.push_back(std::move(key));
    kept.push_back(each);
  }
  return call.meter.list(std::move(kept));
}

Value extreme(const FilterCall& call, int sign) {
  const bool case_sensitive = call.flag(0, "case_sensitive");
  Value best(Undefined{"an item of nothing"}), best_key;
  bool first = true;
  for (const Value& each : call.items()) {
    Value key = sort_key(call, each, call.argument(1, "attribute"), case_sensitive);
    if (!first && order(key, best_key) * sign <= 0) continue;
    best = each, best_key = std::move(key), first = false;
  }
  return best;
}

Value dict_sorted(const FilterCall& call) {
  if (!call.value.is_dict()) wrong(fmt::format("dictsort of {}", type_name(call.value)));
  const bool case_sensitive = call.flag(0, "case_sensitive"), reverse = call.flag(2, "reverse");
  const bool by_value = call.word(1, "by", "key") == "value";
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto& [name, value] : call.value.dict().items) {
    Value pair = call.meter.list({Value(name), value}, true);
    keyed.emplace_back(sort_key(call, by_value ? value : Value(name), nullptr, case_sensitive),
                       std::move(pair));
  }
  call.meter.spend(16 * cost_of(call.value));
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return reverse ? order(b.first, a.first) < 0 : order(a.first, b.first) < 0;
  });
  std::vector<Value> items;
  for (auto& [key, pair] : keyed) items.push_back(std::move(pair));
  return call.meter.list(std::move(items));
}

Value joined(const FilterCall& call) {
  const std::string separator = call.word(0, "d", "");
  const Value* attribute = call.argument(1, "attribute");
  std::string out;
  bool first = true;
  for (const Value& each : call.items()) {
    if (!first) out += separator;
    first = false;
    out += to_text(attribute ? follow(each, *attribute, call.meter) : each);
    call.meter.spend_text(out.size() / 64);
  }
  return call.made(std::move(out));
}

Value length(const FilterCall& call) {
  const Value& value = call.value;
  if (value.undefined()) return Value(std::int64_t{0});
  if (value.is_text()) return Value(static_cast<std::int64_t>(code_count(value.text())));
  if (value.is_list()) return Value(std::ssize(value.list().items));
  if (value.is_dict() && !value.dict().is_namespace) return Value(std::ssize(value.dict().items));
  wrong(fmt::format("{} has no length", type_name(value)));
}

Value end_item(const FilterCall& call, bool last) {
  const std::vector<Value> items = call.items();
  if (items.empty()) return Value(Undefined{"an item of nothing"});
  return last ? items.back() : items.front();
}

Value reversed(const FilterCall& call) {
  if (call.value.is_text()) {
    std::u32string codes = text::codes_of(call.value.text());
    std::reverse(codes.begin(), codes.end());
    return call.made(text::text_of(codes));
  }
  std::vector<Value> items = call.items();
  std::reverse(items.begin(), items.end());
  return call.meter.list(std::move(items));
}

Arguments rest_of(const Arguments& given, std::size_t from) {
  Arguments rest;
  for (std::size_t i = from; i < given.positional.size(); ++i)
    rest.positional.push_back(given.positional[i]);
  rest.named = given.named;
  return rest;
}

Value mapped(const FilterCall& call) {
  std::vector<Value> items;
  const Value* attribute = call.given.positional.empty() ? call.argument(0, "attribute") : nullptr;
  if (!attribute && (call.given.positional.empty() || !call.given.positional[0].is_text()))
    wrong("map takes the name of a filter, or attribute");
  const Value* fallback = call.argument(1, "default");
  const Arguments rest = rest_of(call.given, 1);
  for (const Value& each : call.items()) {
    if (attribute) {
      Value found = follow(each, *attribute, call.meter);
      items.push_back(found.undefined() && fallback ? *fallback : std::move(found));
    } else {
      items.push_back(apply_filter(call.given.positional[0].text(), each, rest, call.meter));
    }
  }
  return call.meter.list(std::move(items));
}

// select, reject, selectattr and rejectattr.
Value selected(const FilterCall& call, bool by_attribute, bool keep) {
  const std::vector<Value>& given = call.given.positional;
  std::size_t next = by_attribute ? 1 : 0;
  if (given.size() < next) wrong("the attribute is missing");
  const bool truth = given.size() == next;
  if (!truth && !given[next].is_text()) wrong("the name of a test expected");
  const std::vector<Value> rest(given.begin() + (truth ? next : next + 1), given.end());
  std::vector<Value> items;
  for (const Value& each : call.items()) {
    const Value subject = by_attribute ? follow(each, given[0], call.meter) : each;
    call.meter.spend(1 + cost_of(subject));
    if ((truth ? subject.truth() : apply_test(given[next].text(), subject, rest)) == keep)
      items.push_back(each);
  }
  return call.meter.list(std::move(items));
}

Value indented(const FilterCall& call) {
  const Value* width = call.argument(0, "width");
  const bool first = call.flag(1, "first"), blank = call.flag(2, "blank");
  const std::int64_t spaces = std::clamp<std::int64_t>(
      width && width->is_text() ? 0 : call.integer(0, "width", 4), 0, 4096);
  const std::string margin = width && width->is_text() ? width->text() : std::string(spaces, ' ');
  const std::string text = call.text(), line_end = "\n";
  std::string out;
  std::size_t line = 0;
  for (const std::string& each : split(text, &line_end, -1)) {
    if (line > 0) out += '\n';
    if (line == 0 ? first : blank || !each.empty()) out += margin;
    out += each;
    if (++line % 64 == 0) call.meter.spend_text(out.size() / 64);
  }
  return call.made(std::move(out));
}

Value rounded(const FilterCall& call) {
  if (!call.value.number()) wrong(fmt::format("round of {}", type_name(call.value)));
  const std::int64_t places = std::clamp<std::int64_t>(call.integer(0, "precision", 0), -300, 300);
  const std::string method = call.word(1, "method", "common");
  const double scale = std::pow(10.0, places), value = call.value.real();
  if (method == "ceil") return Value(std::ceil(value * scale) / scale);
  if (method == "floor") return Value(std::floor(value * scale) / scale);
  if (method != "common")
    wrong(fmt::format("the way of rounding '{}'; common, ceil or floor", method));
  if (call.value.integral() && places >= 0) return Value(call.value.integer());
  if (call.value.integral()) {
    const double whole = std::nearbyint(value * scale) / scale;
    if (std::abs(whole) > 9.2e18) wrong("an integer of more than 64 bits");
    return Value(static_cast<std::int64_t>(whole));
  }
  if (places < 0) return Value(std::nearbyint(value * scale) / scale);
  // half of the written decimals to even
  return Value(std::stod(fmt::format("{:.{}f}", value, places)));
}

template <typename Number>
bool parsed(const std::string& text, Number& number) {
  const std::string bare = strip(text, Ends::both, nullptr);
  const char *begin = bare.data() + (bare.starts_with('+') ? 1 : 0),
             *end = bare.data() + bare.size();
  const auto [stop, error] = std::from_chars(begin, end, number);
  return error == std::errc() && stop == end && !bare.empty();
}

Value to_integer(const FilterCall& call) {
  const Value& value = call.value;
  const Value* fallback = call.argument(0, "default");
  const Value absent = fallback ? *fallback : Value(std::int64_t{0});
  if (value.integral()) return Value(value.integer());
  double real = 0;
  std::int64_t whole = 0;
  if (value.is_text() && parsed(value.text(), whole)) return Value(whole);
  if (value.is_text() ? !parsed(value.text(), real) : !value.number()) return absent;
  if (!value.is_text()) real = value.real();
  return std::abs(real) < 9.2e18 ? Value(static_cast<std::int64_t>(real)) : absent;
}

Value to_real(const FilterCall& call) {
  const Value* fallback = call.argument(0, "default");
  double real = 0;
  if (call.value.number()) return Value(call.value.real());
  if (call.value.is_text() && parsed(call.value.text(), real)) return Value(real);
  return fallback ? *fallback : Value(0.0);
}

Value json(const FilterCall& call) {
  JsonForm form;
  const Value* indent = call.argument(0, "indent");
  if (indent && indent->integral() && !indent->boolean())
    form.indent = static_cast<int>(std::clamp<std::int64_t>(indent->integer(), 0, 64));
  if (form.indent >= 0) form.comma = ",";
  for (const auto& [name, value] : call.given.named) {
    if (name == "sort_keys") form.sort_keys = value.truth();
    if (name == "ensure_ascii" && value.truth())
      wrong("tojson with ensure_ascii is not understood");
    if (name != "separators" || value.none()) continue;
    if (!value.is_list() || value.list().items.size() != 2) wrong("two separators expected");
    form.comma = to_text(value.list().items[0]);
    form.colon = to_text(value.list().items[1]);
  }
  call.meter.spend(cost_of(call.value));
  return call.made(to_json(call.value, form));
}

Value escaped(const FilterCall& call) {
  std::string out;
  for (const char each : call.text()) {
    constexpr std::string_view marks = "&<>'\"";
    constexpr const char* entities[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
    const auto at = marks.find(each);
    if (at == marks.npos) out += each;
    else out += entities[at];
  }
  return call.made(std::move(out));
}

Value summed(const FilterCall& call) {
  const Value* start = call.argument(1, "start");
  const Value* attribute = call.argument(0, "attribute");
  Value total = start ? *start : Value(std::int64_t{0});
  for (const Value& each : call.items())
    total = binary_operation(
        "+", total, attribute && !attribute->none() ? follow(each, *attribute, call.meter) : each,
        call.meter);
  return total;
}

Value absolute(const FilterCall& call) {
  if (!call.value.number()) wrong(fmt::format("abs of {}", type_name(call.value)));
  if (!call.value.integral()) return Value(std::abs(call.value.real()));
  return call.value.integer() < 0
             ? binary_operation("-", Value(std::int64_t{0}), call.value, call.meter)
             : Value(call.value.integer());
}

Value defaulted(const FilterCall& call) {
  const bool absent = call.value.undefined() || (call.flag(1, "boolean") && !call.value.truth());
  if (!absent) return call.value;
  const Value* fallback = call.argument(0, "default_value");
  return fallback ? *fallback : Value(std::string());
}

Value replaced(const FilterCall& call) {
  if (!call.argument(0, "old") || !call.argument(1, "new")) wrong("replace takes two strings");
  const std::string text = call.text(), old = call.word(0, "old", ""),
                    fresh = call.word(1, "new", "");
  call.meter.spend_text(old.empty() ? text.size() * (fresh.size() + 1)
                                    : text.size() / old.size() * fresh.size());
  return call.made(replace(text, old, fresh, call.integer(2, "count", -1)));
}

Value trimmed(const FilterCall& call) {
  const Value* characters = call.argument(0, "chars");
  const std::string set = characters ? to_text(*characters) : "";
  return call.made(
      strip(call.text(), Ends::both, characters && !characters->none() ? &set : nullptr));
}

Value filter_items(const FilterCall& call) {
  if (call.value.undefined()) return call.meter.list({});
  if (!call.value.is_dict() || call.value.dict().is_namespace)
    wrong(fmt::format("items of {}", type_name(call.value)));
  return call_method("items", call.value, {}, call.meter);
}

using Filter = std::function<Value(const FilterCall&)>;

const std::map<std::string, Filter, std::less<>>& filters() {
  using Call = const FilterCall&;
  static const std::map<std::string, Filter, std::less<>> all = {
      {"trim", trimmed},
      {"upper", [](Call c) { return c.made(upper(c.text())); }},
      {"lower", [](Call c) { return c.made(lower(c.text())); }},
      {"capitalize", [](Call c) { return c.made(capitalize(c.text())); }},
      {"title", [](Call c) { return c.made(title_words(c.text())); }},
      {"string", [](Call c) { return c.made(c.text()); }},
      {"safe", [](Call c) { return c.made(c.text()); }},
      {"escape", escaped},
      {"e", escaped},
      {"length", length},
      {"count", length},
      {"tojson", json},
      {"join", joined},
      {"default", defaulted},
      {"d", defaulted},
      {"first", [](Call c) { return end_item(c, false); }},
      {"last", [](Call c) { return end_item(c, true); }},
      {"replace", replaced},
      {"map", mapped},
      {"select", [](Call c) { return selected(c, false, true); }},
      {"reject", [](Call c) { return selected(c, false, false); }},
      {"selectattr", [](Call c) { return selected(c, true, true); }},
      {"rejectattr", [](Call c) { return selected(c, true, false); }},
      {"list", [](Call c) { return c.meter.list(c.items()); }},
      {"items", filter_items},
      {"int", to_integer},
      {"float", to_real},
      {"unique", unique},
      {"sort", sorted},
      {"min", [](Call c) { return extreme(c, -1); }},
      {"max", [](Call c) { return extreme(c, 1); }},
      {"sum", summed},
      {"reverse", reversed},
      {"dictsort", dict_sorted},
      {"indent", indented},
      {"abs", absolute},
      {"round", rounded},
  };
  return all;
}

struct TestCall {
  const Value& value;
  const std::vector<Value>& given;
  const Value& other() const {
    if (given.size() != 1) wrong("the test takes one argument");
    return given[0];
  }
  std::int64_t integer() const {
    if (!value.integral()) wrong(fmt::format("an integer expected, not {}", type_name(value)));
    return value.integer();
  }
};

using Test = std::function<bool(const TestCall&)>;

bool divisible(const TestCall& call) {
  if (!call.other().integral() || call.other().integer() == 0)
    wrong("divisibleby takes an integer that is not 0");
  return call.other().integer() == -1 || call.integer() % call.other().integer() == 0;
}

const std::map<std::string, Test, std::less<>>& tests() {
  using Call = const TestCall&;
  const auto plain_dict = [](const Value& value) {
    return value.is_dict() && !value.dict().is_namespace;
  };
  static const std::map<std::string, Test, std::less<>> all = [&] {
    const Test same = [](Call c) { return equal(c.value, c.other()); };
    const Test differs = [](Call c) { return !equal(c.value, c.other()); };
    const Test less = [](Call c) { return order(c.value, c.other()) < 0; };
    const Test more = [](Call c) { return order(c.value, c.other()) > 0; };
    const Test at_most = [](Call c) { return order(c.value, c.other()) <= 0; };
    const Test at_least = [](Call c) { return order(c.value, c.other()) >= 0; };
    const Test iterable = [=](Call c) {
      return c.value.undefined() || c.value.is_text() || c.value.is_list() || plain_dict(c.value);
    };
    return std::map<std::string, Test, std::less<>>{
        {"defined", [](Call c) { return !c.value.undefined(); }},
        {"undefined", [](Call c) { return c.value.undefined(); }},
        {"none", [](Call c) { return c.value.none(); }},
        {"string", [](Call c) { return c.value.is_text(); }},
        {"mapping", [=](Call c) { return plain_dict(c.value); }},
        {"iterable", iterable},
        {"sequence", iterable},
        {"number", [](Call c) { return c.value.number(); }},
        {"integer", [](Call c) { return c.value.integral() && !c.value.boolean(); }},
        {"float", [](Call c) { return c.value.number() && !c.value.integral(); }},
        {"boolean", [](Call c) { return c.value.boolean(); }},
        {"true", [](Call c) { return c.value.boolean() && c.value.truth(); }},
        {"false", [](Call c) { return c.value.boolean() && !c.value.truth(); }},
        {"callable", [](Call c) { return c.value.callable(); }},
        {"equalto", same},
        {"eq", same},
        {"sameas", same},
        {"ne", differs},
        {"lt", less},
        {"lessthan", less},
        {"gt", more},
        {"greaterthan", more},
        {"le", at_most},
        {"ge", at_least},
        {"in", [](Call c) { return is_in(c.value, c.other()); }},
        {"odd", [](Call c) { return c.integer() % 2 != 0; }},
        {"even", [](Call c) { return c.integer() % 2 == 0; }},
        {"divisibleby", divisible},
        {"lower",
         [](Call c) {
           return to_text(c.value) == lower(to_text(c.value)) &&
                  to_text(c.value) != upper(to_text(c.value));
         }},
        {"upper",
         [](Call c) {
           return to_text(c.value) == upper(to_text(c.value)) &&
                  to_text(c.value) != lower(to_text(c.value));
         }},
    };
  }();
  return all;
}

}  // namespace

bool known_filter(const std::string& name) { return filters().contains(name); }
bool known_test(const std::string& name) { return tests().contains(name); }

Value apply_filter(const std::string& name, const Value& value, const Arguments& arguments,
                   Meter& meter) {
  const auto found = filters().find(name);
  if (found == filters().end()) wrong(fmt::format("there is no filter '{}'", name));
  meter.spend(1 + cost_of(value));
  return found->second(FilterCall(value, arguments, meter));
}

bool apply_test(const std::string& name, const Value& value, const std::vector<Value>& arguments) {
  const auto found = tests().find(name);
  if (found == tests().end()) wrong(fmt::format("there is no test '{}'", name));
  return found->second({value, arguments});
}

}  // namespace pliant::chat
