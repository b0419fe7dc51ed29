#include "plan/graph/zero_copy_concat.h"

#include <algorithm>

#include "plan/format/adjacent.h"

namespace pliant::plan {
namespace {

class Joiner {
 public:
  Joiner(const Graph& graph, GraphProblem& mapping, std::int64_t alignment)
      : graph_(graph),
        mapping_(mapping),
        alignment_(alignment),
        neighbours_(mapping.storage.buffers.size()),
        pinned_(mapping.storage.buffers.size(), false) {
    for (const ValueId id : graph.values().ids())
      if (graph.value(id).role != pliant::Role::result) pin(id);
    for (const ValueId id : graph.outputs()) pin(id);
  }

  void run() {
    mapping_.parts_of.resize(mapping_.storage.buffers.size());
    for (std::size_t g = 0; g < mapping_.groups.size(); ++g) {
      const Op& op = graph_.op(mapping_.groups[g].ops[0]);
      if (mapping_.groups[g].ops.size() != 1 || !std::holds_alternative<kind::Concat>(op.kind))
        continue;
      std::vector<BufferId> parts = parts_of(op);
      if (parts.empty() || !neighbours_.add(numbers(parts))) continue;
      mapping_.parts_of[place(op.out[0]).buffer] = std::move(parts);
      mapping_.storage.is_view[g] = true;
    }
  }

 private:
  Place place(ValueId value) const { return mapping_.storage.places[value]; }
  void pin(ValueId value) {
    if (place(value).buffer != BufferId::none) pinned_[place(value).buffer] = true;
  }

  static std::vector<std::int32_t> numbers(const std::vector<BufferId>& buffers) {
    std::vector<std::int32_t> result;
    for (const BufferId each : buffers) result.push_back(to_int(each));
    return result;
  }

  // The buffers one after another; none when the Concat has to copy.
  std::vector<BufferId> parts_of(const Op& op) const {
    const auto axis = static_cast<std::ptrdiff_t>(std::get<kind::Concat>(op.kind).axis);
    std::vector<BufferId> parts;
    if (pinned_[place(op.out[0]).buffer]) return {};
    for (const ValueId part : op.in) {
      const Shape& shape = graph_.value(part).type.shape;
      const BufferId buffer = place(part).buffer;
      const bool leads = std::all_of(shape.begin(), shape.begin() + axis,
                                     [](std::int64_t size) { return size == 1; });
      if (!leads || pinned_[buffer] || !fills(part)) return {};
      const std::vector<BufferId>& inner = mapping_.parts_of[buffer];
      if (inner.empty()) parts.push_back(buffer);
      else parts.insert(parts.end(), inner.begin(), inner.end());
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (std::count(parts.begin(), parts.end(), parts[i]) > 1) return {};
      if (i + 1 < parts.size() && mapping_.storage.buffers[parts[i]] % alignment_ != 0) return {};
    }
    return parts.size() < 2 ? std::vector<BufferId>{} : parts;
  }

  bool fills(ValueId value) const {
    const auto& places = mapping_.storage.places;
    const auto owner = std::find(places.begin(), places.end(), Place{place(value).buffer, 0});
    const auto whole = graph_.value(static_cast<ValueId>(owner - places.begin())).type.shape;
    return place(value).offset == 0 && elements(whole) == elements(graph_.value(value).type.shape);
  }

  const Graph& graph_;
  GraphProblem& mapping_;
  std::int64_t alignment_;
  Neighbours neighbours_;        // of buffers
  ById<BufferId, bool> pinned_;  // inputs, weights, constants, outputs
};

}  // namespace

void elide_concats(const Graph& graph, GraphProblem& mapping, std::int64_t alignment) {
  Joiner(graph, mapping, alignment).run();
}

}  // namespace pliant::plan
