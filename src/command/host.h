// What the operating system says about this computer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pliant {

struct Host {
  std::string system, architecture, cpu;
  std::vector<std::string> features;  // SIMD and matrix extensions the processor names
  int threads = 0;                    // processors this process may use
  std::int64_t memory_bytes = 0, available_bytes = 0;
  bool amx_permitted = false;
};

Host inspect_host();

// The most memory that this process ever had.
std::int64_t peak_resident_bytes();

}  // namespace pliant
