#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.h"
#include "machine/encrypted/einsum/plan/search.h"
#include "machine/encrypted/graph/lowering.h"

namespace pliant::encrypted {
namespace {

using einsum::LabelAxis;
using einsum::PlacedTensor;
using einsum::SlotLayout;

constexpr std::int64_t kMostTerms = std::int64_t{1} << 27;
constexpr double kLeastMagnitude = 1e-300;  // of a tensor of zeros, which takes a bound too

// The address bits of an axis whose stride is a power of two.
std::uint64_t bits(const LabelAxis& axis) {
  return (static_cast<std::uint64_t>(einsum::padded(axis.size)) - 1)
         << std::countr_zero(static_cast<std::uint64_t>(axis.stride));
}

// The least address that each target reads, -1 where it reads none.
std::vector<std::int64_t> first_sources(const LinearMap& map, const EncryptedValue& of,
                                        std::size_t targets) {
  std::vector<std::vector<std::int64_t>> at;
  for (const PlacedTensor& base : of.bases) at.push_back(addresses(base.layout));
  std::vector<std::int64_t> result(targets, -1);
  for (const LinearTerm& term : map.terms) {
    const std::int64_t address = at[term.source.base][term.source.element];
    std::int64_t& first = result[term.target];
    first = first < 0 ? address : std::min(first, address);
  }
  return result;
}

// Axes keep the stride at which their neighbours in the middle read the source, where that is a
// power of two with bits of its own; the others take the lowest free bits, or those above.
SlotLayout aligned(const LinearMap& map, const EncryptedValue& of, const Shape& shape,
                   bool in_gaps) {
  const std::vector<std::int64_t> first = first_sources(map, of, elements(shape)),
                                  pitch = strides(shape);
  std::int64_t middle = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    middle += pitch[axis] * ((shape[axis] - 1) / 2);
  SlotLayout layout{.slots = of.bases[0].layout.slots};
  const std::string labels = axis_labels(shape.size());
  std::uint64_t taken = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    LabelAxis own{labels[axis], shape[axis], 0};
    if (own.size > 1 && first[middle] >= 0 && first[middle + pitch[axis]] >= 0)
      own.stride = first[middle + pitch[axis]] - first[middle];
    const bool usable = own.stride > 0 && std::has_single_bit(std::uint64_t(own.stride)) &&
                        (bits(own) & taken) == 0;
    if (usable) taken |= bits(own);
    else own.stride = 0;
    layout.axes.push_back(own);
  }
  if (!in_gaps && taken != 0) taken = std::bit_ceil(taken + 1) - 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    LabelAxis& own = layout.axes[axis];
    if (own.size == 1 || own.stride > 0) continue;
    own.stride = 1;
    while (bits(own) & taken) own.stride *= 2;
    taken |= bits(own);
  }
  return layout;
}

PlacedTensor only_used(PlacedTensor a) {
  const std::vector<std::int64_t> used = ciphertexts(a.layout);
  std::erase_if(a.ciphertexts,
                [&](const auto& item) { return !std::ranges::binary_search(used, item.first); });
  return a;
}

EncryptedValue whole(Shape shape, PlacedTensor placed, const Interval& range, double error) {
  return {std::move(shape), {std::move(placed)}, std::nullopt, range, error, std::nullopt};
}

}  // namespace

int Workbench::tensor(PlainTensor tensor, double magnitude) {
  const auto [known, is_new] = tensors_.try_emplace({tensor.operands, to_string(tensor.expr)}, 0);
  if (!is_new) return known->second;
  if (!std::isfinite(magnitude))
    throw Error(ErrorKind::invalid,
                fmt::format("a tensor in the clear, {}", to_string(tensor.expr)),
                "may have a pole, or be no number, within the ranges of its operands",
                "state ranges without that point");
  plain.push_back(std::move(tensor));
  magnitude = std::max(magnitude, kLeastMagnitude);
  magnitudes_.push_back(magnitude);
  return known->second = builder.tensor(magnitude);
}

void Workbench::take_terms(std::int64_t slots, const std::string& place) {
  terms_ += slots;
  if (terms_ > kMostTerms)
    throw Error(
        ErrorKind::capacity, place,
        fmt::format("the graph's polynomials have {} coefficients in slots up to here, more "
                    "than {}",
                    terms_, kMostTerms),
        "ask for less accuracy, or split the graph");
}

einsum::ClearId Workbench::clear(int tensor) {
  const auto known = clears_.find(tensor);
  if (known != clears_.end()) return known->second;
  const std::size_t number = static_cast<std::size_t>(tensor) - first_plain;
  const Shape& shape = plain[number].shape;
  const std::string labels = axis_labels(shape.size());
  return clears_[tensor] =
             builder.clear({{tensor}, {shape}, {labels}, shape, labels, magnitudes_[number]});
}

EncryptedValue Workbench::linear(const LinearMap& map, const EncryptedValue& of, const Shape& shape,
                                 const std::vector<SlotLayout>& layouts) {
  const SlotLayout* best = nullptr;
  Diagonals split{1, -1};
  for (const SlotLayout& layout : layouts) {
    if (std::cmp_greater(ciphertexts(layout).size(), options.most_ciphertexts)) continue;
    const Diagonals tried = diagonals(map, of.bases, layout, options.costs);
    if (split.weight < 0 || tried.weight < split.weight) best = &layout, split = tried;
  }
  if (best == nullptr)
    throw Error(ErrorKind::capacity, "encrypted graph",
                fmt::format("shape {} takes more than {} ciphertexts of {} slots", to_string(shape),
                            options.most_ciphertexts, options.slots),
                "allow more ciphertexts, or split the tensor");
  const einsum::PlainId first = builder.next_plain();
  EncryptedValue result =
      whole(shape, apply(map, of.bases, *best, split, builder), of.range, of.error);
  result.scaling = Scaling{};
  scaled_too(result, first);
  return result;
}

std::vector<SlotLayout> Workbench::layouts(const LinearMap& map, const EncryptedValue& of,
                                           const Shape& shape) const {
  return {einsum::row_major(axis_labels(shape.size()), shape, options.slots),
          aligned(map, of, shape, true), aligned(map, of, shape, false)};
}

EncryptedValue Workbench::settled(const EncryptedValue& value, const SlotLayout* to) {
  if (const auto view = strided(value)) {
    PlacedTensor placed{view->layout, value.bases[0].ciphertexts};
    EncryptedValue result = whole(value.shape, {}, value.range, value.error);
    result.scaling = value.scaling;
    if (view->offset != 0 && placed.ciphertexts.size() == 1)
      placed.ciphertexts = {{0, builder.rotate(placed.ciphertexts.begin()->second, view->offset)}};
    if (view->offset == 0 || placed.ciphertexts.size() == 1) {
      result.bases[0] = only_used(std::move(placed));
      return result;
    }
  }
  return gathered(value, to);
}

EncryptedValue Workbench::gathered(const EncryptedValue& value, const SlotLayout* to) {
  const std::vector<Source> from = sources(value);
  LinearMap map;
  for (std::size_t e = 0; e < from.size(); ++e)
    if (from[e].base >= 0) map.terms.push_back({from[e], static_cast<std::int64_t>(e), 0});
  if (to == nullptr) return linear(map, value, value.shape, layouts(map, value, value.shape));
  SlotLayout target = *to;
  target.copies.clear();
  target.clean = true;
  return linear(map, value, value.shape, {target});
}

PlacedTensor Workbench::placed(const EncryptedValue& value, bool clean, const SlotLayout* to) {
  const auto view = strided(value);
  if (clean && view && view->offset != 0) return gathered(value, to).bases[0];
  PlacedTensor result = settled(value, to).bases[0];
  return clean && !result.layout.clean ? builder.masked(result) : result;
}

void Workbench::scaled_too(EncryptedValue& value, einsum::PlainId first) {
  if (!value.scaling) return;
  for (einsum::PlainId plain = first; plain < builder.next_plain(); ++plain)
    value.scaling->plains.push_back(plain);
}

PlacedTensor Workbench::moved(PlacedTensor a, SlotLayout to) {
  if (!a.layout.copies.empty()) a.layout.copies.clear(), a.layout.clean = false;
  to.copies.clear();
  to.clean = true;
  return builder.moved(a, moves(a.layout, to, false, options.costs).front());
}

EncryptedValue Workbench::times(const EncryptedValue& value, double factor) {
  EncryptedValue result = settled(value);
  result.range = value.range * Interval{factor, factor};
  result.error = std::abs(factor) * value.error;
  PlacedTensor& a = result.bases[0];
  if (factor == 1) return result;
  if (factor == -1 || factor == 2) {
    for (auto& [number, id] : a.ciphertexts)
      id = factor == 2 ? builder.add(id, id) : builder.negate(id);
  } else if (result.scaling) {
    for (const einsum::PlainId plain : result.scaling->plains) builder.scale(plain, factor);
    for (const einsum::CipherId id : result.scaling->claims)
      builder.scale_claim(id, std::abs(factor));
  } else {
    const auto cells = element_cells(a.layout);
    const einsum::PlainId first = builder.next_plain();
    for (auto& [number, id] : a.ciphertexts)
      id = builder.rescale(
          builder.multiply(id, einsum::Plain{einsum::ClearId::none, cells.at(number), factor}));
    a.layout.clean = true;
    result.scaling = Scaling{};
    scaled_too(result, first);
  }
  return result;
}

EncryptedValue Workbench::plus(const EncryptedValue& value, double term) {
  EncryptedValue result = settled(value);
  result.range = value.range + Interval{term, term};
  if (term == 0) return result;
  const auto cells = element_cells(result.bases[0].layout);
  const einsum::PlainId first = builder.next_plain();
  for (auto& [number, id] : result.bases[0].ciphertexts)
    id = builder.add(id, einsum::Plain{einsum::ClearId::none, cells.at(number), term});
  scaled_too(result, first);
  return result;
}

Workbench::Reading Workbench::read(const std::vector<Expression>& all) {
  Reading result;
  std::vector<einsum::Stage> stages;
  std::vector<const EncryptedValue*> seen;
  std::vector<einsum::EinsumOperand> described;
  for (const Expression& expression : all) {
    einsum::Stage& stage = stages.emplace_back(einsum::Stage{expression.notation, {}});
    for (const Operand& operand : expression.operands) {
      const auto twin = operand.encrypted ? std::ranges::find(seen, operand.encrypted) : seen.end();
      stage.operands.push_back(static_cast<int>(twin - seen.begin()));
      if (twin != seen.end()) continue;
      seen.push_back(operand.encrypted);
      result.tensors.push_back(operand.tensor);
      described.push_back({operand.shape, operand.encrypted != nullptr,
                           std::max(operand.range.magnitude(), kLeastMagnitude)});
    }
  }
  result.problem = read_problem(stages, described);
  result.problem.text += " (" + all[0].place + ")";
  result.encrypted = std::move(seen);
  return result;
}

std::vector<PlacedTensor> Workbench::placed(Reading& reading) {
  std::vector<PlacedTensor> values;
  for (std::size_t i = 0; i < reading.encrypted.size(); ++i) {
    values.push_back(reading.encrypted[i] ? placed(*reading.encrypted[i]) : PlacedTensor{});
    if (reading.encrypted[i]) reading.problem.inputs[i].layout = values.back().layout;
  }
  return values;
}

std::vector<PlacedTensor> Workbench::emitted(const Reading& reading, einsum::Choice& choice,
                                             const std::vector<PlacedTensor>& values) {
  for (einsum::Contraction& each : choice.nodes)
    for (int& operand : each.clear.operands) operand = reading.tensors[operand];
  std::vector<PlacedTensor> results = emit(reading.problem, choice, values, builder);
  for (PlacedTensor& out : results) {
    const std::string labels = axis_labels(out.layout.axes.size());
    for (std::size_t axis = 0; axis < labels.size(); ++axis)
      out.layout.axes[axis].label = labels[axis];
  }
  return results;
}

einsum::Contraction Workbench::node(const std::string& notation,
                                    const std::vector<Operand>& operands,
                                    const std::string& place) {
  const Reading reading = read({{notation, operands, place}});
  einsum::Contraction node = reading.problem.nodes[0];
  for (int& operand : node.clear.operands) operand = reading.tensors[operand];
  return node;
}

EncryptedValue Workbench::contracted(const std::string& notation,
                                     const std::vector<Operand>& operands, bool clean,
                                     const std::string& place) {
  Reading reading = read({{notation, operands, place}});
  const std::vector<PlacedTensor> values = placed(reading);
  einsum::Choice choice = search(reading.problem, {.slots = options.slots,
                                                   .clean = clean,
                                                   .most_ciphertexts = options.most_ciphertexts,
                                                   .costs = options.costs});
  const einsum::PlainId first = builder.next_plain();
  PlacedTensor out = std::move(emitted(reading, choice, values)[0]);
  notes.push_back(fmt::format("{}: {}", place, to_string(choice.cost)));
  Shape sizes = shape(out.layout);
  EncryptedValue result = whole(std::move(sizes), std::move(out), {}, 0);
  bound(result, reading.problem.nodes[0], operands);
  if (!reading.problem.nodes[0].has_clear) {
    if (operands.size() == 1) result.scaling = operands[0].encrypted->scaling;
    return result;
  }
  result.scaling = Scaling{};
  for (einsum::PlainId plain = first; plain < builder.next_plain(); ++plain)
    if (builder.at(plain).tensor != einsum::ClearId::none) result.scaling->plains.push_back(plain);
  return result;
}

std::optional<std::vector<EncryptedValue>> Workbench::contracted(const std::vector<Expression>& all,
                                                                 bool apart) {
  Reading reading = read(all);
  const std::vector<PlacedTensor> values = placed(reading);
  einsum::Choice choice = search(reading.problem, {.slots = options.slots,
                                                   .apart = apart,
                                                   .most_ciphertexts = options.most_ciphertexts,
                                                   .costs = options.costs});
  if (choice.recipes[0].sharing.nodes < all.size()) return std::nullopt;
  std::vector<PlacedTensor> placed = emitted(reading, choice, values);
  std::vector<EncryptedValue> results;
  for (std::size_t i = 0; i < all.size(); ++i) {
    notes.push_back(fmt::format("{}: {}", all[i].place,
                                i == 0 ? to_string(choice.cost) : "in the transform before"));
    Shape sizes = shape(placed[i].layout);
    std::optional<Scaling> scaling = scaling_of(placed[i]);
    results.push_back(whole(std::move(sizes), std::move(placed[i]), {}, 0));
    bound(results.back(), reading.problem.nodes[i], all[i].operands);
    results.back().scaling = std::move(scaling);
  }
  return results;
}

std::optional<Scaling> Workbench::scaling_of(const PlacedTensor& result) const {
  Scaling scaling;
  for (const auto& [number, id] : result.ciphertexts) {
    const std::vector<einsum::PlainId> plains = builder.diagonals(id);
    if (plains.empty()) return std::nullopt;
    for (const einsum::PlainId plain : plains)
      if (!builder.at(builder.at(plain).tensor).parts.empty()) return std::nullopt;
    scaling.plains.insert(scaling.plains.end(), plains.begin(), plains.end());
  }
  return scaling;
}

void Workbench::bound(EncryptedValue& result, const einsum::Contraction& node,
                      const std::vector<Operand>& operands) {
  double exact = node.has_clear ? node.clear.bound : 1, inexact = exact;
  for (const Operand& operand : operands) {
    if (!operand.encrypted) continue;
    exact *= operand.range.magnitude();
    inexact *= operand.range.magnitude() + operand.encrypted->error;
  }
  double summed = 1;
  for (const auto& [label, size] : node.sizes)
    if (node.out.find(label) == std::string::npos) summed *= static_cast<double>(size);
  result.range = {-summed * exact, summed * exact};
  result.error = summed * (inexact - exact);
}

}  // namespace pliant::encrypted
