// Parameters, gradients and moments as flat arrays; every parameter is a view at one offset in all
// of them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "machine/torch/kinds/ops.h"
#include "machine/torch/learner.h"

namespace pliant::aten {

struct Slot {
  std::string name;
  Shape shape;
  std::int64_t offset = 0, count = 0;
  std::vector<std::int64_t> blocks;  // of rows; empty: all of them
};

struct Range {  // of one group, its slots one behind the other
  Group group;  // without its parameters, which are slots
  std::size_t first_slot = 0, last_slot = 0;
  std::int64_t offset = 0, count = 0;
};

class Buckets {
 public:
  // Throws as Learner().
  Buckets(const WeightStore& weights, std::vector<Group> groups, const at::Device& device,
          bool half);

  const std::vector<Slot>& slots() const { return slots_; }
  const std::vector<Range>& ranges() const { return ranges_; }
  const Slot* find(std::string_view name) const;
  const Slot& at(std::string_view name) const;  // throws Error{not_found}

  // A slot's part of a bucket, in its shape.
  static at::Tensor view(const at::Tensor& bucket, const Slot& slot);
  // The parameter as a leaf whose gradient adds up in `gradients`.
  const at::Tensor& leaf(const Slot& slot) const;

  void refresh_halves();  // after parameters have changed
  std::int64_t bytes() const;

  at::Tensor parameters, gradients, first, second;
  at::Tensor halves;   // bf16; undefined: products are not
  at::Tensor average;  // undefined: none yet

 private:
  void add_group(const WeightStore& weights, Group group);
  void fill(const WeightStore& weights, const at::Device& device);

  std::vector<Slot> slots_;
  std::vector<Range> ranges_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  Tensors leaves_;
  std::int64_t size_ = 0;
};

}  // namespace pliant::aten
