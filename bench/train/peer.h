// PyTorch's training steps of the same shape, in a process of the Python that the environment
// variable PLIANT_PEER_TORCH names.
#pragma once

#include <string_view>

#include "models/language/language.h"

namespace pliant::bench {

bool has_peer();  // whether the variable is set

class Peer {
 public:
  // Throws std::runtime_error, as step() does, where the peer fails.
  Peer(const LanguageConfig& config, bool bf16);
  ~Peer();
  Peer(const Peer&) = delete;
  // "eager" or "compiled": one step; CPU seconds, on one thread.
  double step(std::string_view how);

 private:
  std::string line();

  int child_ = -1, socket_ = -1;
};

}  // namespace pliant::bench
