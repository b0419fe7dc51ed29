#include "machine/encrypted/einsum/explain/contents.h"

#include <fmt/format.h>

#include <algorithm>

namespace pliant::einsum {
namespace {

// What one slot holds, while it is worked out.
struct Held {
  SlotKind kind = SlotKind::zero;
  std::vector<LabelRange> ranges;  // by label
};

LabelRange joined(const LabelRange& a, const LabelRange& b) {
  if (a.low < 0) return b;
  if (b.low < 0) return a;
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

class Following {
 public:
  explicit Following(const Plan& plan)
      : plan_(plan),
        program_(plan.program),
        labels_(label_sizes(plan)),
        contents_(program_.values.size()),
        last_use_(program_.values.size(), 0) {
    for (std::size_t i = 0; i < program_.steps.size(); ++i)
      for (const CipherId id : operands(program_.steps[i].action)) last_use_[id] = i;
  }

  template <typename Visit>
  void run(const Visit& visit) {
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
      const ProgramStep& step = program_.steps[i];
      for (std::size_t r = 0; r < step.out.size(); ++r) {
        SlotContents made =
            std::visit([&](const auto& action) { return of(action, r); }, step.action);
        visit(step.out[r], made);
        contents_[step.out[r]] = std::move(made);
      }
      for (const CipherId id : operands(step.action))
        if (last_use_[id] == i) contents_[id] = {};
    }
  }

 private:
  std::size_t slots() const { return static_cast<std::size_t>(program_.slots); }
  SlotContents nothing() const {
    return {std::vector<SlotKind>(slots(), SlotKind::zero),
            std::vector(labels_.size(), std::vector<LabelRange>(slots()))};
  }
  std::size_t label_number(char label) const {
    return static_cast<std::size_t>(std::ranges::find(labels_, label, &LabelSize::label) -
                                    labels_.begin());
  }

  Held held(const SlotContents& of, std::size_t slot) const {
    Held result{of.kinds[slot], {}};
    for (const auto& ranges : of.ranges) result.ranges.push_back(ranges[slot]);
    return result;
  }
  static void put(const Held& held, SlotContents& into, std::size_t slot) {
    into.kinds[slot] = held.kind;
    for (std::size_t l = 0; l < held.ranges.size(); ++l) into.ranges[l][slot] = held.ranges[l];
  }
  static Held sum(const Held& a, const Held& b) {
    if (a.kind == SlotKind::zero) return b;
    if (b.kind == SlotKind::zero) return a;
    Held result{std::max(a.kind, b.kind), a.ranges};
    for (std::size_t l = 0; l < result.ranges.size(); ++l)
      result.ranges[l] = joined(a.ranges[l], b.ranges[l]);
    return result;
  }
  Held product(const Held& a, const Held& b) const {
    if (a.kind == SlotKind::zero || b.kind == SlotKind::zero) return zero();
    Held result{std::max(a.kind, b.kind), a.ranges};
    for (std::size_t l = 0; l < result.ranges.size(); ++l) {
      const LabelRange &x = a.ranges[l], &y = b.ranges[l];
      if (x.low >= 0 && y.low >= 0 && x != y) result.kind = SlotKind::mixed;
      result.ranges[l] = joined(x, y);
    }
    return result;
  }
  Held zero() const { return {SlotKind::zero, std::vector<LabelRange>(labels_.size())}; }

  // An element of a tensor whose axes have `labels`; mixed where a label stands twice and its
  // indices differ.
  Held element(const Shape& shape, std::string_view labels, std::int64_t number) const {
    Held result{SlotKind::term, std::vector<LabelRange>(labels_.size())};
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      const auto index = static_cast<std::int32_t>(number % shape[axis]);
      number /= shape[axis];
      const std::size_t label = label_number(labels[axis]);
      if (shape[axis] == 1 || label == labels_.size()) continue;
      LabelRange& range = result.ranges[label];
      if (range.low >= 0 && range.low != index) result.kind = SlotKind::mixed;
      range = joined(range, {index, index});
    }
    return result;
  }

  SlotContents of(const Input& a, std::size_t) const {
    const SlotLayout& layout = plan_.inputs[a.tensor].layout;
    SlotContents result = nothing();
    if (!layout.clean) std::ranges::fill(result.kinds, SlotKind::mixed);
    const std::int64_t number = ciphertexts(layout)[a.index];
    const std::string names = labels(layout);
    const Shape sizes = shape(layout);
    const std::vector<std::int64_t> places = addresses(layout);
    for (std::size_t e = 0; e < places.size(); ++e) {
      const Held own = element(sizes, names, static_cast<std::int64_t>(e));
      for (const std::int64_t offset : copy_offsets(layout))
        if (const std::int64_t at = places[e] + offset; at / layout.slots == number)
          put(own, result, static_cast<std::size_t>(at % layout.slots));
    }
    return result;
  }
  SlotContents of(const Rotate& a, std::size_t) const {
    SlotContents result = contents_[a.of];
    const std::int64_t by = modulo(a.steps, program_.slots);
    std::rotate(result.kinds.begin(), result.kinds.begin() + by, result.kinds.end());
    for (auto& ranges : result.ranges)
      std::rotate(ranges.begin(), ranges.begin() + by, ranges.end());
    return result;
  }
  SlotContents of(const Add& a, std::size_t) const {
    SlotContents result = contents_[a.left];
    const SlotContents& right = contents_[a.right];
    for (std::size_t s = 0; s < slots(); ++s)
      if (right.kinds[s] != SlotKind::zero) put(sum(held(result, s), held(right, s)), result, s);
    return result;
  }
  SlotContents of(const Multiply& a, std::size_t) const {
    SlotContents result = nothing();
    for (std::size_t s = 0; s < slots(); ++s)
      put(product(held(contents_[a.left], s), held(contents_[a.right], s)), result, s);
    return result;
  }
  Held cell(const Plain& plain, const Plain::Cell& cell) const {
    if (plain.tensor == ClearId::none)
      return {SlotKind::term, std::vector<LabelRange>(labels_.size())};
    const Clear& clear = program_.clears[plain.tensor];
    return element(clear.shape, clear.out, cell.element);
  }
  SlotContents of(const MultiplyPlain& a, std::size_t) const {
    SlotContents result = nothing();
    const Plain& by = program_.plains[a.by];
    for (const Plain::Cell& each : by.cells) {
      const auto s = static_cast<std::size_t>(each.slot);
      put(sum(held(result, s), product(held(contents_[a.of], s), cell(by, each))), result, s);
    }
    return result;
  }
  SlotContents of(const AddPlain& a, std::size_t) const {
    SlotContents result = contents_[a.of];
    const Plain& by = program_.plains[a.by];
    for (const Plain::Cell& each : by.cells) {
      const auto s = static_cast<std::size_t>(each.slot);
      put(sum(held(result, s), cell(by, each)), result, s);
    }
    return result;
  }
  SlotContents of(const Transform& a, std::size_t r) const {
    SlotContents result = nothing();
    for (const Transform::Term& term : a.terms) {
      if (std::cmp_not_equal(term.result, r)) continue;
      const Plain& by = program_.plains[term.plain];
      const SlotContents& x = contents_[a.of[term.source]];
      for (const Plain::Cell& each : by.cells) {
        const auto to = static_cast<std::size_t>(modulo(each.slot - term.giant, program_.slots)),
                   from = static_cast<std::size_t>(modulo(each.slot + term.baby, program_.slots));
        put(sum(held(result, to), product(held(x, from), cell(by, each))), result, to);
      }
    }
    return result;
  }
  SlotContents of(const auto& a, std::size_t) const { return contents_[a.of]; }

  const Plan& plan_;
  const Program& program_;
  std::vector<LabelSize> labels_;
  ById<CipherId, SlotContents> contents_;
  ById<CipherId, std::size_t> last_use_;
};

}  // namespace

bool SlotContents::same(std::size_t a, std::size_t b) const {
  return kinds[a] == kinds[b] && std::ranges::all_of(ranges, [&](const auto& of_label) {
           return of_label[a] == of_label[b];
         });
}

std::vector<LabelSize> label_sizes(const Plan& plan) {
  std::vector<LabelSize> result;
  std::string kept;
  for (const PlannedOutput& output : plan.outputs) kept += labels(output.layout);
  const auto add = [&](char label, std::int64_t size) {
    if (size > 1 && std::ranges::find(result, label, &LabelSize::label) == result.end())
      result.push_back({label, size, kept.find(label) != std::string::npos});
  };
  for (const PlannedInput& input : plan.inputs)
    for (const LabelAxis& axis : input.layout.axes) add(axis.label, axis.size);
  for (const Clear& clear : plan.program.clears)
    for (std::size_t axis = 0; axis < clear.shape.size(); ++axis)
      add(clear.out[axis], clear.shape[axis]);
  return result;
}

void each_contents(const Plan& plan,
                   const std::function<void(CipherId, const SlotContents&)>& visit) {
  Following(plan).run(visit);
}

bool is_useless(const SlotContents& contents, const std::vector<LabelSize>& labels,
                std::size_t slot) {
  if (contents.kinds[slot] != SlotKind::term) return contents.kinds[slot] == SlotKind::mixed;
  for (std::size_t l = 0; l < labels.size(); ++l) {
    const LabelRange& range = contents.ranges[l][slot];
    if (labels[l].kept && range.low != range.high) return true;
  }
  return false;
}

std::string slot_text(const SlotContents& contents, const std::vector<LabelSize>& labels,
                      std::size_t slot) {
  if (contents.kinds[slot] == SlotKind::zero) return ".";
  if (contents.kinds[slot] == SlotKind::mixed) return "?";
  std::string result;
  for (std::size_t l = 0; l < labels.size(); ++l) {
    const LabelRange& range = contents.ranges[l][slot];
    if (range.low < 0) continue;
    if (range.low == range.high) result += fmt::format("{}{}", labels[l].label, range.low);
    else if (labels[l].kept || range.low > 0 || range.high + 1 < labels[l].size)
      result += fmt::format("{}{}-{}", labels[l].label, range.low, range.high);
  }
  return result.empty() ? "sum" : result;
}

}  // namespace pliant::einsum
