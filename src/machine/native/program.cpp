#include "machine/native/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "core/checked.h"
#include "core/error.h"
#include "core/time/clock.h"
#include "machine/native/kv/view.h"
#include "plan/place/place.h"

namespace pliant::native {

namespace {

bool has_type(const TensorType& type, const Value& value, std::int64_t rows) {
  const Shape& wanted = value.type.shape;
  if (type.dtype != value.type.dtype || type.shape.size() != wanted.size()) return false;
  for (std::size_t axis = 0; axis < wanted.size(); ++axis)
    if (type.shape[axis] != (axis == 0 && value.rows ? rows : wanted[axis])) return false;
  return true;
}

// What the pool does, a step at a time, if anybody wants to know.
class Watch {
 public:
  Watch(Trace* trace, ThreadPool& pool) : trace_(trace), pool_(pool) {}
  ~Watch() {
    if (trace_ != nullptr) pool_.watch(false);
  }
  Watch(const Watch&) = delete;
  void begin() {
    if (trace_ == nullptr) return;
    pool_.watch(true);
    begin_ = steady_seconds();
  }
  void end(std::int32_t group, const Op& op) {
    if (trace_ != nullptr) trace_->step({group, op, begin_, steady_seconds(), pool_.busy()});
  }

 private:
  Trace* trace_;
  ThreadPool& pool_;
  double begin_ = 0;
};

}  // namespace

Program::Program(std::shared_ptr<const Graph> graph, Folded folded, const Options& options,
                 SharedWeights& shared)
    : graph_(std::move(graph)), folded_(std::move(folded)) {
  const std::vector<Group> groups = pliant::groups(folded_.graph, {options.fuse});
  storage_ = storage(folded_.graph, groups);
  locations_.resize(storage_.buffers.size());
  find_cached();
  bind_leaves();
  bind_outputs(shared);
  make_steps(groups, options, shared);
  place_arena();
}

void Program::find_cached() {
  cache_layers_ = kv::layers_of(folded_.graph);
  const std::vector<ValueId>& inputs = folded_.graph.inputs();
  const auto slot = [&](ValueId id) {  // refusal() has seen that it is one
    return static_cast<std::size_t>(std::find(inputs.begin(), inputs.end(), id) - inputs.begin());
  };
  for (const Op& op : folded_.graph.ops()) {
    if (!uses_cache(op)) continue;
    const auto& kind = std::get<kind::Attention>(op.kind);
    cached_.push_back({kind.cache, slot(op.in[kind.seq]), slot(op.in[kind.pos])});
  }
}

void Program::bind_leaves() {
  const Graph& graph = folded_.graph;
  for (std::size_t slot = 0; slot < graph.inputs().size(); ++slot)
    if (const Place at = storage_.places[graph.inputs()[slot]]; at.buffer != BufferId::none)
      locations_[at.buffer] = {BufferLocation::Kind::input, static_cast<std::int64_t>(slot), {}};
  for (const ValueId id : graph.values().ids()) {
    const Value& value = graph.value(id);
    const Place at = storage_.places[id];
    if (at.buffer == BufferId::none) continue;
    BufferLocation& location = locations_[at.buffer];
    if (value.role == Role::weight)
      location = {BufferLocation::Kind::fixed, 0, folded_.weights.at(value.name)};
    if (value.role == Role::constant)
      location = {
          BufferLocation::Kind::fixed, 0, {value.type, Encoding::plain, value.constant->raw()}};
  }
}

// An output that is a whole buffer of its own is computed where the caller wants it; others are
// copied at the end.
void Program::bind_outputs(SharedWeights& shared) {
  const Graph& graph = folded_.graph;
  for (std::size_t slot = 0; slot < graph.outputs().size(); ++slot) {
    const ValueId id = graph.outputs()[slot];
    const Place at = storage_.places[id];
    BufferLocation& location = locations_[at.buffer];
    const bool whole = at.offset == 0 && storage_.buffers[at.buffer] == bytes(graph.value(id).type);
    if (location.kind == BufferLocation::Kind::none && whole)
      location = {BufferLocation::Kind::output, static_cast<std::int64_t>(slot), {}};
    else if (location.kind == BufferLocation::Kind::fixed)
      copies_.push_back({slot, at, shared.plain(location.fixed)});
    else copies_.push_back({slot, at, {}});
  }
}

// A fixed value begins its buffer: folding leaves no view of weights and constants alone.
void Program::fix_inputs(Step& step, SharedWeights& shared) const {
  for (std::size_t i = 0; i < step.inputs.size(); ++i) {
    StepInput& input = step.inputs[i];
    const BufferLocation& location = locations_[input.place.buffer];
    if (location.kind != BufferLocation::Kind::fixed) continue;
    assert(input.place.offset == 0);
    input.fixed = step.kernel.fix(i, location.fixed, shared);
  }
}

void Program::make_steps(const std::vector<Group>& groups, const Options& options,
                         SharedWeights& shared) {
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (storage_.is_view[i]) continue;
    GroupKernel kernel(folded_.graph, groups[i], options, &folded_.weights);
    Step step{std::move(kernel), static_cast<std::int32_t>(i), groups[i].ops.back(), {}, {}, 0};
    for (const ValueId id : group_inputs(folded_.graph, groups[i]))
      step.inputs.push_back({storage_.places[id], nullptr});
    for (const ValueId id : group_outputs(folded_.graph, groups[i]))
      step.outputs.push_back(storage_.places[id]);
    fix_inputs(step, shared);
    most_operands_ = std::max(most_operands_, step.inputs.size() + step.outputs.size());
    steps_.push_back(std::move(step));
  }
}

void Program::place_arena() {
  struct Life {
    std::int32_t first = -1, last = -1;
  };
  ById<BufferId, Life> lives(locations_.size());
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const auto touch = [&](const Place& at) {
      Life& life = lives[at.buffer];
      if (life.first < 0) life.first = static_cast<std::int32_t>(i);
      life.last = static_cast<std::int32_t>(i);
    };
    for (const StepInput& input : steps_[i].inputs) touch(input.place);
    for (const Place& output : steps_[i].outputs) touch(output);
  }
  for (const Copy& copy : copies_)
    lives[copy.from.buffer].last = static_cast<std::int32_t>(steps_.size());
  std::vector<place::Rectangle> rectangles;
  std::vector<BufferId> buffers;
  for (const BufferId b : locations_.ids()) {
    if (locations_[b].kind != BufferLocation::Kind::none || lives[b].first < 0) continue;
    rectangles.push_back(
        {round_up(storage_.buffers[b], 64), lives[b].first, lives[b].last + 1, -1});
    buffers.push_back(b);
  }
  std::vector<std::size_t> working;  // steps with a workspace
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (const std::int64_t bytes = steps_[i].kernel.workspace(); bytes > 0) {
      const auto step = static_cast<std::int32_t>(i);
      rectangles.push_back({round_up(bytes, 64), step, step + 1, -1});
      working.push_back(i);
    }
  const place::Packed packed = place::pack(rectangles, {.alignment = 64, .nodes = 20000});
  for (std::size_t i = 0; i < buffers.size(); ++i)
    locations_[buffers[i]] = {BufferLocation::Kind::arena, packed.offsets[i], {}};
  for (std::size_t i = 0; i < working.size(); ++i)
    steps_[working[i]].workspace = packed.offsets[buffers.size() + i];
  table_offset_ = round_up(packed.height, 64);
}

std::int64_t Program::table_bytes() const {
  return (locations_.size() + most_operands_) * sizeof(std::byte*);
}

void Program::check_views(std::string_view what, std::span<const TensorView> views,
                          const std::vector<ValueId>& ids, std::int64_t rows) const {
  if (views.size() != ids.size())
    throw Error(ErrorKind::invalid, fmt::format("{}s", what),
                fmt::format("the graph has {}, {} bound", ids.size(), views.size()));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Value& value = graph_->value(ids[i]);
    if (!has_type(views[i].type, value, rows))
      throw Error(ErrorKind::invalid, fmt::format("{} {}", what, value.name),
                  fmt::format("is {}{}, bound to {}", to_string(value.type),
                              value.rows ? fmt::format(" with {} rows", rows) : "",
                              to_string(views[i].type)));
    if (views[i].data == nullptr)
      throw Error(ErrorKind::invalid, fmt::format("{} {}", what, value.name), "bound to no memory");
  }
}

void Program::check(const Bindings& bindings, const Workspace& workspace) const {
  if (bindings.rows < 0 || bindings.rows > graph_->rows())
    throw Error(ErrorKind::invalid, "rows",
                fmt::format("{} is outside 0 to {}", bindings.rows, graph_->rows()));
  const std::int64_t rows = bindings.rows == 0 ? graph_->rows() : bindings.rows;
  check_views("input", bindings.inputs, graph_->inputs(), rows);
  check_views("output", bindings.outputs, graph_->outputs(), rows);
  if (!workspace.covers(need()))
    throw Error(ErrorKind::invalid, "workspace",
                fmt::format("its arena has {} bytes, the program needs {}",
                            workspace.arena().size(), need().arena_bytes),
                "make it from this program's need()");
}

std::int64_t Program::bytes_now(ValueId id, std::int64_t rows) const {
  const Value& value = folded_.graph.value(id);
  const std::int64_t whole = bytes(value.type);
  return value.rows ? whole / folded_.graph.rows() * rows : whole;
}

void Program::check_cache(const Bindings& bindings, kv::Cache& cache) const {
  for (const CachedLayer& each : cached_) {
    const std::size_t layer = each.layer;
    if (layer >= cache.layers().size() || cache.layers()[layer] != cache_layers_[layer])
      throw Error(ErrorKind::invalid, "cache",
                  fmt::format("it was not made for layer {} of this graph", layer),
                  "make it from kv::layers_of(graph)");
  }
  for (const CachedLayer& each : cached_) {
    const TensorView &seq = bindings.inputs[each.seq], &pos = bindings.inputs[each.pos];
    kv::View(cache, each.layer)
        .check(seq.as<std::int32_t>(), pos.as<std::int32_t>(), seq.type.shape[0]);
  }
}

void Program::run(const Bindings& bindings, Workspace& workspace) const {
  check(bindings, workspace);
  if (!cached_.empty())
    throw Error(ErrorKind::invalid, "cache",
                fmt::format("the graph reads cache layer {}, none is bound", cached_.front().layer),
                "run it with a kv::Cache, or build it without cache layers");
  run_steps(bindings, workspace, nullptr);
}

void Program::run(const Bindings& bindings, Workspace& workspace, kv::Cache& cache) const {
  check(bindings, workspace);
  check_cache(bindings, cache);
  cache.observe(workspace.pool().threads(), bindings.rows == 0 ? graph_->rows() : bindings.rows);
  run_steps(bindings, workspace, &cache);
}

void Program::run_steps(const Bindings& bindings, Workspace& workspace, kv::Cache* cache) const {
  const std::int64_t rows = bindings.rows == 0 ? graph_->rows() : bindings.rows;
  std::byte* arena = workspace.arena().data();
  auto** bases = reinterpret_cast<std::byte**>(arena + table_offset_);
  std::byte** base = bases;
  for (const BufferLocation& location : locations_) {
    switch (location.kind) {
      case BufferLocation::Kind::none:
      case BufferLocation::Kind::fixed: *base = nullptr; break;  // the steps know where
      case BufferLocation::Kind::arena: *base = arena + location.at; break;
      case BufferLocation::Kind::input: *base = bindings.inputs[location.at].data; break;
      case BufferLocation::Kind::output: *base = bindings.outputs[location.at].data; break;
    }
    ++base;
  }
  std::byte** operands = bases + locations_.size();
  Watch watch(bindings.trace, workspace.pool());
  for (const Step& step : steps_) {
    watch.begin();
    std::byte** next = operands;
    for (const auto& [at, fixed] : step.inputs)
      *next++ = fixed != nullptr ? const_cast<std::byte*>(fixed)  // NOLINT: only read
                                 : bases[to_int(at.buffer)] + at.offset;
    for (const Place& at : step.outputs) *next++ = bases[to_int(at.buffer)] + at.offset;
    step.kernel.run({operands, step.inputs.size()},
                    {operands + step.inputs.size(), step.outputs.size()}, arena + step.workspace,
                    workspace.pool(), rows, cache);
    watch.end(step.group, folded_.graph.op(step.op));
  }
  for (const Copy& copy : copies_) {
    const std::size_t size = bytes_now(folded_.graph.outputs()[copy.output], rows);
    const std::byte* base =
        copy.fixed.data != nullptr ? copy.fixed.data : bases[to_int(copy.from.buffer)];
    if (size > 0) std::memcpy(bindings.outputs[copy.output].data, base + copy.from.offset, size);
  }
}

}  // namespace pliant::native
