#include "machine/scratchpad/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "core/checked.h"
#include "core/error.h"

namespace pliant::scratchpad {
namespace {

constexpr std::array<std::byte, 4> poison_pattern{std::byte{0xa5}, std::byte{0xa5}, std::byte{0xa5},
                                                  std::byte{0x7f}};
constexpr std::byte canary{0xc3};
constexpr std::int64_t alignment = 64;

}  // namespace

void poison(std::span<std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = poison_pattern[i % poison_pattern.size()];
}

Arena::Arena(std::int64_t size) : size_(size) {
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  if (size < 0 || size > (std::int64_t{1} << 46))
    throw Error(ErrorKind::capacity, "scratchpad",
                "cannot make an arena of " + std::to_string(size) + " bytes");
  const std::int64_t inside = round_up(std::max(round_up(size, alignment), std::int64_t{1}), page);
  mapped_ = inside + 2 * page;
  void* map = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED)
    throw Error(ErrorKind::capacity, "scratchpad", "cannot map " + std::to_string(size) + " bytes");
  map_ = static_cast<std::byte*>(map);
  if (mprotect(map_ + page, inside, PROT_READ | PROT_WRITE) != 0) {
    munmap(map_, mapped_);
    throw Error(ErrorKind::capacity, "scratchpad", "cannot map " + std::to_string(size) + " bytes");
  }
  base_ = map_ + page + inside - round_up(size, alignment);
  std::ranges::fill(below(), canary);
  std::ranges::fill(above(), canary);
  poison(bytes());
}

Arena::~Arena() { munmap(map_, mapped_); }

std::span<std::byte> Arena::below() const {
  std::byte* start = map_ + sysconf(_SC_PAGESIZE);
  return {start, base_};
}

std::span<std::byte> Arena::above() const {
  std::byte* end = map_ + mapped_ - sysconf(_SC_PAGESIZE);
  return {base_ + size_, end};
}

bool Arena::intact() const {
  const auto untouched = [](std::byte value) { return value == canary; };
  return std::ranges::all_of(below(), untouched) && std::ranges::all_of(above(), untouched);
}

}  // namespace pliant::scratchpad
