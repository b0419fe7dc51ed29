// Runs the syntax tree of a chat template.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "text/chat/syntax.h"

namespace pliant::chat {

struct Arguments {
  std::vector<Value> positional;
  Named named;

  // The argument at `index` or under `name`; null if it was not given.
  const Value* find(std::size_t index, std::string_view name) const;
};

// What filters, tests and methods share: bounds on the work of one rendering.
class Meter {
 public:
  void spend(std::int64_t steps);      // throws Error{capacity} beyond the bound
  void spend_text(std::size_t bytes);  // of a new string
  Value text(std::string made) { return spend_text(made.size()), Value(std::move(made)); }
  Value list(std::vector<Value> items, bool tuple = false);

 private:
  std::int64_t spent_ = 0;
};

// Errors of these have no place; the renderer adds it.
Value apply_filter(const std::string& name, const Value& value, const Arguments& arguments,
                   Meter& meter);
bool apply_test(const std::string& name, const Value& value, const std::vector<Value>& arguments);
Value call_method(const std::string& name, const Value& self, const Arguments& arguments,
                  Meter& meter);
bool has_method(const std::string& name, const Value& self);
Value binary_operation(const std::string& symbol, const Value& a, const Value& b, Meter& meter);
Value take_slice(const Value& value, const Value* from, const Value* to, const Value* step,
                 Meter& meter);
bool is_in(const Value& item, const Value& container);
std::vector<Value> items_of(const Value& value, Meter& meter);  // what a loop goes over
Value attribute_of(const Value& value, const std::string& name);
Value item_of(const Value& value, const Value& key, Meter& meter);
// strftime, in UTC and English
std::string date_text(const std::string& format, std::int64_t unix_seconds);

struct RenderInputs {
  std::map<std::string, Value, std::less<>> variables;
  std::int64_t now = 0;  // seconds since 1970 in UTC
};

std::string render(const TemplateSource& source, const Block& block, const RenderInputs& inputs);

}  // namespace pliant::chat
