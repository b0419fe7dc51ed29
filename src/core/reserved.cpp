#include "core/reserved.h"

#include <sys/mman.h>

#include <cassert>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/units.h"

namespace pliant {

Reserved::Reserved(std::int64_t bytes, std::string_view place) : size_(bytes) {
  assert(bytes >= 0);
  if (bytes == 0) return;
  void* address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED)
    throw Error(ErrorKind::capacity, std::string(place),
                "cannot reserve " + bytes_text(bytes) + " of addresses",
                "ask for less, or raise the limit of the system (ulimit -v)");
  data_ = static_cast<std::byte*>(address);
}

Reserved::~Reserved() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

Reserved::Reserved(Reserved&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Reserved& Reserved::operator=(Reserved&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace pliant
