#include <algorithm>
#include <functional>
#include <map>
#include <numeric>

#include "graph/passes/passes.h"

namespace pliant {
namespace {

// The product of the axes behind the leading ones; nothing if an axis before `axis` is not 1.
bool leads(const Shape& shape, std::size_t axis) {
  return std::all_of(shape.begin(), shape.begin() + axis,
                     [](std::int64_t size) { return size == 1; });
}

std::int64_t inner_bytes(const TensorType& type, std::size_t axis) {
  return std::accumulate(type.shape.begin() + axis + 1, type.shape.end(), size_of(type.dtype),
                         std::multiplies<>());
}

// Byte offset of a slice that is one contiguous piece of its operand; -1 otherwise.
std::int64_t contiguous_offset(const kind::Slice& slice, const TensorType& from) {
  std::size_t cut = from.shape.size();
  for (std::size_t axis = 0; axis < from.shape.size(); ++axis) {
    bool whole =
        slice.size[axis] == from.shape[axis] && (slice.step[axis] == 1 || slice.size[axis] <= 1);
    if (whole) continue;
    if (cut != from.shape.size() || !leads(from.shape, axis)) return -1;
    if (slice.step[axis] != 1 && slice.size[axis] > 1) return -1;
    cut = axis;
  }
  if (cut == from.shape.size()) return 0;
  return slice.size[cut] == 0 ? 0 : slice.start[cut] * inner_bytes(from, cut);
}

class Placer {
 public:
  Placer(const Graph& graph, const std::vector<Group>& groups, const StorageRules& rules)
      : graph_(graph), groups_(groups), rules_(rules) {
    storage_.places.resize(graph.values().size());
    storage_.is_view.resize(groups.size());
  }

  Storage run() {
    for (const ValueId id : graph_.values().ids())
      if (graph_.value(id).role != Role::result) own(id);
    for (std::size_t i = 0; i < groups_.size(); ++i) place_group(i);
    if (rules_.concat) join_concats();
    drop_unused_buffers();
    return std::move(storage_);
  }

 private:
  Place& place(ValueId id) { return storage_.places[id]; }
  const TensorType& type(ValueId id) const { return graph_.value(id).type; }

  void own(ValueId id) { place(id) = {storage_.buffers.push_back(bytes(type(id))), 0}; }

  void place_group(std::size_t i) {
    std::int64_t offset =
        groups_[i].ops.size() == 1 ? view_offset(graph_.op(groups_[i].ops[0])) : -1;
    if (offset >= 0) {
      const Op& op = graph_.op(groups_[i].ops[0]);
      Place source = place(op.in[0]);
      place(op.out[0]) = {source.buffer, source.offset + offset};
      storage_.is_view[i] = true;
      return;
    }
    for (ValueId id : group_outputs(graph_, groups_[i])) own(id);
  }

  std::int64_t view_offset(const Op& op) {
    if (rules_.reshape && std::holds_alternative<kind::Reshape>(op.kind)) return 0;
    const auto* slice = std::get_if<kind::Slice>(&op.kind);
    if (!slice || !rules_.slice) return -1;
    std::int64_t offset = contiguous_offset(*slice, type(op.in[0]));
    return offset < 0 || (place(op.in[0]).offset + offset) % rules_.alignment ? -1 : offset;
  }

  // A part may be written straight into the result when it alone fills a buffer that nothing else
  // constrains.
  bool may_join(ValueId part) {
    Place at = place(part);
    return at.offset == 0 && storage_.buffers[at.buffer] == bytes(type(part)) &&
           !pinned_[at.buffer];
  }

  bool join(const Op& op) {
    auto axis = static_cast<std::size_t>(std::get<kind::Concat>(op.kind).axis);
    std::vector<BufferId> seen;
    std::int64_t offset = 0;
    for (ValueId part : op.in) {
      BufferId buffer = place(part).buffer;
      bool again = std::find(seen.begin(), seen.end(), buffer) != seen.end();
      if (!leads(type(part).shape, axis) || again || !may_join(part) || offset % rules_.alignment)
        return false;
      seen.push_back(buffer);
      offset += bytes(type(part));
    }
    offset = 0;
    for (ValueId part : op.in) {
      BufferId from = place(part).buffer;
      for (Place& each : storage_.places)
        if (each.buffer == from) each = {place(op.out[0]).buffer, each.offset + offset};
      offset += bytes(type(part));
    }
    return true;
  }

  void join_concats() {
    pinned_.assign(storage_.buffers.size(), false);
    auto pin = [&](ValueId id) { pinned_[place(id).buffer] = true; };
    for (const ValueId id : graph_.values().ids())
      if (graph_.value(id).role != Role::result) pin(id);
    for (ValueId id : graph_.outputs()) pin(id);
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const Op& op = graph_.op(groups_[i].ops[0]);
      if (groups_[i].ops.size() != 1 || !std::holds_alternative<kind::Concat>(op.kind)) continue;
      storage_.is_view[i] = join(op);
      // its parts stay where they are
      if (storage_.is_view[i]) pinned_[place(op.out[0]).buffer] = true;
    }
  }

  void drop_unused_buffers() {
    std::map<BufferId, BufferId> ids;
    for (const Place& each : storage_.places)
      if (each.buffer != BufferId::none) ids.emplace(each.buffer, BufferId::none);
    ById<BufferId, std::int64_t> kept;
    for (auto& [from, to] : ids) to = kept.push_back(storage_.buffers[from]);
    for (Place& each : storage_.places)
      if (each.buffer != BufferId::none) each.buffer = ids.at(each.buffer);
    storage_.buffers = std::move(kept);
  }

  const Graph& graph_;
  const std::vector<Group>& groups_;
  const StorageRules& rules_;
  Storage storage_;
  ById<BufferId, bool> pinned_;  // for concats
};

}  // namespace

Storage storage(const Graph& graph, const std::vector<Group>& groups, const StorageRules& rules) {
  return Placer(graph, groups, rules).run();
}

}  // namespace pliant
