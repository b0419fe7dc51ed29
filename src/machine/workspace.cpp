#include "core/error.h"
#include "machine/machine.h"

namespace pliant {

Workspace::Workspace(const Need& need, Pool& pool)
    : arena_(TensorType{DType::u8, {need.arena_bytes}}),
      scratch_(TensorType{DType::u8, {need.scratch_per_thread * pool.threads()}}),
      arena_bytes_(arena_.span<std::byte>()),
      scratch_start_(scratch_.view().data),
      scratch_per_thread_(need.scratch_per_thread),
      pool_(&pool) {}

bool Workspace::covers(const Need& need) const {
  return static_cast<std::int64_t>(arena_bytes_.size()) >= need.arena_bytes &&
         scratch_per_thread_ >= need.scratch_per_thread;
}

}  // namespace pliant
