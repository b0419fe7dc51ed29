#include "command/verb.h"

namespace pliant {

Pool& Context::pool() const {
  if (!pool_)
    pool_ = std::make_unique<Pool>(common.threads > 0 ? static_cast<int>(common.threads)
                                                      : default_threads());
  return *pool_;
}

}  // namespace pliant
