// Pictures that subnets are judged by.
#pragma once

#include <cstdint>
#include <vector>

#include "data/images/batches.h"

namespace pliant::search {

// The first `count` batches of a set, as they are, made once and kept where `most_bytes` allow,
// else made each time.
class Pictures {
 public:
  // `batches` must outlive this. Throws Error{invalid} for none.
  Pictures(const data::ImageBatches& batches, std::int64_t count,
           std::int64_t most_bytes = std::int64_t{1} << 30);
  std::int64_t count() const { return count_; }
  // Valid until the next call. Throws as ImageBatches::plain().
  const data::ImageTensors& at(std::int64_t batch);

 private:
  const data::ImageBatches& batches_;
  std::int64_t count_, most_bytes_, bytes_ = 0;
  std::vector<data::ImageTensors> kept_;
  data::ImageTensors last_;
};

}  // namespace pliant::search
