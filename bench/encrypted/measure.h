// Plans run on the engine, in CPU time of one thread; encoding is timed apart from the rest.
#pragma once

#include <string>
#include <vector>

#include "machine/encrypted/einsum/backend/measure.h"
#include "machine/encrypted/einsum/engine/engine.h"
#include "machine/encrypted/einsum/plan/planner.h"

namespace pliant::bench {

constexpr std::int64_t kSlots = 16384;

double cpu_ms();                      // of the process
ckks::Params parameters(int levels);  // of so many levels and kSlots

// With the times of its operations, measured when they are first asked for.
struct Timed {
  explicit Timed(int levels);
  einsum::Engine engine;
  einsum::Stopwatch times;
};

// The reference evaluator's.
std::vector<Tensor> answers(const std::string& expression, const std::vector<Tensor>& tensors);

struct Measured {
  double key_ms = 0, encode_ms = 0, ms = 0;  // of the keys; of all plaintexts; of the rest: medians
  double error = 0, bound = 0;               // of the worst element
};

// Uniform in [-1, 1], from a seed.
std::vector<Tensor> random_tensors(const std::vector<Shape>& shapes);
std::vector<TensorView> views(const std::vector<Tensor>& tensors);

// Up to three runs, fewer of what takes more than a second. The expected answers are the reference
// evaluator's, one for each output. Keys that the engine has already are not made again.
Measured measure(einsum::Engine& engine, const einsum::Plan& plan,
                 const std::vector<Tensor>& tensors, const std::vector<Tensor>& expected);

// The same program with its inputs at a higher level.
einsum::Plan at_level(einsum::Plan plan, int level);

double median(std::vector<double> times);
double geometric_mean(const std::vector<double>& ratios);  // 0 of none

}  // namespace pliant::bench
