#include "text/chat/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/json.h"
#include "text/unicode/unicode.h"

namespace pliant::chat {
namespace {

constexpr int deepest_value = 100;

constexpr std::int64_t heaviest_value = 1 << 21;

void note(Extent& extent, const Value& item) {
  Extent inner{0, 1, false};
  if (item.is_text()) inner.weight += item.text().size() / 16;
  if (item.is_list()) inner = item.list().extent;
  if (item.is_dict()) inner = item.dict().is_namespace ? Extent{1, 1, true} : item.dict().extent;
  extent.depth = std::max(extent.depth, inner.depth + 1);
  extent.weight += inner.weight;
  extent.holds_namespace |= inner.holds_namespace;
  if (extent.depth > deepest_value || extent.weight > heaviest_value)
    throw Error(ErrorKind::capacity, "chat template",
                fmt::format("values nested deeper than {} or of more than {} parts", deepest_value,
                            heaviest_value));
}

std::string real_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", number);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string quoted(const std::string& text) {
  const char quote =
      text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char32_t code : text::codes_of(text)) {
    if (code == '\n') out += "\\n";
    else if (code == '\r') out += "\\r";
    else if (code == '\t') out += "\\t";
    else if (code == '\\' || code == static_cast<char32_t>(quote))
      out += '\\', out += static_cast<char>(code);
    else if (code < 0x20 || (code >= 0x7F && code <= 0xA0) || code == 0xAD)
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(code));
    else text::append_char(out, code);
  }
  return out + quote;
}

void append_representation(std::string& out, const Value& value);

void append_items(std::string& out, const List& list) {
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    if (i > 0) out += ", ";
    append_representation(out, list.items[i]);
  }
}

void append_representation(std::string& out, const Value& value) {
  if (value.is_text()) {
    out += quoted(value.text());
  } else if (value.is_list()) {
    const List& list = value.list();
    out += list.tuple ? '(' : '[';
    append_items(out, list);
    if (list.tuple && list.items.size() == 1) out += ',';
    out += list.tuple ? ')' : ']';
  } else if (value.is_dict()) {
    if (value.dict().is_namespace) wrong("a namespace cannot be written");
    out += '{';
    for (std::size_t i = 0; i < value.dict().items.size(); ++i) {
      const auto& [name, each] = value.dict().items[i];
      out += (i > 0 ? ", " : "") + quoted(name) + ": ";
      append_representation(out, each);
    }
    out += '}';
  } else {
    if (value.callable()) wrong("a function cannot be written");
    out += value.undefined() ? "Undefined" : to_text(value);
  }
}

std::string json_string(const std::string& text) {
  std::string out = "\"";
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    constexpr std::string_view codes = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
    const auto at = codes.find(each);
    if (at != codes.npos) out += '\\', out += letters[at];
    else if (byte < 0x20) out += fmt::format("\\u{:04x}", static_cast<unsigned>(byte));
    else out += each;
  }
  return out + '"';
}

class JsonWriter {
 public:
  explicit JsonWriter(const JsonForm& form) : form_(form) {}

  void write(const Value& value) {
    if (value.is_text()) text += json_string(value.text());
    else if (value.boolean()) text += value.truth() ? "true" : "false";
    else if (value.none()) text += "null";
    else if (value.number()) write_number(value);
    else if (value.is_list()) write_list(value.list());
    else if (value.is_dict()) write_dict(value.dict());
    else wrong(fmt::format("{} has no JSON form", type_name(value)));
  }

  std::string text;

 private:
  void write_number(const Value& value) {
    if (value.integral()) text += std::to_string(value.integer());
    else if (std::isnan(value.real())) text += "NaN";
    else if (std::isinf(value.real())) text += value.real() < 0 ? "-Infinity" : "Infinity";
    else text += real_text(value.real());
  }
  void separate(bool first) {
    if (!first) text += form_.comma;
    line();
  }
  void line() {
    if (form_.indent >= 0) text += '\n', text.append(form_.indent * level_, ' ');
  }
  void write_list(const List& list) {
    text += '[';
    ++level_;
    for (std::size_t i = 0; i < list.items.size(); ++i) separate(i == 0), write(list.items[i]);
    --level_;
    if (!list.items.empty()) line();
    text += ']';
  }
  void write_dict(const Dict& dict) {
    if (dict.is_namespace) wrong("a namespace has no JSON form");
    std::vector<const std::pair<std::string, Value>*> items;
    for (const auto& each : dict.items) items.push_back(&each);
    if (form_.sort_keys)
      std::sort(items.begin(), items.end(), [](auto* a, auto* b) { return a->first < b->first; });
    text += '{';
    ++level_;
    for (std::size_t i = 0; i < items.size(); ++i) {
      separate(i == 0);
      text += json_string(items[i]->first) + form_.colon;
      write(items[i]->second);
    }
    --level_;
    if (!items.empty()) line();
    text += '}';
  }

  const JsonForm& form_;
  int level_ = 0;
};

Value from(const nlohmann::ordered_json& json) {
  if (json.is_null()) return Value(None{});
  if (json.is_boolean()) return Value(json.get<bool>());
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX)
    return Value(json.get<double>());
  if (json.is_number_integer()) return Value(json.get<std::int64_t>());
  if (json.is_number()) return Value(json.get<double>());
  if (json.is_string()) return Value(json.get<std::string>());
  if (json.is_array()) {
    std::vector<Value> items;
    for (const auto& each : json) items.push_back(from(each));
    return make_list(std::move(items));
  }
  Named items;
  for (const auto& [name, each] : json.items()) items.emplace_back(name, from(each));
  return make_dict(std::move(items));
}

}  // namespace

bool Value::truth() const {
  if (undefined() || none()) return false;
  if (number()) return real() != 0;
  if (is_text()) return !text().empty();
  if (is_list()) return !list().items.empty();
  if (is_dict()) return dict().is_namespace || !dict().items.empty();
  return true;
}

std::int64_t Value::integer() const {
  return boolean() ? std::get<bool>(data) : std::get<std::int64_t>(data);
}

double Value::real() const { return integral() ? integer() : std::get<double>(data); }

const Value* Dict::find(std::string_view name) const {
  for (const auto& [key, value] : items)
    if (key == name) return &value;
  return nullptr;
}

Value make_list(std::vector<Value> items, bool tuple) {
  auto list = std::make_shared<List>();
  for (const Value& each : items) note(list->extent, each);
  list->items = std::move(items);
  list->tuple = tuple;
  Value value;
  value.data = std::shared_ptr<const List>(std::move(list));
  return value;
}

Value make_dict(Named items, bool is_namespace) {
  auto dict = std::make_shared<Dict>();
  for (const auto& [name, each] : items) note(dict->extent, each);
  if (is_namespace && dict->extent.holds_namespace) wrong("a namespace cannot hold a namespace");
  dict->items = std::move(items);
  dict->is_namespace = is_namespace;
  Value value;
  value.data = std::move(dict);
  return value;
}

void set_attribute(Dict& space, const std::string& name, Value value) {
  Extent extent;
  note(extent, value);
  if (extent.holds_namespace) wrong("a namespace cannot hold a namespace");
  for (auto& [key, old] : space.items) {
    if (key != name) continue;
    old = std::move(value);
    return;
  }
  space.items.emplace_back(name, std::move(value));
}

std::string_view type_name(const Value& value) {
  if (value.undefined()) return "an undefined value";
  if (value.none()) return "none";
  if (value.boolean()) return "a truth value";
  if (value.number()) return "a number";
  if (value.is_text()) return "a string";
  if (value.is_list()) return value.list().tuple ? "a tuple" : "a list";
  if (value.is_dict()) return value.dict().is_namespace ? "a namespace" : "a dict";
  return "a function";
}

bool equal(const Value& a, const Value& b) {
  if (a.integral() && b.integral()) return a.integer() == b.integer();
  if (a.number() && b.number()) return a.real() == b.real();
  if (a.is_text() && b.is_text()) return a.text() == b.text();
  if (a.is_list() && b.is_list())
    return a.list().tuple == b.list().tuple &&
           std::equal(a.list().items.begin(), a.list().items.end(), b.list().items.begin(),
                      b.list().items.end(), equal);
  if (a.is_dict() && b.is_dict()) {
    if (a.dict().is_namespace || b.dict().is_namespace) return &a.dict() == &b.dict();
    return a.dict().items.size() == b.dict().items.size() &&
           std::all_of(a.dict().items.begin(), a.dict().items.end(), [&](const auto& each) {
             const Value* other = b.dict().find(each.first);
             return other && equal(each.second, *other);
           });
  }
  return (a.undefined() && b.undefined()) || (a.none() && b.none());
}

int order(const Value& a, const Value& b) {
  const auto sign = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
  if (a.integral() && b.integral()) return sign(a.integer(), b.integer());
  if (a.number() && b.number()) return sign(a.real(), b.real());
  // UTF-8 sorts as its code points
  if (a.is_text() && b.is_text()) return sign(a.text().compare(b.text()), 0);
  if (a.is_list() && b.is_list() && a.list().tuple == b.list().tuple) {
    const auto& x = a.list().items;
    const auto& y = b.list().items;
    for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i)
      if (!equal(x[i], y[i])) return order(x[i], y[i]);
    return sign(x.size(), y.size());
  }
  wrong(fmt::format("{} and {} have no order", type_name(a), type_name(b)));
}

std::string to_text(const Value& value) {
  if (value.undefined()) return "";
  if (value.none()) return "None";
  if (value.boolean()) return value.truth() ? "True" : "False";
  if (value.integral()) return std::to_string(value.integer());
  if (value.number()) return real_text(value.real());
  if (value.is_text()) return value.text();
  return to_representation(value);
}

std::string to_representation(const Value& value) {
  std::string out;
  append_representation(out, value);
  return out;
}

std::int64_t cost_of(const Value& value) {
  if (value.is_text()) return value.text().size() / 64;
  if (value.is_list()) return value.list().extent.weight;
  return value.is_dict() && !value.dict().is_namespace ? value.dict().extent.weight : 0;
}

std::string to_json(const Value& value, const JsonForm& form) {
  JsonWriter writer(form);
  writer.write(value);
  return std::move(writer.text);
}

Value from_json(std::string_view text, std::string_view place) {
  return from(parse_ordered_json(text, place));
}

void wrong(const std::string& problem) { throw Error(ErrorKind::invalid, "", problem); }

}  // namespace pliant::chat
