// Methods of strings, lists and dicts, and dates.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "core/error.h"
#include "text/chat/render.h"
#include "text/chat/strings.h"
#include "text/unicode/unicode.h"

namespace pliant::chat {
namespace {

class MethodCall {
 public:
  MethodCall(const Value& self, const Arguments& given, Meter& meter)
      : self_(self), given_(given), meter_(meter) {}

  const std::string& self() const { return self_.text(); }
  const Dict& dict() const { return self_.dict(); }
  const std::vector<Value>& list() const { return self_.list().items; }
  Meter& meter() const { return meter_; }

  const Value* argument(std::size_t index, std::string_view name) const {
    const Value* value = given_.find(index, name);
    return value && value->none() ? nullptr : value;
  }
  const Value& required(std::size_t index) const {
    if (index >= given_.positional.size()) wrong(fmt::format("{} arguments expected", index + 1));
    return given_.positional[index];
  }
  const std::string& required_text(std::size_t index) const {
    const Value& value = required(index);
    if (!value.is_text()) wrong(fmt::format("a string expected, not {}", type_name(value)));
    return value.text();
  }
  const std::string* text(std::size_t index, std::string_view name) const {
    const Value* value = argument(index, name);
    if (value && !value->is_text())
      wrong(fmt::format("a string expected, not {}", type_name(*value)));
    return value ? &value->text() : nullptr;
  }
  std::int64_t count(std::size_t index, std::string_view name) const {
    const Value* value = argument(index, name);
    if (value && !value->integral())
      wrong(fmt::format("an integer expected, not {}", type_name(*value)));
    return value ? value->integer() : -1;
  }
  Value made(std::string text) const { return meter_.text(std::move(text)); }
  Value made(const std::vector<std::string>& parts) const {
    std::vector<Value> items;
    for (const std::string& each : parts) items.push_back(meter_.text(each));
    return meter_.list(std::move(items));
  }

 private:
  const Value& self_;
  const Arguments& given_;
  Meter& meter_;
};

using Method = std::function<Value(const MethodCall&)>;
using Methods = std::map<std::string, Method, std::less<>>;

template <typename Check>
bool any_affix(const Value& wanted, Check&& check) {
  if (wanted.is_text()) return check(wanted.text());
  if (!wanted.is_list())
    wrong(fmt::format("a string or a tuple of strings expected, not {}", type_name(wanted)));
  for (const Value& each : wanted.list().items) {
    if (!each.is_text()) wrong("a string expected in the tuple");
    if (check(each.text())) return true;
  }
  return false;
}

template <typename Has>
bool all_characters(const std::string& text, Has&& has) {
  const std::u32string codes = text::codes_of(text);
  return !codes.empty() && std::all_of(codes.begin(), codes.end(), has);
}

Value place_of(const std::string& text, std::size_t found) {
  return Value(found == std::string::npos ? std::int64_t{-1}
                                          : static_cast<std::int64_t>(code_count(
                                                std::string_view(text).substr(0, found))));
}

std::string joined_parts(const MethodCall& call) {
  std::string out;
  bool first = true;
  for (const Value& each : items_of(call.required(0), call.meter())) {
    if (!each.is_text()) wrong(fmt::format("join of {}", type_name(each)));
    if (!first) out += call.self();
    first = false;
    out += each.text();
    call.meter().spend_text(out.size() / 64);
  }
  return out;
}

const std::string* separator_of(const MethodCall& call) {
  const std::string* separator = call.text(0, "sep");
  if (separator && separator->empty()) wrong("an empty separator");
  return separator;
}

const Methods& text_methods() {
  using Call = const MethodCall&;
  static const Methods methods = {
      {"strip", [](Call c) { return c.made(strip(c.self(), Ends::both, c.text(0, "chars"))); }},
      {"lstrip", [](Call c) { return c.made(strip(c.self(), Ends::left, c.text(0, "chars"))); }},
      {"rstrip", [](Call c) { return c.made(strip(c.self(), Ends::right, c.text(0, "chars"))); }},
      {"upper", [](Call c) { return c.made(upper(c.self())); }},
      {"lower", [](Call c) { return c.made(lower(c.self())); }},
      {"capitalize", [](Call c) { return c.made(capitalize(c.self())); }},
      {"title", [](Call c) { return c.made(title(c.self())); }},
      {"split",
       [](Call c) { return c.made(split(c.self(), separator_of(c), c.count(1, "maxsplit"))); }},
      {"rsplit",
       [](Call c) {
         return c.made(split_right(c.self(), separator_of(c), c.count(1, "maxsplit")));
       }},
      {"splitlines", [](Call c) { return c.made(split_lines(c.self())); }},
      {"join", [](Call c) { return c.made(joined_parts(c)); }},
      {"replace",
       [](Call c) {
         const std::string &old = c.required_text(0), &fresh = c.required_text(1);
         c.meter().spend_text(old.empty() ? c.self().size() * (fresh.size() + 1)
                                          : c.self().size() / old.size() * fresh.size());
         return c.made(replace(c.self(), old, fresh, c.count(2, "count")));
       }},
      {"startswith",
       [](Call c) {
         return Value(any_affix(
             c.required(0), [&](const std::string& each) { return c.self().starts_with(each); }));
       }},
      {"endswith",
       [](Call c) {
         return Value(any_affix(c.required(0),
                                [&](const std::string& each) { return c.self().ends_with(each); }));
       }},
      {"removeprefix",
       [](Call c) {
         const std::string& prefix = c.required_text(0);
         return c.made(c.self().substr(c.self().starts_with(prefix) ? prefix.size() : 0));
       }},
      {"removesuffix",
       [](Call c) {
         const std::string& suffix = c.required_text(0);
         return c.made(c.self().substr(
             0, c.self().size() - (c.self().ends_with(suffix) ? suffix.size() : 0)));
       }},
      {"find", [](Call c) { return place_of(c.self(), c.self().find(c.required_text(0))); }},
      {"rfind", [](Call c) { return place_of(c.self(), c.self().rfind(c.required_text(0))); }},
      {"count",
       [](Call c) {
         const std::string& part = c.required_text(0);
         if (part.empty()) return Value(static_cast<std::int64_t>(code_count(c.self()) + 1));
         return Value(static_cast<std::int64_t>(split(c.self(), &part, -1).size() - 1));
       }},
      {"isdigit",
       [](Call c) {
         return Value(all_characters(c.self(), [](char32_t code) {
           return text::is_in(code, text::categories_named("Nd"));
         }));
       }},
      {"isalpha",
       [](Call c) {
         return Value(all_characters(c.self(), [](char32_t code) {
           return text::is_in(code, text::categories_named("L"));
         }));
       }},
      {"isspace",
       [](Call c) {
         return Value(!c.self().empty() && strip(c.self(), Ends::both, nullptr).empty());
       }},
  };
  return methods;
}

Value dict_pairs(const MethodCall& call) {
  std::vector<Value> items;
  for (const auto& [name, value] : call.dict().items)
    items.push_back(call.meter().list({Value(name), value}, true));
  return call.meter().list(std::move(items));
}

const Methods& dict_methods() {
  using Call = const MethodCall&;
  static const Methods methods = {
      {"items", dict_pairs},
      {"keys",
       [](Call c) {
         std::vector<Value> names;
         for (const auto& [name, value] : c.dict().items) names.emplace_back(name);
         return c.meter().list(std::move(names));
       }},
      {"values",
       [](Call c) {
         std::vector<Value> values;
         for (const auto& [name, value] : c.dict().items) values.push_back(value);
         return c.meter().list(std::move(values));
       }},
      {"get",
       [](Call c) {
         const Value& key = c.required(0);
         const Value* found = key.is_text() ? c.dict().find(key.text()) : nullptr;
         const Value* fallback = c.argument(1, "default");
         return found ? *found : fallback ? *fallback : Value(None{});
       }},
  };
  return methods;
}

const Methods& list_methods() {
  using Call = const MethodCall&;
  static const Methods methods = {
      {"index",
       [](Call c) {
         const auto same = [&](const Value& each) { return equal(each, c.required(0)); };
         const auto found = std::find_if(c.list().begin(), c.list().end(), same);
         if (found == c.list().end()) wrong("the item is not in the list");
         return Value(static_cast<std::int64_t>(found - c.list().begin()));
       }},
      {"count",
       [](Call c) {
         const auto same = [&](const Value& each) { return equal(each, c.required(0)); };
         return Value(
             static_cast<std::int64_t>(std::count_if(c.list().begin(), c.list().end(), same)));
       }},
  };
  return methods;
}

const Methods& methods_of(const Value& self) {
  static const Methods none;
  if (self.is_text()) return text_methods();
  if (self.is_list()) return list_methods();
  return self.is_dict() && !self.dict().is_namespace ? dict_methods() : none;
}

struct Date {
  std::int64_t year = 1970, month = 1, day = 1;
};

// Gregorian date of a day since 1970 (Hinnant: chrono-compatible low-level date algorithms).
Date date_of(std::int64_t day) {
  day += 719468;
  const std::int64_t era = (day >= 0 ? day : day - 146096) / 146097, of_era = day - era * 146097;
  const std::int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t of_year = of_era - (365 * year + year / 4 - year / 100),
                     month = (5 * of_year + 2) / 153;
  const std::int64_t number = month < 10 ? month + 3 : month - 9;
  return {year + era * 400 + (number <= 2 ? 1 : 0), number, of_year - (153 * month + 2) / 5 + 1};
}

}  // namespace

bool has_method(const std::string& name, const Value& self) {
  return methods_of(self).contains(name);
}

Value call_method(const std::string& name, const Value& self, const Arguments& arguments,
                  Meter& meter) {
  meter.spend(cost_of(self));
  for (const Value& each : arguments.positional) meter.spend(cost_of(each));
  return methods_of(self).at(name)(MethodCall(self, arguments, meter));
}

std::string date_text(const std::string& format, std::int64_t unix_seconds) {
  constexpr const char* months[] = {"January",   "February", "March",    "April",
                                    "May",       "June",     "July",     "August",
                                    "September", "October",  "November", "December"};
  constexpr const char* days[] = {"Thursday", "Friday",  "Saturday", "Sunday",
                                  "Monday",   "Tuesday", "Wednesday"};
  const std::int64_t second = ((unix_seconds % 86400) + 86400) % 86400,
                     day = (unix_seconds - second) / 86400;
  const Date date = date_of(day);
  const std::string month = months[date.month - 1], week_day = days[((day % 7) + 7) % 7];
  const std::int64_t hour = second / 3600;
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    const bool bare = format[i + 1] == '-' && i + 2 < format.size();  // without leading zeros
    const char letter = format[i += bare ? 2 : 1];
    const auto number = [&](std::int64_t value) {
      return bare ? fmt::format("{}", value) : fmt::format("{:02}", value);
    };
    switch (letter) {
      case 'Y': out += fmt::format("{}", date.year); break;
      case 'y': out += number(date.year % 100); break;
      case 'm': out += number(date.month); break;
      case 'd': out += number(date.day); break;
      case 'B': out += month; break;
      case 'b': out += month.substr(0, 3); break;
      case 'A': out += week_day; break;
      case 'a': out += week_day.substr(0, 3); break;
      case 'H': out += number(hour); break;
      case 'I': out += number((hour + 11) % 12 + 1); break;
      case 'p': out += hour < 12 ? "AM" : "PM"; break;
      case 'M': out += number(second / 60 % 60); break;
      case 'S': out += number(second % 60); break;
      case 'F': out += fmt::format("{}-{:02}-{:02}", date.year, date.month, date.day); break;
      case 'T': out += fmt::format("{:02}:{:02}:{:02}", hour, second / 60 % 60, second % 60); break;
      case '%': out += '%'; break;
      default: wrong(fmt::format("the date format '%{}' is not understood", letter));
    }
  }
  return out;
}

}  // namespace pliant::chat
