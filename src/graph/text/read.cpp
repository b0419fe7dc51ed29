#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "core/error.h"
#include "graph/builder.h"
#include "graph/text/attributes.h"
#include "graph/text/text.h"

namespace pliant {
namespace {

// One line and a position in it.
class Line {
 public:
  Line(std::string_view text, std::string place) : text_(text), place_(std::move(place)) {}

  [[noreturn]] void fail(std::string_view problem) const {
    throw Error(ErrorKind::format, fmt::format("{}, column {}", place_, at_ + 1),
                std::string(problem));
  }
  const std::string& place() const { return place_; }
  std::size_t left() const { return text_.size() - at_; }
  bool at_end() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return at_ == text_.size();
  }
  char peek() { return at_end() ? '\0' : text_[at_]; }
  bool accept(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail(fmt::format("'{}' expected", wanted));
  }

  // Up to a space or one of `stops`; a quoted string is taken whole and unescaped.
  std::string word(std::string_view stops = ",:()=[]") {
    if (peek() == '"') return quoted();
    std::size_t from = at_;
    while (at_ < text_.size() && text_[at_] != ' ' && text_[at_] != '"' &&
           stops.find(text_[at_]) == stops.npos)
      ++at_;
    if (at_ == from) fail("a word expected");
    return std::string(text_.substr(from, at_ - from));
  }

  TensorType type() {
    std::size_t from = at_;
    std::string dtype = word(":,()=[");
    try {
      TensorType type{dtype_from_name(dtype), {}};
      if (peek() == '[') type.shape = integers<std::int64_t>();
      return type;
    } catch (const Error& error) {
      if (error.place().starts_with(place_)) throw;
      at_ = from;
      fail(error.problem());
    }
  }

  template <typename Int>
  std::vector<Int> integers() {
    std::vector<Int> result;
    expect('[');
    if (accept(']')) return result;
    do result.push_back(integer<Int>());
    while (accept(','));
    expect(']');
    return result;
  }

  template <typename Number>
  Number integer() {
    at_end();
    return convert<Number>();
  }

  double real() {
    at_end();
    if (text_.substr(at_, 3) == "nan") {
      at_ += 3;
      return std::nan("");
    }
    return convert<double>();
  }

  std::string quoted() {
    expect('"');
    std::string result;
    while (at_ < text_.size() && text_[at_] != '"')
      result += text_[at_] == '\\' ? escaped() : text_[at_++];
    if (at_ == text_.size()) fail("a string without its end");
    ++at_;
    return result;
  }

 private:
  char escaped() {
    ++at_;
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\\')) return text_[at_++];
    unsigned byte = 0;
    std::string_view digits = text_.substr(at_, 3);
    if (digits.size() == 3 && digits[0] == 'x') {
      auto [end, error] = std::from_chars(digits.data() + 1, digits.data() + 3, byte, 16);
      if (error == std::errc() && end == digits.data() + 3) {
        at_ += 3;
        return static_cast<char>(byte);
      }
    }
    fail("an escape other than \\\", \\\\ and \\xHH");
  }

  template <typename Number>
  Number convert() {
    Number value{};
    auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) fail("a number expected");
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }

  std::string_view text_;
  std::string place_;
  std::size_t at_ = 0;
};

// Reads "name=value" in the order in which they are written.
struct AttributeReader {
  Line& line;

  void key(std::string_view name) {
    if (line.peek() == '\0') line.fail(fmt::format("attribute '{}' is missing", name));
    std::string have = line.word();
    if (have != name) line.fail(fmt::format("attribute '{}' where '{}' is expected", have, name));
    line.expect('=');
  }
  void operator()(std::string_view name, std::string& value) { key(name), value = line.quoted(); }
  void operator()(std::string_view name, bool& value) {
    key(name);
    std::string text = line.word();
    if (text != "true" && text != "false") line.fail("true or false expected");
    value = text == "true";
  }
  void operator()(std::string_view name, double& value) { key(name), value = line.real(); }
  void operator()(std::string_view name, std::int64_t& value) {
    key(name), value = line.integer<std::int64_t>();
  }
  void operator()(std::string_view name, int& value) { key(name), value = line.integer<int>(); }
  void operator()(std::string_view name, kind::Sizes& value) {
    key(name), value = line.integers<std::int64_t>();
  }
  void operator()(std::string_view name, kind::Axes& value) {
    key(name), value = line.integers<int>();
  }
  void operator()(std::string_view name, DType& value) {
    key(name);
    std::string text = line.word();
    value = checked([&] { return dtype_from_name(text); });
  }
  void operator()(std::string_view name, Expr& value) {
    key(name);
    std::string text = line.quoted();
    value = checked([&] { return expr_from_text(text); });
  }
  void operator()(std::string_view name, std::vector<std::string>& value) {
    key(name);
    items([&] { value.push_back(line.quoted()); });
  }
  void operator()(std::string_view name, std::vector<TensorType>& value) {
    key(name);
    items([&] {
      std::string text = line.quoted();
      Line inner(text, line.place());
      value.push_back(inner.type());
      if (!inner.at_end()) line.fail("text after a type");
    });
  }
  template <typename Enum>
  requires std::is_enum_v<Enum>
  void operator()(std::string_view name, Enum& value) {
    key(name);
    std::string text = line.word();
    const auto found = enum_names<Enum>.find([&](std::string_view each) { return each == text; });
    if (!found) line.fail(fmt::format("'{}' is no {}", text, name));
    value = *found;
  }

 private:
  template <typename Read>
  void items(const Read& read) {
    line.expect('[');
    if (line.accept(']')) return;
    do read();
    while (line.accept(','));
    line.expect(']');
  }
  template <typename Read>
  auto checked(const Read& read) -> decltype(read()) {
    try {
      return read();
    } catch (const Error& error) {
      line.fail(error.what());
    }
  }
};

template <std::size_t I = 0>
std::optional<Kind> kind_by_name(std::string_view wanted) {
  if constexpr (I == std::variant_size_v<Kind>) {
    return std::nullopt;
  } else {
    Kind kind{std::in_place_index<I>};
    return name(kind) == wanted ? std::optional<Kind>(std::move(kind))
                                : kind_by_name<I + 1>(wanted);
  }
}

class TextReader {
 public:
  TextReader(std::string_view text, std::string_view place, const ConstantResolver& elsewhere)
      : text_(text), place_(place), elsewhere_(elsewhere) {}

  Graph read() {
    while (!text_.empty() || number_ == 0) {
      std::size_t end = std::min(text_.find('\n'), text_.size());
      Line line(text_.substr(0, end), fmt::format("{}, line {}", place_, ++number_));
      text_.remove_prefix(std::min(end + 1, text_.size()));
      if (number_ == 1) {
        read_version(line);
      } else if (line.peek() != '\0' && line.peek() != '#') {
        statement(line);
      }
    }
    return in_context(fmt::format("{}", place_), [&] { return builder_.finish(); });
  }

 private:
  // What the builder refuses, with the line.
  template <typename Body>
  static auto in_context(const std::string& place, const Body& body) -> decltype(body()) {
    try {
      return body();
    } catch (const Error& error) {
      if (error.place().starts_with(place)) throw;
      throw Error(error.kind(), place, error.what());
    }
  }

  static void read_version(Line& line) {
    if (line.word() != "pliant" || line.word() != "graph") line.fail("not a pliant graph");
    if (int version = line.integer<int>(); version != 1)
      line.fail(fmt::format("version {}, 1 expected", version));
    if (!line.at_end()) line.fail("text after the version");
  }

  void statement(Line& line) {
    in_context(line.place(), [&] {
      bool named = line.peek() == '"';
      std::string head = line.word();
      bool leaf = !named && line.peek() != ':';
      if (leaf &&
          (head == "input" || head == "row_input" || head == "weight" || head == "constant"))
        read_leaf(head, line);
      else if (leaf && head == "output") read_output(line);
      else if (leaf && head == "carry") read_carry(line);
      else read_op(std::move(head), line);
      if (!line.at_end()) line.fail("unexpected text at the end of the line");
    });
  }

  void define(const std::string& name, ValueId id, const Line& line) {
    if (!ids_.emplace(name, id).second) line.fail(fmt::format("'{}' is defined twice", name));
  }

  ValueId value(Line& line) {
    std::string name = line.word();
    auto at = ids_.find(name);
    if (at == ids_.end()) line.fail(fmt::format("'{}' is not defined above", name));
    return at->second;
  }

  void claim(const std::string& name, const Line& line) {
    if (name.empty()) line.fail("an empty name");
    if (!names_.insert(name).second) line.fail(fmt::format("the name '{}' is taken", name));
  }

  void read_leaf(std::string_view head, Line& line) {
    std::string name = line.word();
    claim(name, line);
    line.expect(':');
    TensorType type = line.type();
    ValueId id = head == "input"       ? builder_.input(name, type)
                 : head == "row_input" ? builder_.row_input(name, type)
                 : head == "weight"    ? builder_.weight(name, type)
                                       : builder_.constant(constant(name, type, line), name);
    define(name, id, line);
  }

  std::shared_ptr<const Tensor> constant(const std::string& name, const TensorType& type,
                                         Line& line) {
    if (!line.accept('=')) {
      if (line.word() != "elsewhere") line.fail("'=' or \"elsewhere\" expected");
      std::shared_ptr<const Tensor> tensor = elsewhere_ ? elsewhere_(name) : nullptr;
      if (!tensor)
        line.fail(fmt::format("the constant '{}' is kept elsewhere and was not given", name));
      if (tensor->type() != type)
        line.fail(fmt::format("the constant '{}' is {}, {} expected", name,
                              to_string(tensor->type()), to_string(type)));
      return tensor;
    }
    std::int64_t count = elements(type.shape);
    if (static_cast<std::uint64_t>(count) > line.left())  // an element takes at least a character
      line.fail(fmt::format("{} elements in {} characters", count, line.left()));
    Tensor tensor(type);
    for (std::int64_t i = 0; i < count; ++i) read_element(line, tensor.view(), i);
    return std::make_shared<const Tensor>(std::move(tensor));
  }

  static void read_element(Line& line, const TensorView& view, std::int64_t i) {
    if (line.accept('#')) {
      auto size = static_cast<std::size_t>(size_of(view.type.dtype));
      std::string digits = line.word();
      std::uint64_t bits = 0;
      auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
      if (error != std::errc() || end != digits.data() + digits.size() || digits.size() != 2 * size)
        line.fail(fmt::format("{} hexadecimal digits expected", 2 * size));
      for (std::size_t k = 0; k < size; ++k)
        view.data[static_cast<std::size_t>(i) * size + k] = static_cast<std::byte>(bits >> (8 * k));
    } else if (is_float(view.type.dtype)) {
      set(view, i, line.real());
    } else {
      set_int(view, i, line.integer<std::int64_t>());
    }
  }

  void read_op(std::string first, Line& line) {
    std::vector<std::string> names = {std::move(first)};
    std::vector<TensorType> types;
    line.expect(':');
    types.push_back(line.type());
    while (line.accept(',')) {
      names.push_back(line.word());
      line.expect(':');
      types.push_back(line.type());
    }
    line.expect('=');
    std::string kind_name = line.word();
    std::optional<Kind> kind = kind_by_name(kind_name);
    if (!kind) line.fail(fmt::format("unknown kind '{}'", kind_name));
    std::vector<ValueId> operands = read_operands(line);
    AttributeReader attributes{line};
    std::visit([&](auto& each) { fields(attributes, each); }, *kind);
    std::string name = names[0];
    if (line.peek() != '\0') attributes("name", name);
    if (name != names[0]) claim(name, line);
    for (const std::string& each : names) claim(each, line);
    std::vector<ValueId> results = builder_.add(std::move(*kind), std::move(operands), name,
                                                static_cast<int>(names.size()), names);
    for (std::size_t i = 0; i < results.size(); ++i) {
      define(names[i], results[i], line);
      if (builder_.type(results[i]) != types[i])
        line.fail(fmt::format("'{}' is {}, not {}", names[i], to_string(builder_.type(results[i])),
                              to_string(types[i])));
    }
  }

  std::vector<ValueId> read_operands(Line& line) {
    std::vector<ValueId> operands;
    line.expect('(');
    if (line.accept(')')) return operands;
    do operands.push_back(value(line));
    while (line.accept(','));
    line.expect(')');
    return operands;
  }

  void read_output(Line& line) {
    ValueId id = value(line);
    std::string name;
    if (line.peek() != '\0') {
      if (line.word() != "as") line.fail("\"as\" expected");
      name = line.word();
    }
    builder_.output(id, name);
  }

  void read_carry(Line& line) {
    ValueId in = value(line);
    builder_.carry(in, value(line));
  }

  std::string_view text_, place_;
  const ConstantResolver& elsewhere_;
  Builder builder_;
  int number_ = 0;
  std::unordered_map<std::string, ValueId> ids_;
  std::unordered_set<std::string> names_;
};

}  // namespace

Graph graph_from_text(std::string_view text, std::string_view place,
                      const ConstantResolver& elsewhere) {
  return TextReader(text, place, elsewhere).read();
}

}  // namespace pliant
