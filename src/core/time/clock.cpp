#include "core/time/clock.h"

#include <chrono>

namespace pliant {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace pliant
