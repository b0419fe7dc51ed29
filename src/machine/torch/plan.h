// A graph as steps on libtorch: what runs one after the other, what may be forgotten then, and what
// is computed again for the backward pass.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/ids.h"
#include "graph/graph.h"
#include "machine/torch/kinds/ops.h"
#include "machine/torch/options.h"

namespace pliant::aten {

// Cosines and sines that several rotations of one run share.
struct Turns {
  ValueId pos = ValueId::none, factors = ValueId::none;
  kind::Rotary kind;
  std::pair<at::Tensor, at::Tensor> tables;
};

// The values of one run.
struct Frame {
  ById<ValueId, at::Tensor> values;  // undefined: not made yet, or forgotten
  // Of weights, where products are in bf16: the same in that type; undefined: there is none yet.
  ById<ValueId, at::Tensor> halves;
  std::int64_t rows = 0;
  std::shared_ptr<std::vector<Turns>> turns = {};  // made so far; of one run alone
};

struct Step {
  std::vector<OpId> ops;  // what it computes, ascending
  std::vector<ValueId> in, out;
  std::function<Tensors(const Frame& frame)> run;  // the values of `out`
  std::vector<ValueId> last_uses;                  // forgotten after it
};

// One step per operator.
Step plain_step(const Graph& graph, OpId op, bool half);
// Sets `in`: what the operators read and do not make themselves.
void find_inputs(const Graph& graph, Step& step);
// What somebody reads outside of `ops`, outputs of the graph included.
std::vector<ValueId> results_of(const Graph& graph, const std::vector<OpId>& ops);

class Plan {
 public:
  // Throws Error{unsupported} naming the first operator that is refused.
  Plan(std::shared_ptr<const Graph> graph, const Options& options);
  const Graph& graph() const { return *graph_; }

  // Makes every value that has none yet and that an output needs. `learning`: with what the
  // backward pass needs, scopes to recompute left out.
  void run(Frame& frame, bool learning) const;
  // The operators on weights and constants alone.
  void run_fixed(Frame& frame) const;

 private:
  struct Segment {  // steps [first, last)
    std::size_t first, last;
    std::vector<ValueId> in, out;
    bool recomputed = false;
  };
  void find_segments(const std::vector<std::string>& recompute);
  void find_last_uses();
  void run_steps(const Segment& segment, Frame& frame, bool forget) const;
  void run_again_later(const Segment& segment, Frame& frame) const;

  std::shared_ptr<const Graph> graph_;
  std::vector<Step> steps_;
  std::vector<Segment> segments_;
};

// Empty if it can run; else why not.
std::string refusal(const Graph& graph, const Op& op);

}  // namespace pliant::aten
