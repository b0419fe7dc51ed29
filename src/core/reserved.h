// Memory that is only promised: zeros, which take no place until they are touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "core/checked.h"

namespace pliant {

// Anonymous pages of the kernel, which backs each when it is first read or written; 64-byte aligned
// at least.
class Reserved {
 public:
  Reserved() = default;
  Reserved(std::int64_t bytes, std::string_view place);  // throws Error{capacity}
  ~Reserved();
  Reserved(Reserved&& other) noexcept;
  Reserved& operator=(Reserved&& other) noexcept;
  std::byte* data() const { return data_; }
  std::int64_t size() const { return size_; }  // bytes

 private:
  std::byte* data_ = nullptr;
  std::int64_t size_ = 0;
};

// `count` values, all zero.
template <typename T>
class ReservedArray {
 public:
  static_assert(std::is_trivially_copyable_v<T>);
  ReservedArray() = default;
  ReservedArray(std::int64_t count, std::string_view place)
      : memory_(checked_multiply(count, item, place), place) {}
  T* data() const { return reinterpret_cast<T*>(memory_.data()); }
  std::int64_t size() const { return memory_.size() / item; }
  T& operator[](std::int64_t i) const { return data()[i]; }

 private:
  static constexpr auto item = static_cast<std::int64_t>(sizeof(T));
  Reserved memory_;
};

}  // namespace pliant
