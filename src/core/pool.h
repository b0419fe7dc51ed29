// A pool of threads that is passed in, never global. The caller is worker 0; workers spin briefly,
// then sleep. Between calls they hold no lock but the pool's own, so that a process may fork then
// (the child has no workers: it makes a pool of its own).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace pliant {

// What a worker did: how many indices it ran, from when to when by the steady clock, in seconds.
struct alignas(64) Busy {
  double begin = 0, end = 0;
  std::int64_t tasks = 0;
};

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

  // Between calls: from now on busy() tells of all calls, or of none (as at first), which costs a
  // look at the clock for each index.
  void watch(bool on);
  std::span<const Busy> busy() const;  // by worker, since watch(); valid until the next call

 private:
  struct State;
  std::unique_ptr<State> state_;
};

int default_threads();  // processors this process may use

}  // namespace pliant
