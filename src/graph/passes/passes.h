// Passes never mutate: each rebuilds through the builder or returns a small result beside the
// graph.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/pool.h"
#include "graph/graph.h"
#include "quant/store.h"

namespace pliant {

// Evaluates every operator whose operands are all weights or constants. A folded value becomes a
// weight of the new store (named as the value) if any weight went in, else a constant. Selecting
// rows keeps the encoding; others become plain. Throws as check_weights() and evaluate() do.
struct Folded {
  Graph graph;
  WeightStore weights;  // what `graph` needs, no more
};
Folded fold(const Graph& graph, const WeightStore& weights, ThreadPool& pool);

// Composite operators for which `keep` is false become core ones; values keep their names and
// order. Core operators do not mix rows, so a graph whose Attention goes loses its row axis: it
// runs whole, with seq < 0 for padding.
Graph decompose(const Graph& graph, const std::function<bool(const Op&)>& keep = {});

// Adds outputs that show `values`: the value itself, or a statistic over all axes but the last,
// which has D entries: max |x| [D], sum of x^2 [D], x^T x [D, D], in f32 (f64 for f64). The outputs
// are named "VALUE.value", "VALUE.max_abs" and so on. A statistic mixes rows, so the graph loses
// its row axis.
enum class Statistic : std::uint8_t { value, max_abs, sum_of_squares, gram };
Graph observe(const Graph& graph, const std::vector<ValueId>& values, Statistic statistic);

// Operators that form one kernel, ascending; every operator is in exactly one group, groups are in
// topological order. Only values that leave a group exist in memory: a kernel runs its group
// without materialising the others. Fused are (patterns.h says what a group then computes):
//   Convolve, Pool or an Einsum of two operands, then Maps whose other operands are per-channel or
//   scalar weights; Maps of one result shape, whatever their other operands; Map of x, Pool of it
//   (reshapes between), Maps of the result and x: cross-channel normalisation; with `halo` a Concat
//   along the rows, a Slice of rows, or both, and the Convolve or Pool that alone reads them.
// Inside a group values are f32; the last result of a group of Maps alone may have any type.
struct Group {
  std::vector<OpId> ops;  // the last one gives the group's results
  bool operator==(const Group&) const = default;
};
struct GroupRules {
  bool fuse = true;  // false: one operator per group
  // of graphs that tile() made: rows are put together inside the group that reads them
  bool halo = false;
};
std::vector<Group> groups(const Graph& graph, const GroupRules& rules = {});

// What a group reads from and writes to memory: values, each once, in order of first use.
std::vector<ValueId> group_inputs(const Graph& graph, const Group& group);
std::vector<ValueId> group_outputs(const Graph& graph, const Group& group);

// Where values live: reshapes, and slices and concats along a leading axis that copy nothing, share
// a buffer. An input, weight or constant begins its own buffer; an output may be a view of any of
// them (even of an input) and then lies in that buffer: who must hand out separate memory copies
// it.
enum class BufferId : std::int32_t { none = -1 };
struct Place {
  BufferId buffer = BufferId::none;  // none: inside a group, in no memory
  std::int64_t offset = 0;           // bytes
  bool operator==(const Place&) const = default;
};
struct Storage {
  ById<ValueId, Place> places;
  ById<BufferId, std::int64_t> buffers;  // bytes
  std::vector<bool> is_view;             // per group: moves no data, needs no kernel
};
struct StorageRules {
  bool reshape = true;  // a reshape is its operand
  // so is a slice along the leading axis that is not 1, at an aligned offset
  bool slice = true;
  // parts are written straight into a concat along such an axis where nothing forbids it
  bool concat = false;
  std::int64_t alignment = 64;  // bytes, of every place in its buffer
};
Storage storage(const Graph& graph, const std::vector<Group>& groups,
                const StorageRules& rules = {});

}  // namespace pliant
