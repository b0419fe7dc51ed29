// Checkpoints of a run: what training goes on from, one safetensors file each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quant/store.h"

namespace pliant::train {

// Where a run stands. Everything but the tensors is JSON in the file's metadata.
struct RunState {
  std::int64_t step = 0;                         // steps done
  std::int64_t tokens = 0;                       // targets learned from
  double seconds = 0;                            // of training, over all continuations
  std::int64_t decay_from = -1, last_step = -1;  // once they are known (a length in seconds)
  std::string data;                              // state of the batches, JSON
  std::string recipe;                            // JSON, all fields
};

struct Checkpoint {
  RunState state;
  WeightStore tensors;
};

class Checkpoints {
 public:
  // The folder is made at the first save().
  explicit Checkpoints(std::string folder);

  // Written aside and renamed; then those that are neither among the `keep` newest nor at a
  // multiple of `milestone` (0: none) are removed. Throws Error{io}: what was there is still there.
  void save(const RunState& state, const WeightStore& tensors, std::int64_t keep,
            std::int64_t milestone) const;

  std::vector<std::int64_t> steps() const;  // ascending
  std::string path(std::int64_t step) const;
  // Throws Error{format} for a file that is none or whose bytes are not what was written.
  Checkpoint load(std::int64_t step) const;
  RunState state(std::int64_t step) const;  // without its tensors
  // The newest one that is whole; broken ones are told to `broken`. None if there is none.
  std::optional<Checkpoint> newest(std::vector<std::string>* broken = nullptr) const;

  // Means of the tensors "parameter.*" of the `count` newest checkpoints, summed in f64, without
  // that prefix; f32. Throws Error{not_found} without any.
  WeightStore average(std::int64_t count) const;

 private:
  std::string folder_;
};

}  // namespace pliant::train
