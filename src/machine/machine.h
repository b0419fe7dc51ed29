// A machine is a place where a graph runs. What only one machine can do is in its own header.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/pool.h"
#include "graph/graph.h"
#include "quant/store.h"

namespace pliant {

struct Need {
  std::int64_t arena_bytes = 0;
};

// Told what ran when, by the steady clock in seconds; null costs nothing.
class Trace {
 public:
  struct Step {
    std::int32_t group;
    const Op& op;  // the last of the group
    double begin, end;
    std::span<const Busy> threads;  // what each of the pool's did of it
  };
  virtual ~Trace() = default;
  virtual void step(const Step& step) = 0;
  // what a run of several programs took: "decode", say, which is a literal
  virtual void span(std::string_view what, std::int64_t rows, double begin, double end) = 0;
};

struct Bindings {
  // by slot: the order of graph.inputs() and graph.outputs()
  std::span<const TensorView> inputs, outputs;
  std::int64_t rows = 0;  // rows to run; 0: all
  Trace* trace = nullptr;
};

// One arena, lent to one run at a time; may serve many programs whose needs it covers.
class Workspace {
 public:
  Workspace(const Need& need, ThreadPool& pool);  // throws Error{capacity}
  std::span<std::byte> arena() const { return arena_bytes_; }
  ThreadPool& pool() const { return *pool_; }
  bool covers(const Need& need) const;

 private:
  Tensor arena_;
  std::span<std::byte> arena_bytes_;
  ThreadPool* pool_;
};

class Program {  // immutable and thread-safe; holds its graph and weights
 public:
  virtual ~Program() = default;
  virtual const Graph& graph() const = 0;
  virtual Need need() const = 0;
  // Throws Error{invalid} before anything is written if bindings or workspace do not fit; then
  // neither allocates nor throws, but for a Gather index out of range (Error{invalid}).
  virtual void run(const Bindings& bindings, Workspace& workspace) const = 0;
};

struct Refusal {
  OpId op = OpId::none;
  std::string reason;
};

class Machine {
 public:
  virtual ~Machine() = default;
  virtual std::vector<Refusal> refuses(const Graph& graph) const = 0;
  // Throws Error{unsupported} naming the first refusal, Error{not_found} or {invalid} for missing
  // or mismatched weights.
  virtual std::unique_ptr<Program> prepare(std::shared_ptr<const Graph> graph,
                                           std::shared_ptr<const WeightStore> weights) = 0;
};

}  // namespace pliant
