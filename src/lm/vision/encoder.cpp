#include "lm/vision/encoder.h"

#include <algorithm>

#include "core/error.h"
#include "core/rng.h"
#include "machine/native/native.h"
#include "machine/native/program.h"

namespace pliant::lm {

struct ImageEncoder::State {
  State(const VisionLanguageModel& model, const PixelOptions& options, ThreadPool& pool)
      : config(model.config),
        pixel_options(options),
        machine(pool),
        program(machine.compile(std::make_shared<const Graph>(image_graph(config)), model.weights)),
        workspace(program->need(), pool) {
    model.weights->for_each([&](const std::string&, const Stored& stored) {
      weight_bytes += std::ssize(stored.bytes);
    });
    weight_bytes += machine.weight_copies();
  }

  VlmConfig config;
  PixelOptions pixel_options;
  native::Machine machine;
  std::unique_ptr<native::Program> program;
  Workspace workspace;
  std::int64_t weight_bytes = 0;
};

ImageEncoder::ImageEncoder(const VisionLanguageModel& model, const PixelOptions& pixels,
                           ThreadPool& pool)
    : state_(std::make_unique<State>(model, pixels, pool)) {}

ImageEncoder::~ImageEncoder() = default;

EncodedImage ImageEncoder::encode(const Image& image, const std::atomic<bool>* stop) {
  const Pixels seen = pixels(image, state_->pixel_options);
  const std::int64_t rows = state_->config.rows(), width = state_->config.text_width;
  EncodedImage result;
  result.count = rows * std::ssize(seen.frames);
  result.rows.resize(result.count * width);
  result.frame_rows = seen.rows;
  result.columns = seen.columns;
  result.key = hash64({reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()},
                      static_cast<std::uint64_t>(image.width));
  for (std::size_t i = 0; i < seen.frames.size(); ++i) {
    if (stop != nullptr && *stop)
      throw Error(ErrorKind::cancelled, "image", "ended before it was read");
    float* out = result.rows.data() + static_cast<std::int64_t>(i) * rows * width;
    const TensorView input = seen.frames[i].view();
    const Tensor one({DType::f32, {rows, width}});  // outputs are bound aligned
    const TensorView output = one.view();
    state_->program->run({{&input, 1}, {&output, 1}}, state_->workspace);
    std::ranges::copy(one.span<float>(), out);
  }
  return result;
}

const VlmConfig& ImageEncoder::config() const { return state_->config; }

std::int64_t ImageEncoder::bytes() const {
  return state_->weight_bytes + state_->program->need().arena_bytes;
}

}  // namespace pliant::lm
