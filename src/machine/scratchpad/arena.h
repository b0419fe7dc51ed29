// Memory of exactly M bytes between pages that cannot be touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pliant::scratchpad {

// What freed and unwritten bytes hold: as f32 a signalling NaN, as an integer an absurd value.
void poison(std::span<std::byte> bytes);

// The arena starts at a 64-byte boundary and ends less than 64 bytes before an inaccessible page;
// the bytes in between and those down to the inaccessible page below are canaries. Touching a guard
// page ends the process by a signal.
class Arena {
 public:
  explicit Arena(std::int64_t size);  // poisoned; throws Error{capacity}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  std::span<std::byte> bytes() const { return {base_, static_cast<std::size_t>(size_)}; }
  bool intact() const;  // no canary has changed

 private:
  std::span<std::byte> below() const;
  std::span<std::byte> above() const;
  std::byte* map_ = nullptr;
  std::size_t mapped_ = 0;
  std::byte* base_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace pliant::scratchpad
