// Steps fused, unfused, and by PyTorch in turn.
#pragma once

namespace pliant::bench {

struct Speed {
  int repeats = 7;
  bool compiled = true;  // the peer's other way, whose start takes minutes
};
void compare_speed(const Speed& how);

}  // namespace pliant::bench
