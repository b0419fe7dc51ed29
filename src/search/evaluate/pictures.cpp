#include "search/evaluate/pictures.h"

#include "core/error.h"

namespace pliant::search {

Pictures::Pictures(const data::ImageBatches& batches, std::int64_t count, std::int64_t most_bytes)
    : batches_(batches), count_(count), most_bytes_(most_bytes) {
  if (count < 1) throw Error(ErrorKind::invalid, "pictures", "there is no batch of them");
}

const data::ImageTensors& Pictures::at(std::int64_t batch) {
  if (batch < std::ssize(kept_)) return kept_[static_cast<std::size_t>(batch)];
  data::ImageTensors made = batches_.plain(batch);
  const std::int64_t bytes = std::ssize(made.images.raw());
  if (batch != std::ssize(kept_) || bytes_ + bytes > most_bytes_) return last_ = std::move(made);
  bytes_ += bytes;
  return kept_.emplace_back(std::move(made));
}

}  // namespace pliant::search
