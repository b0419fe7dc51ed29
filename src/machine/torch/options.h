// How the torch machine is to run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pliant::aten {

enum class Precision : std::uint8_t { f32, bf16 };  // bf16: products in bf16, sums and masters f32

struct Options {
  std::string device = "cpu";  // or "cuda", "cuda:1"
  Precision precision = Precision::f32;
  // of libtorch, which has one number for the whole process: the last machine made sets it; 0: all
  // processors
  int threads = 0;
  bool deterministic = false;  // the same bits again, on this machine with these threads
  bool fused = true;           // kinds and patterns that have one forward and backward run as it
  // Scopes ("layers.*") whose values are dropped after the forward pass and computed again for the
  // backward pass.
  std::vector<std::string> recompute;
};

// Throws Error{usage} for a device that is not named as above, or fewer than 0 threads.
void check(const Options& options);

}  // namespace pliant::aten
