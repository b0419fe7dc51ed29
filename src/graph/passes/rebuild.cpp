#include "graph/passes/rebuild.h"

namespace pliant {

Rebuild::Rebuild(const Graph& from, bool keep_rows)
    : from_(from), keep_rows_(keep_rows), now_(from.values().size(), ValueId::none) {}

std::vector<ValueId> Rebuild::now(const std::vector<ValueId>& old) const {
  std::vector<ValueId> result;
  for (const ValueId id : old) result.push_back(now(id));
  return result;
}

std::vector<std::string> Rebuild::names(const std::vector<ValueId>& old) const {
  std::vector<std::string> result;
  for (const ValueId id : old) result.push_back(from_.value(id).name);
  return result;
}

void Rebuild::leaf(ValueId id) {
  const Value& value = from_.value(id);
  if (value.role == Role::weight) set(id, builder.weight(value.name, value.type));
  else if (value.role == Role::constant) set(id, builder.constant(value.constant, value.name));
  else if (value.rows && keep_rows_) set(id, builder.row_input(value.name, value.type));
  else set(id, builder.input(value.name, value.type));
}

void Rebuild::copy(const Op& op) {
  const auto made =
      builder.add(op.kind, now(op.in), op.name, static_cast<int>(op.out.size()), names(op.out));
  for (std::size_t i = 0; i < made.size(); ++i) set(op.out[i], made[i]);
}

void Rebuild::values(const std::function<bool(const Op&)>& replace) {
  for (const ValueId id : now_.ids()) {
    const Value& value = from_.value(id);
    if (value.role != Role::result) {
      leaf(id);
      continue;
    }
    const Op& op = from_.op(value.producer);
    if (op.out[0] == id && !replace(op)) copy(op);
  }
}

void Rebuild::outputs() {
  for (std::size_t i = 0; i < from_.outputs().size(); ++i)
    builder.output(now(from_.outputs()[i]), from_.output_names()[i]);
  for (const Carry& carry : from_.carries()) builder.carry(now(carry.in), now(carry.out));
}

}  // namespace pliant
