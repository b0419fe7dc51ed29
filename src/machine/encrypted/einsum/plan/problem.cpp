#include "machine/encrypted/einsum/plan/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "graph/kinds/notation.h"

namespace pliant::einsum {
namespace {

constexpr std::int64_t kMostSlots = std::int64_t{1} << 40;

bool has(const std::string& labels, char label) { return labels.find(label) != std::string::npos; }

bool are_joint(const Contraction& a, const Contraction& b) {
  return a.has_clear && b.has_clear && a.values.size() == 1 && a.values == b.values;
}

// Which axes of `from` the axes of `kept` are: what is left out has size 1.
std::vector<std::size_t> kept_axes(const Shape& from, const Shape& kept) {
  std::vector<std::size_t> result;
  for (std::size_t axis = 0; axis < from.size() && result.size() < kept.size(); ++axis)
    if (from[axis] == kept[result.size()]) result.push_back(axis);
  return result;
}

class Reader {
 public:
  explicit Reader(std::span<const EinsumOperand> operands) {
    problem_.inputs.assign(operands.begin(), operands.end());
    problem_.input_labels.resize(operands.size());
    for (const EinsumOperand& operand : operands) {
      shapes_.push_back(operand.shape);
      if (operand.layout) require_usable(*operand.layout, operand.shape, shapes_.size() - 1);
    }
  }

  void read(const Stage& stage) {
    place_ = "einsum " + stage.expression;
    const Notation notation = parse_notation(stage.expression, place_);
    std::vector<Shape> shapes;
    for (const int operand : stage.operands) shapes.push_back(shape_of(operand));
    const EinsumPlan einsum = expand_notation(notation, shapes, place_);
    Contraction node{.out = einsum.einsum.out};
    for (std::size_t i = 0; i < stage.operands.size(); ++i)
      add_operand(node, stage.operands[i], einsum.einsum.in[i], einsum.operands[i]);
    if (node.values.empty())
      throw Error(ErrorKind::unsupported, place_, "no operand is encrypted",
                  "compute it in the clear, or encrypt one");
    finish_clear(node);
    require_countable(node);
    Shape result;
    for (const char label : node.out) result.push_back(node.sizes.at(label));
    shapes_.push_back(std::move(result));
    problem_.nodes.push_back(std::move(node));
    problem_.text += (problem_.text.empty() ? "" : "; ") + stage.expression;
  }

  EinsumProblem take() {
    std::vector<bool> used(shapes_.size());
    for (const Contraction& node : problem_.nodes)
      for (const int value : node.values) used[value] = true;
    for (std::size_t v = problem_.inputs.size(); v < shapes_.size(); ++v)
      if (!used[v]) problem_.outputs.push_back(static_cast<int>(v));
    gather();
    return std::move(problem_);
  }

 private:
  // Nodes that may be done together come where the first of them is.
  void gather() {
    const std::size_t inputs = problem_.inputs.size(), count = problem_.nodes.size();
    std::vector<std::size_t> order;
    std::vector<int> numbers(inputs + count, -1);  // of the values from now on
    for (std::size_t v = 0; v < inputs; ++v) numbers[v] = static_cast<int>(v);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = i; j < count; ++j) {
        if (numbers[inputs + j] >= 0) continue;
        if (j > i && !are_joint(problem_.nodes[i], problem_.nodes[j])) continue;
        numbers[inputs + j] = static_cast<int>(inputs + order.size());
        order.push_back(j);
      }
    std::vector<Contraction> nodes;
    for (const std::size_t i : order) nodes.push_back(std::move(problem_.nodes[i]));
    for (Contraction& node : nodes)
      for (int& value : node.values) value = numbers[value];
    for (int& output : problem_.outputs) output = numbers[output];
    problem_.nodes = std::move(nodes);
  }

  static void require_usable(const SlotLayout& layout, const Shape& shape, std::size_t operand) {
    const std::string place = fmt::format("einsum, operand {}", operand);
    if (einsum::shape(layout) != shape)
      throw Error(ErrorKind::invalid, place,
                  fmt::format("shape {} in the layout {}", to_string(shape), to_string(layout)));
    if (!layout.rolls.empty() || layout.period > 0)
      throw Error(ErrorKind::unsupported, place,
                  fmt::format("the layout {}: rolls are packed and unpacked, not planned for",
                              to_string(layout)),
                  "give a layout of plain strides");
    check(layout, place);
  }

  const Shape& shape_of(int operand) const {
    if (operand < 0 || std::cmp_greater_equal(operand, shapes_.size()))
      throw Error(ErrorKind::invalid, place_,
                  fmt::format("operand {}: there are {} tensors so far", operand, shapes_.size()));
    return shapes_[operand];
  }

  bool is_secret(int value) const {
    return std::cmp_greater_equal(value, problem_.inputs.size()) || problem_.inputs[value].secret;
  }

  void add_operand(Contraction& node, int value, const std::string& labels, const Shape& shape) {
    for (std::size_t axis = 0; axis < labels.size(); ++axis) {
      node.sizes[labels[axis]] = shape[axis];
      if (!has(node.order, labels[axis])) node.order += labels[axis];
    }
    if (std::cmp_less(value, problem_.inputs.size())) name_axes(value, labels, shape);
    if (is_secret(value)) {
      node.values.push_back(value);
      node.labels.push_back(labels);
      node.shapes.push_back(shape);
      return;
    }
    node.has_clear = true;
    node.clear.operands.push_back(value);
    node.clear.in.push_back(labels);
    node.clear.shapes.push_back(shape);
    node.clear.bound *= problem_.inputs[value].magnitude;
  }

  void require_countable(const Contraction& node) const {
    std::int64_t slots = 1;
    for (const auto& [label, size] : node.sizes) {
      if (size > kMostSlots / slots)
        throw Error(ErrorKind::capacity, place_,
                    fmt::format("label '{}' has size {}: all labels together take more than {} "
                                "slots",
                                label, size, kMostSlots),
                    "split the expression");
      slots *= padded(std::max<std::int64_t>(size, 1));
    }
    for (const auto& [label, size] : node.sizes)
      if (size == 0)
        throw Error(ErrorKind::invalid, place_, fmt::format("label '{}' has size 0", label));
  }

  void name_axes(int value, const std::string& labels, const Shape& shape) {
    std::string& names = problem_.input_labels[value];
    if (!names.empty()) return;
    names.assign(shapes_[value].size(), '_');
    const std::vector<std::size_t> axes = kept_axes(shapes_[value], shape);
    for (std::size_t i = 0; i < axes.size(); ++i) names[axes[i]] = labels[i];
  }

  static void finish_clear(Contraction& node) {
    std::string wanted = node.out;
    for (const std::string& labels : node.labels) wanted += labels;
    for (const std::string& labels : node.clear.in)
      for (const char label : labels)
        if (has(wanted, label) && !has(node.clear.out, label)) {
          node.clear.out += label;
          node.clear.shape.push_back(node.sizes.at(label));
        }
    for (auto size = node.sizes.begin(); size != node.sizes.end();) {
      if (!has(wanted, size->first)) {
        node.clear.bound *= static_cast<double>(size->second);
        size = node.sizes.erase(size);
      } else {
        ++size;
      }
    }
  }

  EinsumProblem problem_;
  std::vector<Shape> shapes_;  // of all values so far
  std::string place_;
};

class Pairing {
 public:
  explicit Pairing(const Contraction& node) : whole_(node) {}

  std::vector<std::vector<Contraction>> all(int next) {
    split(whole_, next, {});
    return std::move(found_);
  }

 private:
  void split(const Contraction& rest, int next, std::vector<Contraction> before) {
    if (rest.values.size() <= 2) {
      before.push_back(rest);
      found_.push_back(std::move(before));
      return;
    }
    for (std::size_t i = 0; i < rest.values.size(); ++i)
      for (std::size_t j = i + 1; j < rest.values.size(); ++j) {
        std::vector<Contraction> so_far = before;
        so_far.push_back(pair(rest, i, j));
        split(without(rest, i, j, so_far.back(), next), next + 1, so_far);
      }
  }

  static Contraction pair(const Contraction& node, std::size_t i, std::size_t j) {
    std::string others = node.out + node.clear.out;
    for (std::size_t k = 0; k < node.labels.size(); ++k)
      if (k != i && k != j) others += node.labels[k];
    Contraction result{.out = "",
                       .values = {node.values[i], node.values[j]},
                       .labels = {node.labels[i], node.labels[j]},
                       .shapes = {node.shapes[i], node.shapes[j]}};
    for (const char label : node.labels[i] + node.labels[j]) {
      result.sizes[label] = node.sizes.at(label);
      if (has(others, label) && !has(result.out, label)) result.out += label;
    }
    return result;
  }

  static Contraction without(Contraction rest, std::size_t i, std::size_t j,
                             const Contraction& product, int value) {
    for (const std::size_t k : {j, i}) {
      rest.values.erase(rest.values.begin() + static_cast<std::ptrdiff_t>(k));
      rest.labels.erase(rest.labels.begin() + static_cast<std::ptrdiff_t>(k));
      rest.shapes.erase(rest.shapes.begin() + static_cast<std::ptrdiff_t>(k));
    }
    rest.values.push_back(value);
    rest.labels.push_back(product.out);
    Shape shape;
    for (const char label : product.out) shape.push_back(product.sizes.at(label));
    rest.shapes.push_back(std::move(shape));
    std::string used = rest.out + rest.clear.out;
    for (const std::string& labels : rest.labels) used += labels;
    std::erase_if(rest.sizes, [&](const auto& size) { return !has(used, size.first); });
    return rest;
  }

  Contraction whole_;
  std::vector<std::vector<Contraction>> found_;
};

}  // namespace

EinsumProblem read_problem(std::span<const Stage> stages, std::span<const EinsumOperand> operands) {
  for (std::size_t i = 0; i < operands.size(); ++i)
    if (!(operands[i].magnitude > 0) || !std::isfinite(operands[i].magnitude))
      throw Error(ErrorKind::invalid, fmt::format("einsum, operand {}", i),
                  fmt::format("its largest element is {}", operands[i].magnitude),
                  "only finite elements can be planned for; the bound is above 0");
  Reader reader(operands);
  for (const Stage& stage : stages) reader.read(stage);
  return reader.take();
}

std::size_t joint_count(const std::vector<Contraction>& nodes, std::size_t first) {
  std::size_t count = 1;
  while (first + count < nodes.size() && are_joint(nodes[first], nodes[first + count])) ++count;
  return count;
}

SlotLayout view(const SlotLayout& layout, const std::string& labels, const Shape& shape) {
  SlotLayout result = layout;
  result.axes.clear();
  const std::vector<std::size_t> axes = kept_axes(einsum::shape(layout), shape);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    LabelAxis axis = layout.axes[axes[i]];
    axis.label = labels[i];
    const auto twin = std::ranges::find(result.axes, axis.label, &LabelAxis::label);
    if (twin == result.axes.end()) {
      result.axes.push_back(axis);
    } else {
      twin->stride += axis.stride;
      result.clean = result.clean && axis.size == 1;
    }
  }
  return result;
}

SlotLayout of_view(SlotLayout layout, const SlotLayout& as, const Shape& shape) {
  const std::vector<std::size_t> axes = kept_axes(einsum::shape(layout), shape);
  for (std::size_t i = 0; i < axes.size(); ++i) layout.axes[axes[i]].stride = as.axes[i].stride;
  layout.copies = as.copies;
  layout.clean = as.clean;
  return layout;
}

bool labels_differ(const std::string& labels) {
  return std::set<char>(labels.begin(), labels.end()).size() == labels.size();
}

Shape shape_of(const EinsumProblem& problem, int value) {
  const auto inputs = static_cast<int>(problem.inputs.size());
  if (value < inputs) return problem.inputs[value].shape;
  const Contraction& node = problem.nodes[value - inputs];
  Shape result;
  for (const char label : node.out) result.push_back(node.sizes.at(label));
  return result;
}

std::vector<std::vector<Contraction>> pairwise(const Contraction& node, int next) {
  if (node.values.size() < 3 || node.values.size() > 4) return {};
  return Pairing(node).all(next);
}

}  // namespace pliant::einsum
