// Training by several processes, each on a part of every batch: libtorch's own engine (c10d, Gloo).
#pragma once

#include <memory>
#include <span>

namespace pliant::aten {

// The processes that train together. All of them make the same calls in the same order; one that
// is lost makes the calls of the others throw Error{io}. One thread at a time.
class Workers {
 public:
  // As torchrun sets it: RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT. Null for a process that trains
  // alone: without WORLD_SIZE, or where it is 1. Waits for the others. Throws Error{usage} for
  // variables that are missing or make no sense, Error{io} when the others do not come.
  static std::unique_ptr<Workers> from_environment();
  ~Workers();

  int rank() const;  // from 0
  int size() const;
  // Afterwards everyone has the sums over all, the same bits.
  void sum(std::span<double> values);

  struct Group;
  Group& group() { return *group_; }

 private:
  explicit Workers(std::unique_ptr<Group> group);
  std::unique_ptr<Group> group_;
};

}  // namespace pliant::aten
