#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "core/rng.h"
#include "graph/text/attributes.h"
#include "graph/text/text.h"

namespace pliant {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '/' || c == '-';
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string word(std::string_view name) {  // a name: bare where that is unambiguous
  bool plain = !name.empty() && name[0] != '-';
  for (char c : name) plain &= is_plain(c);
  return plain ? std::string(name) : quoted(name);
}

std::string number(double value) { return std::isnan(value) ? "nan" : fmt::format("{}", value); }

template <typename T>
std::string list(const T& items,
                 const std::function<std::string(const typename T::value_type&)>& show) {
  std::string result = "[";
  for (const auto& each : items) result += (result.size() > 1 ? "," : "") + show(each);
  return result + "]";
}

struct AttributeWriter {
  std::string text;

  void operator()(std::string_view name, std::string_view value) {
    text += fmt::format(" {}={}", name, value);
  }
  void operator()(std::string_view name, const std::string& value) {
    (*this)(name, std::string_view(quoted(value)));
  }
  void operator()(std::string_view name, bool value) {
    (*this)(name, std::string_view(value ? "true" : "false"));
  }
  void operator()(std::string_view name, double value) {
    (*this)(name, std::string_view(number(value)));
  }
  void operator()(std::string_view name, std::int64_t value) {
    text += fmt::format(" {}={}", name, value);
  }
  void operator()(std::string_view name, int value) { (*this)(name, std::int64_t{value}); }
  void operator()(std::string_view name, const Expr& value) {
    (*this)(name, quoted(to_string(value)), 0);
  }
  void operator()(std::string_view name, DType value) { (*this)(name, pliant::name(value)); }
  void operator()(std::string_view name, const kind::Sizes& value) {
    (*this)(name, to_string(value), 0);
  }
  void operator()(std::string_view name, const kind::Axes& value) {
    (*this)(name, Shape(value.begin(), value.end()));
  }
  void operator()(std::string_view name, const std::vector<std::string>& value) {
    (*this)(name, list(value, [](const std::string& each) { return quoted(each); }), 0);
  }
  void operator()(std::string_view name, const std::vector<TensorType>& value) {
    (*this)(name, list(value, [](const TensorType& each) { return quoted(to_string(each)); }), 0);
  }
  template <typename Enum>
  requires std::is_enum_v<Enum>
  void operator()(std::string_view name, Enum value) { (*this)(name, enum_names<Enum>[value]); }

 private:
  void operator()(std::string_view name, const std::string& raw, int) {
    (*this)(name, std::string_view(raw));
  }
};

// An element as the shortest number that reads back to the same bytes, else as its bytes.
std::string element(const TensorView& view, std::int64_t i) {
  auto size = static_cast<std::size_t>(size_of(view.type.dtype));
  const std::byte* from = view.data + static_cast<std::size_t>(i) * size;
  std::string text;
  Tensor back({view.type.dtype, {}});
  if (is_float(view.type.dtype)) {
    double value = get(view, i);
    text = view.type.dtype == DType::f64 ? number(value)
           : std::isnan(value)           ? "nan"
                                         : fmt::format("{}", static_cast<float>(value));
    set(back.view(), 0, std::isnan(value) ? value : std::stod(text));
  } else {
    std::int64_t value = get_int(view, i);
    text = fmt::format("{}", value);
    set_int(back.view(), 0, value);
  }
  if (std::memcmp(back.view().data, from, size) == 0) return text;
  text = "#";
  for (std::size_t k = size; k-- > 0;)
    text += fmt::format("{:02x}", std::to_integer<unsigned>(from[k]));
  return text;
}

class TextWriter {
 public:
  TextWriter(const Graph& graph, const TextOptions& options) : graph_(graph), options_(options) {}

  std::string write() {
    text_ = "pliant graph 1\n";
    OpId next{0};
    for (const Value& value : graph_.values()) {
      if (value.role != Role::result) write_leaf(value);
      if (value.producer != next) continue;
      write_op(graph_.op(next));
      ++next;
    }
    for (std::size_t i = 0; i < graph_.outputs().size(); ++i) write_output(i);
    for (const Carry& each : graph_.carries())
      text_ += fmt::format("carry {} {}\n", name(each.in), name(each.out));
    return std::move(text_);
  }

 private:
  std::string name(ValueId id) const { return word(graph_.value(id).name); }

  void write_leaf(const Value& value) {
    std::string_view head = value.role == Role::weight     ? "weight"
                            : value.role == Role::constant ? "constant"
                            : value.rows                   ? "row_input"
                                                           : "input";
    text_ += fmt::format("{} {}: {}", head, word(value.name), to_string(value.type));
    if (value.role == Role::constant) write_constant(*value.constant);
    text_ += '\n';
  }

  void write_constant(const Tensor& tensor) {
    std::int64_t count = elements(tensor.type().shape);
    if (count > options_.inline_elements) {
      text_ += " elsewhere";
      return;
    }
    text_ += " =";
    for (std::int64_t i = 0; i < count; ++i) text_ += ' ' + element(tensor.view(), i);
  }

  void write_op(const Op& op) {
    std::string results, operands;
    for (ValueId id : op.out)
      results += fmt::format("{}{}: {}", results.empty() ? "" : ", ", name(id),
                             to_string(graph_.value(id).type));
    for (ValueId id : op.in) operands += (operands.empty() ? "" : ", ") + name(id);
    AttributeWriter attributes;
    std::visit([&](const auto& kind) { fields(attributes, kind); }, op.kind);
    if (op.name != graph_.value(op.out[0]).name) attributes("name", op.name);
    text_ +=
        fmt::format("{} = {}({}){}\n", results, pliant::name(op.kind), operands, attributes.text);
  }

  void write_output(std::size_t i) {
    ValueId id = graph_.outputs()[i];
    text_ += fmt::format("output {}", name(id));
    if (graph_.output_names()[i] != graph_.value(id).name)
      text_ += " as " + word(graph_.output_names()[i]);
    text_ += '\n';
  }

  const Graph& graph_;
  const TextOptions& options_;
  std::string text_;
};

}  // namespace

std::string to_text(const Graph& graph, const TextOptions& options) {
  return TextWriter(graph, options).write();
}

std::uint64_t hash(const Graph& graph) {
  TextOptions options;
  options.inline_elements = -1;
  std::uint64_t result = hash64(to_text(graph, options));
  for (const Value& value : graph.values())
    if (value.role == Role::constant) {
      auto raw = value.constant->raw();
      result = hash64({reinterpret_cast<const char*>(raw.data()), raw.size()}, result);
    }
  return result;
}

std::string to_dot(const Graph& graph, const std::vector<Group>& groups) {
  std::string text =
      "digraph pliant {\n  rankdir=TB; node [fontname=\"sans-serif\", fontsize=10];\n";
  for (const ValueId id : graph.values().ids()) {
    const Value& value = graph.value(id);
    if (value.role == Role::result) continue;
    const std::string label = quoted(value.name + "\n" + to_string(value.type));
    text += fmt::format("  v{} [shape=ellipse, label={}];\n", to_int(id), label);
  }
  for (const OpId id : graph.ops().ids()) {
    const Op& op = graph.op(id);
    text += fmt::format("  o{} [shape=box, label={}];\n", to_int(id),
                        quoted(fmt::format("{}\n{}", name(op.kind), op.name)));
    for (ValueId in : op.in) {
      const OpId producer = graph.value(in).producer;
      const auto from = producer == OpId::none ? fmt::format("v{}", to_int(in))
                                               : fmt::format("o{}", to_int(producer));
      const std::string label = quoted(to_string(graph.value(in).type));
      text += fmt::format("  {} -> o{} [label={}];\n", from, to_int(id), label);
    }
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].ops.size() < 2) continue;
    text += fmt::format("  subgraph cluster_{} {{ style=rounded; color=gray;", i);
    for (OpId op : groups[i].ops) text += fmt::format(" o{};", to_int(op));
    text += " }\n";
  }
  return text + "}\n";
}

}  // namespace pliant
