// Runs an image encoder: pictures into rows that a session reads as it reads tokens.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/pool.h"
#include "models/vlm/pixels.h"
#include "models/vlm/vlm.h"

namespace pliant::lm {

struct EncodedImage {
  std::vector<float> rows;  // [count, width of the language model], frame by frame
  std::int64_t count = 0;
  int frame_rows = 0, columns = 0;  // as Pixels has them
  std::uint64_t key = 0;            // of its pixels
};

class ImageEncoder {
 public:
  // Memory is taken here. `pool` must outlive it. Throws as Machine::prepare().
  ImageEncoder(const VisionLanguageModel& model, const PixelOptions& pixels, ThreadPool& pool);
  ~ImageEncoder();
  ImageEncoder(const ImageEncoder&) = delete;

  // One call at a time. Throws as pixels(), Error{cancelled} once `stop`, which may be null, is
  // true between two frames.
  EncodedImage encode(const Image& image, const std::atomic<bool>* stop = nullptr);

  const VlmConfig& config() const;
  std::int64_t bytes() const;  // of weights and arena

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pliant::lm
