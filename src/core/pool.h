// A pool of threads that is passed in, never global. The caller is worker 0; workers spin briefly,
// then sleep. Between calls they hold no lock but the pool's own, so that a process may fork then
// (the child has no workers: it makes a pool of its own).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace pliant {

class ThreadPool {
 public:
  // >= 1, the caller included; throws Error{usage} otherwise, Error{capacity} where the system
  // starts no more.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  int threads() const;

  // Calls task(index, worker) once for each index in [0, count), 0 <= worker < threads(); returns
  // when all are done. Which worker runs an index is not fixed, so a result may depend on the index
  // only. The first exception is rethrown here. One call at a time; a task may not call parallel()
  // on the same pool.
  void parallel(std::int64_t count,
                const std::function<void(std::int64_t index, int worker)>& task);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

int default_threads();  // processors this process may use

}  // namespace pliant
