// Operators, subscripts and iteration, as Python defines them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "text/chat/render.h"
#include "text/unicode/unicode.h"

namespace pliant::chat {
namespace {

[[noreturn]] void no_operation(const std::string& symbol, const Value& a, const Value& b) {
  for (const Value* each : {&a, &b})
    if (each->undefined())
      wrong(fmt::format("'{}' is undefined", std::get<Undefined>(each->data).name));
  wrong(fmt::format("'{}' of {} and {}", symbol, type_name(a), type_name(b)));
}

[[noreturn]] void too_large() { wrong("an integer of more than 64 bits"); }

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  if (a == std::numeric_limits<std::int64_t>::min() && b == -1) too_large();
  return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

Value power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) return Value(std::pow(base, exponent));
  std::int64_t result = 1;
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(result, base, &result)) too_large();
    if (result == 0 || (result == 1 && base == 1)) break;
    if (base == -1) return Value(exponent % 2 == 0 ? std::int64_t{1} : std::int64_t{-1});
  }
  return Value(result);
}

Value integer_operation(const std::string& symbol, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflow = false;
  if (symbol == "+") overflow = __builtin_add_overflow(a, b, &result);
  else if (symbol == "-") overflow = __builtin_sub_overflow(a, b, &result);
  else if (symbol == "*") overflow = __builtin_mul_overflow(a, b, &result);
  else if (symbol == "**") return power(a, b);
  else if (b == 0) wrong("division by zero");
  else if (symbol == "/") return Value(static_cast<double>(a) / b);
  else if (symbol == "//") result = floor_divide(a, b);
  else result = b == -1 ? 0 : a - floor_divide(a, b) * b;
  if (overflow) too_large();
  return Value(result);
}

Value real_operation(const std::string& symbol, double a, double b) {
  if (symbol == "+") return Value(a + b);
  if (symbol == "-") return Value(a - b);
  if (symbol == "*") return Value(a * b);
  if (symbol == "**") return Value(std::pow(a, b));
  if (b == 0) wrong("division by zero");
  if (symbol == "/") return Value(a / b);
  if (symbol == "//") return Value(std::floor(a / b));
  const double rest = std::fmod(a, b);
  return Value(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
}

Value repeated(const Value& value, std::int64_t times, Meter& meter) {
  times = std::max<std::int64_t>(times, 0);
  const std::size_t size = value.is_text() ? value.text().size() : value.list().items.size();
  constexpr std::int64_t most = 1 << 26;
  if (size > 0 && times > most / static_cast<std::int64_t>(size))
    throw Error(ErrorKind::capacity, "", "a repetition of more than 2^26");
  if (value.is_text()) {
    meter.spend_text(size * times);
    std::string text;
    for (std::int64_t i = 0; size > 0 && i < times; ++i) text += value.text();
    return Value(std::move(text));
  }
  meter.spend(size * times);
  std::vector<Value> items;
  for (std::int64_t i = 0; size > 0 && i < times; ++i)
    items.insert(items.end(), value.list().items.begin(), value.list().items.end());
  return meter.list(std::move(items), value.list().tuple);
}

std::int64_t slice_end(const Value* end, std::int64_t absent) {
  if (!end || end->none()) return absent;
  if (!end->integral()) wrong(fmt::format("a slice's end is {}", type_name(*end)));
  return end->integer();
}

}  // namespace

Value binary_operation(const std::string& symbol, const Value& a, const Value& b, Meter& meter) {
  if (symbol == "~") return meter.text(to_text(a) + to_text(b));
  if (a.integral() && b.integral()) return integer_operation(symbol, a.integer(), b.integer());
  if (a.number() && b.number()) return real_operation(symbol, a.real(), b.real());
  if (symbol == "+" && a.is_text() && b.is_text()) return meter.text(a.text() + b.text());
  if (symbol == "+" && a.is_list() && b.is_list() && a.list().tuple == b.list().tuple) {
    std::vector<Value> items = a.list().items;
    items.insert(items.end(), b.list().items.begin(), b.list().items.end());
    return meter.list(std::move(items), a.list().tuple);
  }
  if (symbol == "*" && (a.is_text() || a.is_list()) && b.integral())
    return repeated(a, b.integer(), meter);
  if (symbol == "*" && a.integral() && (b.is_text() || b.is_list()))
    return repeated(b, a.integer(), meter);
  no_operation(symbol, a, b);
}

Value take_slice(const Value& value, const Value* from, const Value* to, const Value* step,
                 Meter& meter) {
  const std::int64_t stride = slice_end(step, 1);
  if (stride == 0) wrong("a slice with steps of 0");
  if (!value.is_text() && !value.is_list()) no_operation("[:]", value, value);
  meter.spend(cost_of(value));
  const std::u32string codes = value.is_text() ? text::codes_of(value.text()) : U"";
  const std::int64_t size = value.is_text() ? codes.size() : value.list().items.size();
  const auto place = [&](std::int64_t at) {
    if (at < 0) at = at < -size ? -1 : at + size;
    return std::clamp(at, stride > 0 ? std::int64_t{0} : std::int64_t{-1},
                      stride > 0 ? size : size - 1);
  };
  constexpr std::int64_t none = std::numeric_limits<std::int64_t>::min();
  const std::int64_t first = slice_end(from, none), last = slice_end(to, none);
  const std::int64_t begin = first == none ? (stride > 0 ? 0 : size - 1) : place(first);
  const std::int64_t end = last == none ? (stride > 0 ? size : -1) : place(last);
  const std::int64_t jump = std::clamp(stride, -size - 1, size + 1);
  std::u32string taken;
  std::vector<Value> items;
  for (std::int64_t at = begin; jump > 0 ? at < end : at > end; at += jump) {
    if (value.is_text()) taken += codes[at];
    else items.push_back(value.list().items[at]);
  }
  return value.is_text() ? meter.text(text::text_of(taken))
                         : meter.list(std::move(items), value.list().tuple);
}

bool is_in(const Value& item, const Value& container) {
  if (container.undefined()) return false;
  if (container.is_text()) {
    if (!item.is_text()) wrong(fmt::format("{} cannot be in a string", type_name(item)));
    return container.text().find(item.text()) != std::string::npos;
  }
  if (container.is_list())
    return std::any_of(container.list().items.begin(), container.list().items.end(),
                       [&](const Value& each) { return equal(each, item); });
  if (container.is_dict() && !container.dict().is_namespace)
    return item.is_text() && container.dict().find(item.text());
  wrong(fmt::format("'in' of {}", type_name(container)));
}

std::vector<Value> items_of(const Value& value, Meter& meter) {
  if (value.undefined()) return {};
  std::vector<Value> items;
  if (value.is_list()) {
    items = value.list().items;
  } else if (value.is_dict() && !value.dict().is_namespace) {
    for (const auto& [name, each] : value.dict().items) items.emplace_back(name);
  } else if (value.is_text()) {
    for (const char32_t code : text::codes_of(value.text()))
      items.emplace_back(text::text_of({&code, 1}));
  } else {
    wrong(fmt::format("{} has no items", type_name(value)));
  }
  meter.spend(std::ssize(items));
  return items;
}

Value attribute_of(const Value& value, const std::string& name) {
  if (value.undefined())
    wrong(fmt::format("'{}' is undefined", std::get<Undefined>(value.data).name));
  if (value.is_dict())
    if (const Value* found = value.dict().find(name)) return *found;
  return Value(Undefined{name});
}

Value item_of(const Value& value, const Value& key, Meter& meter) {
  if (value.undefined())
    wrong(fmt::format("'{}' is undefined", std::get<Undefined>(value.data).name));
  if (key.is_text()) return attribute_of(value, key.text());
  if (!key.integral() || (!value.is_list() && !value.is_text()))
    return Value(Undefined{to_representation(key)});
  meter.spend(value.is_text() ? cost_of(value) : 0);
  const std::u32string codes = value.is_text() ? text::codes_of(value.text()) : U"";
  const std::int64_t size = value.is_text() ? codes.size() : value.list().items.size();
  const std::int64_t at =
      key.integer() < 0 && key.integer() >= -size ? key.integer() + size : key.integer();
  if (at < 0 || at >= size) return Value(Undefined{fmt::format("item {}", key.integer())});
  if (value.is_list()) return value.list().items[at];
  return Value(text::text_of({&codes[at], 1}));
}

}  // namespace pliant::chat
