#include "core/error.h"
#include "machine/machine.h"

namespace pliant {

Workspace::Workspace(const Need& need, ThreadPool& pool)
    : arena_(TensorType{DType::u8, {need.arena_bytes}}),
      arena_bytes_(arena_.span<std::byte>()),
      pool_(&pool) {}

bool Workspace::covers(const Need& need) const {
  return std::ssize(arena_bytes_) >= need.arena_bytes;
}

}  // namespace pliant
