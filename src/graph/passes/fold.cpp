#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "graph/passes/passes.h"
#include "graph/passes/rebuild.h"
#include "graph/reference/reference.h"

namespace pliant {
namespace {

struct Known {  // a value that depends on no input
  Stored stored;
  std::shared_ptr<const void> owner;
  bool weight = false;  // a weight went in
};

Known known(Tensor tensor, bool weight) {
  auto owner = std::make_shared<const Tensor>(std::move(tensor));
  return {{owner->type(), Encoding::plain, owner->raw()}, owner, weight};
}

// The rows of operand 0 that a Slice or a Gather selects whole; none if it does anything else.
std::optional<std::vector<std::int64_t>> selected_rows(const Op& op,
                                                       const std::vector<const Known*>& operands) {
  const Shape& shape = operands[0]->stored.type.shape;
  std::vector<std::int64_t> rows;
  if (const auto* slice = std::get_if<kind::Slice>(&op.kind)) {
    for (std::size_t axis = 1; axis < shape.size(); ++axis)
      if (slice->size[axis] != shape[axis] || slice->step[axis] != 1) return {};
    if (shape.empty()) return {};
    for (std::int64_t i = 0; i < slice->size[0]; ++i)
      rows.push_back(slice->start[0] + i * slice->step[0]);
    return rows;
  }
  const auto* gather = std::get_if<kind::Gather>(&op.kind);
  if (gather == nullptr || gather->axis != 0) return {};
  const Tensor index = decode(operands[1]->stored);
  for (std::int64_t i = 0; i < elements(index.type().shape); ++i) {
    rows.push_back(get_int(index.view(), i));
    if (rows.back() < 0 || rows.back() >= shape[0]) return {};  // evaluation reports it
  }
  return rows;
}

// Bytes per row, if rows of this encoding stand one after the other: of a vector in blocks they do
// not.
std::optional<std::size_t> row_bytes(const Stored& stored) {
  if (stored.encoding != Encoding::plain && stored.type.shape.size() < 2) return {};
  TensorType row = stored.type;
  const std::int64_t rows = std::exchange(row.shape[0], 1);
  const std::int64_t size = encoded_bytes(row, stored.encoding);
  if (rows == 0 || std::cmp_not_equal(size * rows, stored.bytes.size())) return {};
  return static_cast<std::size_t>(size);
}

// Selecting rows keeps the encoding; neighbouring rows share the bytes.
std::optional<Known> select(const Op& op, const std::vector<const Known*>& operands,
                            const TensorType& type) {
  const auto rows = selected_rows(op, operands);
  if (!rows || rows->empty()) return {};
  const Known& from = *operands[0];
  const auto size = row_bytes(from.stored);
  if (!size) return {};
  const auto at = [&](std::int64_t row) {
    return from.stored.bytes.subspan(static_cast<std::size_t>(row) * *size, *size);
  };
  const bool neighbours =
      std::ranges::adjacent_find(*rows, [](auto a, auto b) { return b != a + 1; }) == rows->end();
  Known result{
      {type, from.stored.encoding, {}}, from.owner, std::ranges::any_of(operands, &Known::weight)};
  if (neighbours) {
    result.stored.bytes = {at(rows->front()).data(), rows->size() * *size};
    return result;
  }
  const auto copied = std::make_shared<Tensor>(
      TensorType{DType::u8, {static_cast<std::int64_t>(rows->size() * *size)}});
  for (std::size_t i = 0; i < rows->size(); ++i)
    std::memcpy(copied->view().data + i * *size, at((*rows)[i]).data(), *size);
  result.stored.bytes = copied->raw();
  result.owner = copied;
  return result;
}

class Folding {
 public:
  Folding(const Graph& graph, const WeightStore& weights, ThreadPool& pool)
      : graph_(graph),
        pool_(pool),
        rebuild_(graph),
        known_(graph.values().size()),
        uses_(known_.size(), 0) {
    check_weights(graph, weights);
    for (const ValueId id : known_.ids()) {
      const Value& value = graph.value(id);
      if (value.role == Role::weight)
        known_[id] = {weights.at(value.name), weights.owner(value.name), true};
      if (value.role == Role::constant)
        known_[id] = {{value.type, Encoding::plain, value.constant->raw()}, value.constant, false};
    }
    for (const Op& op : graph.ops())
      for (const ValueId id : op.in) ++uses_[id];
    for (const ValueId id : graph.outputs()) ++uses_[id];
  }

  Folded run() {
    rebuild_.values([&](const Op& op) { return fold(op); });
    rebuild_.outputs();
    Folded result{rebuild_.builder.finish(), {}};
    for (const ValueId id : known_.ids()) keep(result, known_[id], graph_.value(id).name);
    return result;
  }

 private:
  std::optional<Known>& at(ValueId id) { return known_[id]; }

  bool fold(const Op& op) {
    const auto is_known = [&](ValueId id) { return at(id).has_value(); };
    if (!std::ranges::all_of(op.in, is_known) || std::holds_alternative<kind::Opaque>(op.kind))
      return false;
    std::vector<const Known*> operands;
    for (const ValueId id : op.in) operands.push_back(&*at(id));
    if (auto rows = select(op, operands, graph_.value(op.out[0]).type))
      at(op.out[0]) = std::move(rows);
    else compute(op, operands);
    for (const ValueId id : op.in) release(id);
    for (const ValueId id : op.out) leaf(id);
    return true;
  }

  void compute(const Op& op, const std::vector<const Known*>& operands) {
    std::vector<Tensor> in, out;
    std::vector<TensorView> in_views, out_views;
    for (const Known* operand : operands)
      in_views.push_back(in.emplace_back(decode(operand->stored)).view());
    for (const ValueId id : op.out)
      out_views.push_back(out.emplace_back(graph_.value(id).type).view());
    evaluate(op, in_views, out_views, pool_);
    const bool weight = std::ranges::any_of(operands, &Known::weight);
    for (std::size_t i = 0; i < out.size(); ++i) at(op.out[i]) = known(std::move(out[i]), weight);
  }

  // Results that nobody needs any more give their memory back.
  void release(ValueId id) {
    if (--uses_[id] == 0 && graph_.value(id).role == Role::result) at(id)->owner.reset();
  }

  void leaf(ValueId id) {
    const Value& value = graph_.value(id);
    const Known& found = *at(id);
    if (found.weight) rebuild_.set(id, rebuild_.builder.weight(value.name, value.type));
    else rebuild_.set(id, rebuild_.builder.constant(decode(found.stored), value.name));
  }

  static void keep(Folded& result, const std::optional<Known>& found, const std::string& name) {
    const auto id = result.graph.find(name);
    if (!found || !found->weight || !id || result.graph.value(*id).role != Role::weight) return;
    result.weights.add(name, found->stored, found->owner);
  }

  const Graph& graph_;
  ThreadPool& pool_;
  Rebuild rebuild_;
  ById<ValueId, std::optional<Known>> known_;
  ById<ValueId, std::int64_t> uses_;
};

}  // namespace

Folded fold(const Graph& graph, const WeightStore& weights, ThreadPool& pool) {
  return Folding(graph, weights, pool).run();
}

}  // namespace pliant
