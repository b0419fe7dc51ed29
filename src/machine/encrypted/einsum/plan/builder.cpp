#include "machine/encrypted/einsum/plan/builder.h"

#include <algorithm>
#include <compare>

namespace pliant::einsum {
ProgramBuilder::ProgramBuilder(std::int64_t slots, std::vector<double> magnitudes) {
  program_.slots = slots;
  program_.magnitudes = std::move(magnitudes);
}

CipherId ProgramBuilder::emit(Action action, int depth) {
  depths_.push_back(depth);
  const CipherId id = program_.values.push_back({});
  program_.steps.push_back({std::move(action), {id}});
  return id;
}

CipherId ProgramBuilder::rotate(CipherId of, std::int64_t steps) {
  if (modulo(steps, program_.slots) == 0) return of;
  return emit(Rotate{of, steps}, depth(of));
}

CipherId ProgramBuilder::add(CipherId left, CipherId right) {
  return emit(Add{left, right}, std::max(depth(left), depth(right)));
}

CipherId ProgramBuilder::add(CipherId of, Plain by) {
  return emit(AddPlain{of, plain(std::move(by))}, depth(of));
}

CipherId ProgramBuilder::negate(CipherId of) { return emit(Negate{of}, depth(of)); }

int ProgramBuilder::tensor(double magnitude) {
  program_.magnitudes.push_back(magnitude);
  return static_cast<int>(program_.magnitudes.size()) - 1;
}

CipherId ProgramBuilder::multiply(CipherId left, CipherId right) {
  return emit(Multiply{left, right}, std::max(depth(left), depth(right)));
}

CipherId ProgramBuilder::multiply(CipherId of, Plain by) {
  return emit(MultiplyPlain{of, plain(std::move(by))}, depth(of));
}

CipherId ProgramBuilder::relinearize(CipherId of) { return emit(Relinearize{of}, depth(of)); }

CipherId ProgramBuilder::rescale(CipherId of) { return emit(Rescale{of}, depth(of) + 1); }

CipherId ProgramBuilder::shift_sum(CipherId of, std::int64_t count, std::int64_t step) {
  return einsum::shift_sum(
      of, count, step, [this](CipherId id, std::int64_t steps) { return rotate(id, steps); },
      [this](CipherId a, CipherId b) { return add(a, b); });
}

PlacedTensor ProgramBuilder::input(int tensor, const SlotLayout& layout) {
  PlacedTensor result{layout, {}};
  int number = 0;
  for (const std::int64_t ciphertext : ciphertexts(layout))
    result.ciphertexts[ciphertext] = emit(Input{tensor, number++}, 0);
  return result;
}

PlacedTensor ProgramBuilder::masked(const PlacedTensor& a) {
  PlacedTensor result{a.layout, {}};
  result.layout.copies.clear();
  result.layout.clean = true;
  std::map<std::int64_t, Plain> masks;
  for (const std::int64_t at : addresses(a.layout))
    masks[at / a.layout.slots].cells.push_back({static_cast<std::int32_t>(at % a.layout.slots), 0});
  for (auto& [number, mask] : masks)
    result.ciphertexts[number] = rescale(multiply(a.ciphertexts.at(number), std::move(mask)));
  return result;
}

Turns turns(const Split& split, const SlotLayout& from, const SlotLayout& to) {
  const bool one = ciphertexts(from).size() == 1 && ciphertexts(to).size() == 1;
  return {[split](const Index& index) { return std::pair(split.baby(index), split.giant(index)); },
          one && modulo(split.stride(), from.slots) != 0 ? split.stride() : 0};
}

PlacedTensor ProgramBuilder::moved(const PlacedTensor& a, const LayoutMove& move) {
  const PlacedTensor from{move.from, a.ciphertexts};
  switch (move.way) {
    case Way::transform: return transformed(from, move.to, turns(move.split, move.from, move.to));
    case Way::fan: return fanned(from, move);
    case Way::stay: break;
  }
  const bool mask = !move.masks.empty() && move.masks[0];
  return renamed(mask ? masked(from) : from, move.to);
}

PlacedTensor ProgramBuilder::fanned(PlacedTensor a, const LayoutMove& move) {
  for (std::size_t i = 0; i < move.stages.size(); ++i) {
    if (move.masks[i]) a = masked(a);
    const Progression& stage = move.stages[i];
    CipherId& only = a.ciphertexts.begin()->second;
    only = shift_sum(rotate(only, stage.step * stage.first), stage.count(), stage.step);
    for (std::size_t axis = 0; axis < move.to.axes.size(); ++axis)
      for (const auto& [label, weight] : stage.weights)
        if (move.to.axes[axis].label == label)
          a.layout.axes[axis].stride = move.to.axes[axis].stride;
    a.layout.clean = false;
  }
  a.layout.axes = move.to.axes;
  return move.masks.back() ? masked(a) : a;
}

// The same ciphertexts under the numbers that they have in `to`.
PlacedTensor ProgramBuilder::renamed(const PlacedTensor& a, const SlotLayout& to) const {
  PlacedTensor result{a.layout, {}};
  const std::vector<std::int64_t> source = addresses(a.layout), target = addresses(to);
  for (std::size_t e = 0; e < source.size(); ++e)
    result.ciphertexts[target[e] / to.slots] = a.ciphertexts.at(source[e] / to.slots);
  result.layout.axes = to.axes;
  return result;
}

PlacedTensor ProgramBuilder::transformed(const PlacedTensor& a, const SlotLayout& to,
                                         const Turns& turns, const PlainFactor& factor) {
  return transformed(a.ciphertexts, {{a.layout, to, turns, factor}})[0];
}

namespace {

// Of a term: the ciphertext that its result is, giant step, source and baby step.
struct TermPlace {
  std::int64_t group = 0, destination = 0, giant = 0, source = 0, baby = 0;
  auto operator<=>(const TermPlace&) const = default;  // NOLINT(modernize-use-nullptr)
};

// The labels that stay in their slots do not change a term: of each of their elements, how far it
// is in slots and in the factor.
struct Stays {
  std::vector<LabelAxis> others;
  std::vector<Plain::Cell> cells{{0, 0}};

  Stays(const LinearPart& part, const std::vector<std::int64_t>& pitch) {
    const bool regular = is_regular(part.from) && is_regular(part.to);
    for (const LabelAxis& axis : joined_axes(part.from, part.to)) {
      if (!regular || !stays_in_slots(axis, part.from) || !stays_in_slots(axis, part.to)) {
        others.push_back(axis);
        continue;
      }
      const std::size_t at = part.factor.labels.find(axis.label);
      const std::int64_t step = at == std::string::npos ? 0 : pitch[at];
      std::vector<Plain::Cell> all;
      for (const Plain::Cell& cell : cells)
        for (std::int64_t i = 0; i < axis.size; ++i)
          all.push_back({static_cast<std::int32_t>(cell.slot + i * axis.stride),
                         static_cast<std::int32_t>(cell.element + i * step)});
      cells = std::move(all);
      others.push_back({axis.label, 1, axis.stride});
    }
  }
};

void add_terms(const LinearPart& part, bool strided, std::map<TermPlace, Plain>& plains) {
  const std::int64_t slots = part.to.slots;
  const PlainFactor& factor = part.factor;
  const std::vector<std::int64_t> pitch = strides(factor.shape);
  const Stays stays(part, pitch);
  each_index(stays.others, [&](const Index& index, std::int64_t) {
    auto [baby, giant] = part.turns.of(index);
    if (!strided) giant = modulo(giant, slots);
    const std::int64_t source = address(part.from, index), target = address(part.to, index);
    std::int64_t element = factor.first;
    for (std::size_t i = 0; i < pitch.size(); ++i) element += pitch[i] * index.at(factor.labels[i]);
    Plain& plain = plains[{part.group, target / slots, giant, source / slots, modulo(baby, slots)}];
    plain.tensor = factor.tensor;
    const std::int64_t slot = target + part.slot + giant;
    for (const Plain::Cell& cell : stays.cells)
      plain.cells.push_back({static_cast<std::int32_t>(modulo(slot + cell.slot, slots)),
                             static_cast<std::int32_t>(element + cell.element)});
  });
}

}  // namespace

std::vector<PlacedTensor> ProgramBuilder::transformed(
    const std::map<std::int64_t, CipherId>& ciphertexts, const std::vector<LinearPart>& parts) {
  const std::int64_t stride = parts[0].turns.stride;
  Transform transform;
  if (std::ranges::all_of(parts, [&](const auto& part) { return part.turns.stride == stride; }))
    transform.stride = stride;
  std::map<TermPlace, Plain> plains;
  for (const LinearPart& part : parts) add_terms(part, transform.stride != 0, plains);
  std::map<std::int64_t, int> sources;
  std::vector<std::pair<std::int64_t, std::int64_t>> results;  // group, destination
  for (auto& [at, plain] : plains) {
    const std::pair to(at.group, at.destination);
    if (results.empty() || results.back() != to) results.push_back(to);
    const auto [place, is_new] = sources.try_emplace(at.source, static_cast<int>(sources.size()));
    if (is_new) transform.of.push_back(ciphertexts.at(at.source));
    transform.terms.push_back({static_cast<int>(results.size()) - 1, place->second, at.giant,
                               at.baby, this->plain(std::move(plain))});
  }
  const std::vector<CipherId> out = this->transform(std::move(transform), results.size());
  std::vector<PlacedTensor> tensors;
  for (const LinearPart& part : parts) {
    PlacedTensor& tensor = tensors.emplace_back(PlacedTensor{part.to, {}});
    tensor.layout.clean = true;
    tensor.layout.copies.clear();
    for (std::size_t r = 0; r < out.size(); ++r)
      if (results[r].first == part.group) tensor.ciphertexts[results[r].second] = out[r];
  }
  return tensors;
}

std::vector<PlainId> ProgramBuilder::diagonals(CipherId result) const {
  std::vector<PlainId> plains;
  for (const ProgramStep& step : program_.steps)
    if (const auto* transform = std::get_if<Transform>(&step.action))
      for (const Transform::Term& term : transform->terms)
        if (step.out[term.result] == result) plains.push_back(term.plain);
  return plains;
}

ClearId ProgramBuilder::joined(std::vector<ClearId> parts) {
  Clear all{.shape = {0}, .bound = 0, .parts = std::move(parts)};
  for (const ClearId part : all.parts) {
    all.shape[0] += elements(program_.clears[part].shape);
    all.bound = std::max(all.bound, program_.clears[part].bound);
  }
  return clear(std::move(all));
}

PlacedTensor ProgramBuilder::emit(Transform transform, const std::vector<std::int64_t>& results,
                                  const SlotLayout& to) {
  const std::vector<CipherId> out = this->transform(std::move(transform), results.size());
  PlacedTensor result{to, {}};
  result.layout.clean = true;
  result.layout.copies.clear();
  for (std::size_t r = 0; r < out.size(); ++r) result.ciphertexts[results[r]] = out[r];
  return result;
}

std::vector<CipherId> ProgramBuilder::transform(Transform transform, std::size_t results) {
  int depth_of = 0;
  for (const CipherId id : transform.of) depth_of = std::max(depth_of, depth(id));
  ProgramStep step{std::move(transform), {}};
  for (std::size_t r = 0; r < results; ++r) {
    depths_.push_back(depth_of + 1);
    step.out.push_back(program_.values.push_back({}));
  }
  program_.steps.push_back(step);
  return step.out;
}

PlacedTensor ProgramBuilder::copied(PlacedTensor a, const std::vector<LabelAxis>& copies) {
  for (const LabelAxis& copy : copies) {
    for (auto& [number, id] : a.ciphertexts) id = shift_sum(id, copy.size, -copy.stride);
    a.layout.copies.push_back(copy);
  }
  return a;
}

Program ProgramBuilder::take(std::vector<CipherId> outputs) {
  program_.outputs = std::move(outputs);
  return std::move(program_);
}

}  // namespace pliant::einsum
