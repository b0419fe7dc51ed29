#include "graph/rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace pliant {
namespace {

// One operator with at least one row operand. Each rule returns why it fails; empty: every result
// is a row value whose row i depends on row i of the row operands only.
struct RowRule {
  const Graph& graph;
  const Op& op;
  std::vector<bool> rows;  // per operand

  const Shape& shape(std::size_t operand) const { return graph.value(op.in[operand]).type.shape; }
  const std::string& name(std::size_t operand) const { return graph.value(op.in[operand]).name; }

  std::string need(std::size_t from, std::size_t to, bool wanted) const {
    for (std::size_t i = from; i < to; ++i)
      if (rows[i] != wanted)
        return fmt::format("operand '{}' {} rows", name(i),
                           wanted ? "does not carry" : "may not carry");
    return "";
  }

  std::string operator()(const kind::Einsum& kind) const {
    std::size_t first =
        static_cast<std::size_t>(std::find(rows.begin(), rows.end(), true) - rows.begin());
    char label = kind.in[first][0];
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!rows[i] && kind.in[i].find(label) != std::string::npos)
        return fmt::format("operand '{}' has the row label '{}' but does not carry rows", name(i),
                           label);
      if (rows[i] && kind.in[i][0] != label)
        return fmt::format("the row axes of '{}' and '{}' have different labels, '{}' and '{}'",
                           name(first), name(i), label, kind.in[i][0]);
      if (rows[i] && kind.in[i].rfind(label) != 0)
        return fmt::format("the row label '{}' is repeated in operand '{}'", label, name(i));
    }
    if (kind.out.find(label) == std::string::npos)
      return fmt::format("it sums over the row label '{}'", label);
    if (kind.out[0] != label)
      return fmt::format("the row label '{}' does not lead the output", label);
    return "";
  }

  std::string operator()(const kind::Map&) const {
    const Shape& result = graph.value(op.out[0]).type.shape;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      bool leads = shape(i).size() == result.size();
      if (rows[i] && (!leads || result[0] != shape(i)[0]))
        return fmt::format("the row axis of '{}' broadcasts against another axis of {}", name(i),
                           to_string(result));
      if (!rows[i] && leads && shape(i)[0] != 1)
        return fmt::format("operand '{}' has {} entries along the row axis but does not carry rows",
                           name(i), shape(i)[0]);
    }
    return "";
  }

  std::string operator()(const kind::Reduce& kind) const { return without_axis_0(kind.axes); }
  std::string operator()(const kind::Normalize& kind) const { return without_axis_0(kind.axes); }
  std::string operator()(const kind::Softmax& kind) const { return without_axis_0({kind.axis}); }
  std::string operator()(const kind::Window& kind) const { return without_axis_0(kind.axes); }
  std::string without_axis_0(const kind::Axes& axes) const {
    return std::find(axes.begin(), axes.end(), 0) == axes.end() ? ""
                                                                : "it works along the row axis";
  }

  std::string operator()(const kind::Gather& kind) const {
    const bool x = rows[kind.x], index = rows[kind.index];
    if (x && kind.axis == 0) return "it selects rows";
    if (x && index)
      return kind.batch_axes > 0 ? "" : "both operands carry rows but are not paired by them";
    if (kind.batch_axes > 0)
      return fmt::format("the paired operand '{}' does not carry rows",
                         name(x ? kind.index : kind.x));
    return x || kind.axis == 0 ? "" : "the row axis of the index does not lead the result";
  }

  std::string operator()(const kind::Reshape& kind) const {
    if (!kind.shape.empty() && kind.shape[0] == graph.rows()) return "";
    return fmt::format("the shape {} does not begin with the {} rows", to_string(kind.shape),
                       graph.rows());
  }

  std::string operator()(const kind::Slice& kind) const {
    return kind.start[0] == 0 && kind.size[0] == graph.rows() && kind.step[0] == 1
               ? ""
               : "it selects rows";
  }

  std::string operator()(const kind::Concat& kind) const {
    return kind.axis == 0 ? "it works along the row axis" : need(0, rows.size(), true);
  }

  std::string operator()(const kind::Pad& kind) const {
    return kind.low[0] == 0 && kind.high[0] == 0 && kind.interior[0] == 0 ? ""
                                                                          : "it pads the row axis";
  }

  std::string operator()(const kind::Opaque&) const {
    return "nothing is known about what it computes";
  }
  std::string operator()(const kind::Rotary& kind) const {
    std::string problem = need(kind.x, kind.factors, true);
    return problem.empty() ? need(kind.factors, rows.size(), false) : problem;
  }
  std::string operator()(const kind::Convolve& kind) const {
    return rows[kind.w] ? need(kind.w, kind.w + 1, false) : "";  // rows are the batch
  }
  std::string operator()(const kind::Pool&) const { return ""; }

  // a tree mask may carry rows or not: [R,R] either way
  std::string operator()(const kind::Attention& kind) const {
    std::string problem = need(kind.q, kind.tag + 1, true);
    const auto bias = kind.bias();
    return problem.empty() && bias ? need(*bias, *bias + 1, false) : problem;
  }

  std::string operator()(const kind::CrossEntropy& kind) const {
    for (const std::size_t i : {kind.hidden, kind.table, kind.target})
      if (std::string problem = need(i, i + 1, i != kind.table); !problem.empty()) return problem;
    return "";
  }
};

void prove(const Graph& graph, const Op& op, ById<ValueId, bool>& carries) {
  RowRule rule{graph, op, {}};
  for (ValueId id : op.in) rule.rows.push_back(carries[id]);
  if (std::find(rule.rows.begin(), rule.rows.end(), true) == rule.rows.end()) return;
  if (std::string problem = std::visit(rule, op.kind); !problem.empty())
    throw Error(ErrorKind::invalid, op.name,
                fmt::format("{}: rows would not be independent: {}", name(op.kind), problem),
                "declare the inputs with input() if the graph need not run short");
  for (ValueId id : op.out) carries[id] = true;
}

}  // namespace

ById<ValueId, bool> prove_rows(const Graph& graph) {
  ById<ValueId, bool> carries(graph.values().size());
  for (ValueId id : graph.inputs()) carries[id] = graph.value(id).rows;
  for (const Op& op : graph.ops()) prove(graph, op, carries);
  for (const Carry& each : graph.carries())
    if (carries[each.in] != carries[each.out])
      throw Error(ErrorKind::invalid, graph.value(each.in).name,
                  fmt::format("carried from '{}': one of them carries rows, the other does not",
                              graph.value(each.out).name));
  return carries;
}

}  // namespace pliant
