#include "core/pool.h"

#include <sched.h>

#include <atomic>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/time/clock.h"

namespace pliant {

// A call is over when its indices are done, not when every worker has looked: one that the system
// has not woken yet must not hold the caller up. It may therefore come late, during another call,
// so an index is claimed together with the call's generation.
struct ThreadPool::State {
  using Task = std::function<void(std::int64_t, int)>;
  static constexpr int index_bits = 40;

  struct Job {
    const Task* task = nullptr;
    std::uint64_t count = 0, generation = 0;
  };

  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<std::uint64_t> generation{0};
  std::atomic<std::uint64_t> claims{0};  // generation and next index
  std::atomic<std::uint64_t> done{0};
  std::atomic<bool> failed{false};
  Job job;
  std::exception_ptr failure;
  std::atomic<bool> stopping{false};
  std::vector<std::thread> workers;
  std::atomic<std::size_t> started{0};
  // Written between calls, and by each worker its own entry before it counts an index as done.
  bool watching = false;
  std::vector<Busy> busy;

  void run(const Task& task, std::int64_t index, int worker) {
    if (!watching) return task(index, worker);
    Busy& mine = busy[static_cast<std::size_t>(worker)];
    if (mine.tasks++ == 0) mine.begin = mine.end = steady_seconds();
    task(index, worker);
    mine.end = steady_seconds();
  }

  static std::uint64_t first_claim(std::uint64_t generation) { return generation << index_bits; }

  // The next index of the job; its count if none is left or the job is over.
  std::uint64_t claim(const Job& of) {
    constexpr std::uint64_t mask = (std::uint64_t{1} << index_bits) - 1;
    std::uint64_t now = claims.load(std::memory_order_acquire);
    do {
      if ((now & ~mask) != first_claim(of.generation) || (now & mask) >= of.count) return of.count;
    } while (!claims.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel));
    return now & mask;
  }

  void work(const Job& mine, int worker) {
    for (std::uint64_t i = claim(mine); i < mine.count; i = claim(mine)) {
      try {
        if (!failed.load(std::memory_order_relaxed))
          run(*mine.task, static_cast<std::int64_t>(i), worker);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        failed = true;
      }
      done.fetch_add(1, std::memory_order_release);
    }
  }

  void loop(int worker) {
    std::uint64_t seen = 0;
    while (true) {
      // By the clock, not by a count: where others want the processor one yield may take
      // milliseconds.
      const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(100);
      while (!stopping && generation.load(std::memory_order_acquire) == seen &&
             std::chrono::steady_clock::now() < until)
        std::this_thread::yield();
      Job mine;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return stopping || generation != seen; });
        if (stopping) return;
        seen = generation;
        mine = job;
      }
      work(mine, worker);
    }
  }

  void start(int threads) {
    try {
      for (int worker = 1; worker < threads; ++worker)
        workers.emplace_back([this, worker] {
          started.fetch_add(1);
          started.notify_one();
          loop(worker);
        });
    } catch (const std::system_error& error) {
      const std::size_t started = workers.size() + 1;
      stop();
      throw Error(ErrorKind::capacity, "--threads",
                  "the system refuses a thread after " + std::to_string(started) + ": " +
                      error.code().message(),
                  "fewer threads");
    }
    // A thread that is still beginning holds locks of the allocator: a process forked just then
    // would wait for them for ever.
    for (std::size_t now = started; now < workers.size(); now = started) started.wait(now);
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    for (std::thread& worker : workers) worker.join();
  }

  Job begin(const Task& task, std::int64_t count) {
    const std::lock_guard lock(mutex);
    job = {&task, static_cast<std::uint64_t>(count), generation + 1};
    failure = nullptr;
    failed = false;
    done = 0;
    claims = first_claim(job.generation);
    generation = job.generation;
    return job;
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  if (threads < 1 || threads > 1024)
    throw Error(ErrorKind::usage, "--threads",
                std::to_string(threads) + " is not between 1 and 1024");
  state_->start(threads);
}

ThreadPool::~ThreadPool() { state_->stop(); }

int ThreadPool::threads() const { return state_->workers.size() + 1; }

void ThreadPool::parallel(std::int64_t count, const std::function<void(std::int64_t, int)>& task) {
  if (count <= 0) return;
  if (state_->workers.empty() || count == 1) {
    for (std::int64_t i = 0; i < count; ++i) state_->run(task, i, 0);
    return;
  }
  assert(count < std::int64_t{1} << State::index_bits);
  const State::Job job = state_->begin(task, count);
  state_->wake.notify_all();
  state_->work(job, 0);
  while (state_->done.load(std::memory_order_acquire) < job.count) std::this_thread::yield();
  if (state_->failure) std::rethrow_exception(state_->failure);
}

void ThreadPool::watch(bool on) {
  state_->watching = on;
  state_->busy.assign(on ? static_cast<std::size_t>(threads()) : 0, {});
}

std::span<const Busy> ThreadPool::busy() const { return state_->busy; }

int default_threads() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return std::thread::hardware_concurrency();
}

}  // namespace pliant
