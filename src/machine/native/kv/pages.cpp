#include "machine/native/kv/pages.h"

#include <fmt/format.h>

#include <cstring>

#include "core/checked.h"
#include "core/error.h"

namespace pliant::kv {

Pages::Pages(std::int64_t count, std::int64_t bytes_each)
    : bytes_each_(bytes_each),
      memory_(checked_multiply(count, bytes_each, "cache"), "cache"),
      uses_(count, "cache"),
      keeps_(count, "cache") {
  free_.reserve(count);
}

PageId Pages::take() {
  PageId id = fresh_;
  if (free_.empty()) ++fresh_;
  else {
    id = free_.back();
    free_.pop_back();
  }
  uses_[id] = 1;
  return id;
}

void Pages::release(PageId id) {
  if (--uses_[id] == 0) free_.push_back(id);
}

void Pages::keep(PageId id) {
  share(id);
  if (keeps_[id]++ == 0) ++kept_;
}

void Pages::forget(PageId id) {
  if (--keeps_[id] == 0) --kept_;
  release(id);
}

PageId Pages::copy(PageId id) {
  const PageId result = take();
  std::memcpy(at(result), at(id), bytes_each_);
  release(id);
  return result;
}

void Pages::check(std::span<const std::int32_t> uses) const {
  const auto fail = [](PageId id, const char* what) {
    throw Error(ErrorKind::internal, fmt::format("cache page {}", id), what);
  };
  if (std::ssize(uses) > fresh_) fail(fresh_, "is used and was never taken");
  std::vector<bool> free(fresh_);
  for (const PageId id : free_) {
    if (id < 0 || id >= fresh_ || free[id]) fail(id, "is free twice, or was never taken");
    free[id] = true;
  }
  std::int64_t kept = 0;
  for (PageId id = 0; id < fresh_; ++id) {
    if (keeps_[id] < 0 || keeps_[id] > uses_[id]) fail(id, "is kept more often than used");
    kept += keeps_[id] > 0 ? 1 : 0;
    const std::int32_t wanted = id < std::ssize(uses) ? uses[id] : 0;
    if (uses_[id] != wanted) fail(id, "counts other uses than it has");
    if (free[id] != (wanted == 0)) fail(id, "is free and used, or neither");
  }
  if (kept != kept_) fail(fresh_, "and those before: others are kept than was counted");
}

std::int64_t PageLayout::bytes() const {
  return page_entries * ((3 + masses) * 4 + keys.bytes() + values.bytes());
}

Page page_at(std::byte* data, const PageLayout& layout) {
  constexpr std::int64_t array = page_entries * 4;
  std::byte* keys = data + (3 + layout.masses) * array;
  return {reinterpret_cast<std::int32_t*>(data),
          reinterpret_cast<std::int32_t*>(data + array),
          reinterpret_cast<float*>(data + 2 * array),
          reinterpret_cast<float*>(data + 3 * array),
          keys,
          keys + page_entries * layout.keys.bytes()};
}

}  // namespace pliant::kv
