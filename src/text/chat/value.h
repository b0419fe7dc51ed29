// Values of chat templates: what Jinja's expressions work on, with Python's truth, equality and
// text forms.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pliant::chat {

struct Undefined {
  std::string name;  // what was asked for
};
struct None {};
struct List;
struct Dict;
struct Callable;
using Text = std::shared_ptr<const std::string>;

// Lists and strings never change; of dicts only namespaces do. Containers are of bounded depth and
// weight, and no namespace is held by a namespace, so that values end.
struct Value {
  std::variant<Undefined, None, bool, std::int64_t, double, Text, std::shared_ptr<const List>,
               std::shared_ptr<Dict>, std::shared_ptr<const Callable>>
      data;

  Value() = default;
  explicit Value(None none) : data(none) {}
  explicit Value(Undefined name) : data(std::move(name)) {}
  explicit Value(bool truth) : data(truth) {}
  explicit Value(std::int64_t number) : data(number) {}
  explicit Value(double number) : data(number) {}
  explicit Value(std::string text) : data(std::make_shared<const std::string>(std::move(text))) {}
  explicit Value(std::shared_ptr<const Callable> callable) : data(std::move(callable)) {}

  bool undefined() const { return std::holds_alternative<Undefined>(data); }
  bool none() const { return std::holds_alternative<None>(data); }
  bool integral() const { return std::holds_alternative<std::int64_t>(data) || boolean(); }
  bool boolean() const { return std::holds_alternative<bool>(data); }
  bool number() const { return integral() || std::holds_alternative<double>(data); }
  bool is_text() const { return std::holds_alternative<Text>(data); }
  bool is_list() const { return std::holds_alternative<std::shared_ptr<const List>>(data); }
  bool is_dict() const { return std::holds_alternative<std::shared_ptr<Dict>>(data); }
  bool callable() const { return std::holds_alternative<std::shared_ptr<const Callable>>(data); }
  bool truth() const;

  std::int64_t integer() const;  // of integral()
  double real() const;           // of number()
  const std::string& text() const { return *std::get<Text>(data); }
  const List& list() const { return *std::get<std::shared_ptr<const List>>(data); }
  Dict& dict() const { return *std::get<std::shared_ptr<Dict>>(data); }
};

using Named = std::vector<std::pair<std::string, Value>>;

struct Extent {  // of a container, with what it holds; a namespace counts as empty
  int depth = 1;
  std::int64_t weight = 1;  // items and strings, each as often as it is reached
  bool holds_namespace = false;
};

struct List {
  std::vector<Value> items;
  bool tuple = false;
  Extent extent;
};

struct Dict {
  Named items;
  bool is_namespace = false;
  Extent extent;

  const Value* find(std::string_view name) const;
};

struct MacroNode;
struct Callable {
  const MacroNode* macro = nullptr;  // or a built-in:
  std::string name;
  Value self;  // of a method
};

// throws Error{capacity} beyond the depth
Value make_list(std::vector<Value> items, bool tuple = false);
Value make_dict(Named items, bool is_namespace = false);
void set_attribute(Dict& space, const std::string& name, Value value);  // of a namespace

std::string_view type_name(const Value& value);
bool equal(const Value& a, const Value& b);
// -1, 0, 1; throws Error{invalid} for types that have none
int order(const Value& a, const Value& b);

std::string to_text(const Value& value);  // Python's str()
std::string to_representation(const Value& value);
struct JsonForm {
  int indent = -1;  // below 0: on one line
  bool sort_keys = false;
  std::string comma = ", ", colon = ": ";
};
std::string to_json(const Value& value, const JsonForm& form);  // json.dumps with ensure_ascii off
std::int64_t cost_of(const Value& value);                       // steps to go through all of it
Value from_json(std::string_view text, std::string_view place);

// Throws Error{invalid} without a place; the interpreter adds it.
[[noreturn]] void wrong(const std::string& problem);

}  // namespace pliant::chat
