// Training on libtorch: parameters, gradients and moments live in a few flat buckets, updated by
// AdamW (arXiv 1711.05101) or Muon (arXiv 2502.16982). What to run, in which order and at which
// rate is the caller's; no ATen type is seen outside this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "machine/torch/options.h"
#include "machine/torch/workers/workers.h"
#include "quant/store.h"

namespace pliant::aten {

enum class Rule : std::uint8_t { adamw, muon };

struct Parameter {
  std::string name;  // of a weight in the store
  // Muon: rows of each part that is made orthogonal alone (a head of q or k); sums to the rows of
  // the parameter. Empty: the whole matrix.
  std::vector<std::int64_t> blocks;
};

// Parameters that are updated alike.
struct Group {
  Rule rule = Rule::adamw;
  std::vector<Parameter> parameters;
  double rate = 1;                                   // factor on the rate given to update()
  double decay = 0;                                  // decoupled: w -= rate * decay * w
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8;  // AdamW
  double momentum = 0.95;                            // Muon, Nesterov
  int iterations = 5;                                // Muon, of Newton and Schulz
  // decays an element only where its update and its sign agree (arXiv 2510.12402)
  bool cautious = false;
};

// A loss graph made ready: knows its graph and the parameters it uses. Belongs to its Learner.
class Pass {
 public:
  virtual ~Pass() = default;
  virtual const Graph& graph() const = 0;
};

class Learner {
 public:
  // Every float weight of a group is a parameter and starts with the store's value; weights in no
  // group stay as they are. Throws Error{invalid} for a name in two groups, blocks that do not add
  // up, Muon on what is no matrix; Error{not_found} for a name that the store lacks.
  Learner(const Options& options, std::shared_ptr<const WeightStore> weights,
          std::vector<Group> groups);
  ~Learner();
  Learner(Learner&&) noexcept;

  // `graph`'s first output is a float scalar, the loss. Throws as Machine::prepare();
  // Error{invalid} for another first output.
  std::unique_ptr<Pass> prepare(std::shared_ptr<const Graph> graph) const;

  // Runs the graph, writes all its outputs and adds weight * d(first output) / d(parameter) to the
  // gradients. Inputs and outputs by slot, as in Bindings.
  void accumulate(const Pass& pass, std::span<const TensorView> inputs,
                  std::span<const TensorView> outputs, double weight);
  // Runs the graph without gradients, with the parameters or with their running average.
  void evaluate(const Pass& pass, std::span<const TensorView> inputs,
                std::span<const TensorView> outputs, bool averaged = false) const;

  void clear_gradients();
  double gradient_norm() const;  // Euclidean, over all parameters; NaN or infinite if one is
  void scale_gradients(double factor);
  // Adaptive clipping (arXiv 2102.06171, equation 3): the gradient of each row of a parameter, or
  // of all of one that has one axis, is at most `most` times as long as the row, which counts as
  // 1e-3 at least.
  void clip_gradients_by_weights(double most);
  void sum_gradients(Workers& workers);  // over all processes; throws Error{io}
  // One step of every group at `rate` times its factor. The gradients are kept.
  void update(double rate);
  // average <- decay * average + (1 - decay) * parameters; the first call copies them.
  void average(double decay);

  // Empty, or why products are slow here: no fast BLAS, one that does not know the processor, or
  // bf16 on a processor that is faster in f32. For the user to read.
  std::string blas() const;
  // Floating-point operations per second of large matrix products in the learner's precision, on
  // its device and threads, measured now: about a second.
  double product_rate() const;

  std::int64_t steps() const;                     // updates done
  std::int64_t parameters() const;                // elements
  std::int64_t bytes() const;                     // of parameters, gradients and moments
  Tensor parameter(std::string_view name) const;  // f32 copies; throw Error{not_found}
  Tensor gradient(std::string_view name) const;
  // All weights as they are now (f32), those in no group included.
  WeightStore weights(bool averaged = false) const;

  // What update() depends on, by name: "parameter.NAME", "first.NAME", "second.NAME",
  // "average.NAME", f32, and "steps", i64. restore() throws Error{invalid} naming the first tensor
  // that is missing, of another shape or unknown; the learner is then as before. A restored learner
  // goes on bit by bit as the saved one would.
  WeightStore state() const;
  void restore(const WeightStore& state);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pliant::aten
