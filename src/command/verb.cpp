#include "command/verb.h"

namespace pliant {

ThreadPool& Invocation::pool() const {
  if (!pool_)
    pool_ = std::make_unique<ThreadPool>(common.threads > 0 ? static_cast<int>(common.threads)
                                                            : default_threads());
  return *pool_;
}

}  // namespace pliant
