// Einsum and Reduce: by the planner of layouts, or as one linear map along with the view of its
// operand.
#include <fmt/format.h>

#include <algorithm>

#include "machine/encrypted/einsum/plan/moves/move.h"
#include "machine/encrypted/graph/lowering.h"

namespace pliant::encrypted {
namespace {

std::string notation_of(const kind::Einsum& einsum) {
  return fmt::format("{}->{}", fmt::join(einsum.in, ","), einsum.out);
}

std::int64_t element_at(const std::string& labels, const std::vector<std::int64_t>& pitch,
                        const einsum::Index& index) {
  std::int64_t element = 0;
  for (std::size_t axis = 0; axis < labels.size(); ++axis)
    element += pitch[axis] * index.at(labels[axis]);
  return element;
}

// Every label of the operand is one of the output's: nothing is summed.
bool only_picks(const kind::Einsum& einsum) {
  return einsum.in.size() == 1 && std::ranges::all_of(einsum.in[0], [&](char label) {
           return einsum.out.find(label) != std::string::npos;
         });
}

EncryptedValue picked(const kind::Einsum& einsum, const EncryptedValue& x) {
  std::vector<einsum::LabelAxis> axes;
  Shape shape;
  for (const char label : einsum.out) {
    axes.push_back({label, x.shape[einsum.in[0].find(label)], 0});
    shape.push_back(axes.back().size);
  }
  const std::vector<std::int64_t> pitch = strides(x.shape);
  std::vector<std::int64_t> view;
  each_index(axes, [&](const einsum::Index& index, std::int64_t) {
    view.push_back(element_at(einsum.in[0], pitch, index));
  });
  return viewed(x, std::move(shape), view);
}

// Of one encrypted operand, whose view it does along.
EncryptedValue mapped(const std::string& notation, const std::vector<Workbench::Operand>& operands,
                      const EncryptedValue& x, const std::string& place, Workbench& bench) {
  const einsum::Contraction node = bench.node(notation, operands, place);
  std::vector<einsum::LabelAxis> axes;
  for (const auto& [label, size] : node.sizes) axes.push_back({label, size, 0});
  Shape shape;
  for (const char label : node.out) shape.push_back(node.sizes.at(label));
  const std::vector<std::int64_t> source = strides(x.shape), target = strides(shape),
                                  clear = strides(node.clear.shape);
  const std::vector<Source> from = sources(x);
  LinearMap map;
  if (node.has_clear) map.coefficients = bench.builder.clear(node.clear);
  each_index(axes, [&](const einsum::Index& index, std::int64_t) {
    const Source& one = from[element_at(node.labels[0], source, index)];
    if (one.base >= 0)
      map.terms.push_back(
          {one, element_at(node.out, target, index), element_at(node.clear.out, clear, index)});
  });
  EncryptedValue result = bench.linear(map, x, shape, bench.layouts(map, x, shape));
  Workbench::bound(result, node, operands);
  return result;
}

// With the range and error that the coefficients make, where they are known.
EncryptedValue gained(const Op& op, EncryptedValue result, const EncryptedValue& x,
                      const Workbench& bench) {
  const auto gain = bench.options.gains.find(bench.graph.value(op.out[0]).name);
  if (gain == bench.options.gains.end()) return result;
  const double magnitude = gain->second * x.range.magnitude();
  result.range = {-magnitude, magnitude};
  result.error = gain->second * x.error;
  return result;
}

}  // namespace

namespace {

std::vector<Workbench::Operand> describe(const std::vector<OperandValue>& operands,
                                         Workbench& bench) {
  std::vector<Workbench::Operand> described;
  for (const OperandValue& operand : operands) {
    const Shape& shape = bench.graph.value(operand.id).type.shape;
    int tensor = -1;
    if (!operand.encrypted)
      tensor = bench.tensor({{operand.id}, argument(0), shape}, operand.range.magnitude());
    described.push_back({operand.encrypted, tensor, shape, operand.range});
  }
  return described;
}

bool lies_as_it_is(const EncryptedValue& x) {
  const auto view = strided(x);
  return view && view->offset == 0;
}

}  // namespace

EncryptedValue lower_einsum(const Op& op, const kind::Einsum& einsum,
                            const std::vector<OperandValue>& operands, bool clean,
                            Workbench& bench) {
  if (only_picks(einsum)) return picked(einsum, *operands[0].encrypted);
  const std::vector<Workbench::Operand> described = describe(operands, bench);
  std::vector<const EncryptedValue*> encrypted;
  for (const OperandValue& operand : operands)
    if (operand.encrypted) encrypted.push_back(operand.encrypted);
  const std::string place = "operator " + op.name;
  if (encrypted.size() == 1) {
    if (!lies_as_it_is(*encrypted[0]))
      return gained(op, mapped(notation_of(einsum), described, *encrypted[0], place, bench),
                    *encrypted[0], bench);
    return gained(op, bench.contracted(notation_of(einsum), described, clean, place), *encrypted[0],
                  bench);
  }
  return bench.contracted(notation_of(einsum), described, clean, place);
}

std::optional<std::vector<EncryptedValue>> lower_einsums(
    const std::vector<const Op*>& ops, const std::vector<std::vector<OperandValue>>& operands,
    bool apart, Workbench& bench) {
  const auto encrypted = std::ranges::find_if(
      operands[0], [](const OperandValue& operand) { return operand.encrypted != nullptr; });
  if (!lies_as_it_is(*encrypted->encrypted)) return std::nullopt;
  std::vector<Workbench::Expression> all;
  for (std::size_t i = 0; i < ops.size(); ++i)
    all.push_back({notation_of(std::get<kind::Einsum>(ops[i]->kind)), describe(operands[i], bench),
                   "operator " + ops[i]->name});
  auto results = bench.contracted(all, apart);
  for (std::size_t i = 0; results && i < ops.size(); ++i)
    (*results)[i] = gained(*ops[i], std::move((*results)[i]), *encrypted->encrypted, bench);
  return results;
}

EncryptedValue lower_reduce(const Op& op, const kind::Reduce& reduce, const EncryptedValue& x,
                            bool clean, Workbench& bench) {
  const std::string in = axis_labels(x.shape.size());
  std::string out;
  double count = 1;
  Shape shape;
  for (std::size_t axis = 0; axis < in.size(); ++axis) {
    const bool goes = std::ranges::binary_search(reduce.axes, static_cast<int>(axis));
    if (goes) count *= static_cast<double>(x.shape[axis]);
    else out += in[axis];
    if (!goes || reduce.keep) shape.push_back(goes ? 1 : x.shape[axis]);
  }
  const std::string place = "operator " + op.name, notation = in + "->" + out;
  const std::vector<Workbench::Operand> operands{{&x, -1, x.shape, x.range}};
  EncryptedValue result;
  if (in.size() == out.size()) result = x;
  else if (lies_as_it_is(x)) result = bench.contracted(notation, operands, clean, place);
  else result = mapped(notation, operands, x, place, bench);
  if (reduce.fn == kind::ReduceFn::mean) result = bench.times(result, 1 / count);
  return lower_reshape({shape}, result);
}

}  // namespace pliant::encrypted
