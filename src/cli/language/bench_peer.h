// llama.cpp's llama-bench beside us, on the same file and threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pliant::cli {

struct PeerRun {
  std::string program, model;
  int threads = 1;
  std::int64_t prompt = 0, tokens = 0, depth = 0;
};

struct PeerSpeed {  // seconds by the clock, of the whole prompt and of one token
  double prompt = 0, token = 0;
};

// One repetition, flash attention on. Throws Error{io} where it cannot be run or fails,
// Error{format} for what it prints.
PeerSpeed run_peer(const PeerRun& run);

}  // namespace pliant::cli
