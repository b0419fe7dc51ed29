#include "data/images/batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/rng.h"
#include "data/shards/order.h"

namespace pliant::data {
namespace {

std::uint64_t stream_of(std::int64_t number) { return static_cast<std::uint64_t>(number); }

}  // namespace

Tensor distributions_of(std::span<const std::int64_t> labels, std::int64_t classes,
                        double smoothing) {
  if (!(smoothing >= 0 && smoothing < 1))
    throw Error(ErrorKind::invalid, "smoothing", fmt::format("{} is not in [0, 1)", smoothing));
  Tensor result({DType::f32, {std::ssize(labels), classes}});
  const std::span<float> out = result.span<float>();
  std::ranges::fill(out, static_cast<float>(smoothing / static_cast<double>(classes)));
  for (std::int64_t row = 0; const std::int64_t label : labels) {
    if (label < 0 || label >= classes)
      throw Error(ErrorKind::invalid, "label", fmt::format("{} of {} classes", label, classes));
    out[row++ * classes + label] += static_cast<float>(1 - smoothing);
  }
  return result;
}

ImageBatches::ImageBatches(const ImageSet& images, const ImageBatchOptions& options)
    : images_(images), options_(options) {
  if (options.batch <= 0 || images.size() < options.batch)
    throw Error(ErrorKind::invalid, "batch",
                fmt::format("{} images of {}", options.batch, images.size()),
                "take smaller batches or more images");
}

std::int64_t ImageBatches::index(std::int64_t step, std::int64_t place) const {
  const std::int64_t epoch = step / per_epoch(), begun = step % per_epoch() * options_.batch;
  return Permutation(images_.size(), Rng(options_.seed, stream_of(epoch)).bits())(begun + place);
}

template <typename Prepare>
ImageTensors ImageBatches::gathered(std::int64_t step, double smoothing, Prepare&& prepare) const {
  const std::int64_t side = options_.augment.side;
  Tensor images({DType::f32, {options_.batch, 3, side, side}});
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < options_.batch; ++i) {
    const LabelledImage each = images_.at(index(step, i));
    const Tensor one = to_tensor(prepare(each.image, step * options_.batch + i), ImageLayout::nchw,
                                 options_.normalization);
    const std::span<const float> values = one.span<float>();
    std::ranges::copy(values, images.span<float>().begin() + i * std::ssize(values));
    labels.push_back(each.label);
  }
  return {std::move(images), distributions_of(labels, std::ssize(images_.classes()), smoothing)};
}

ImageTensors ImageBatches::training(std::int64_t step) const {
  // streams of their own, so that no batch's changes depend on how another was made
  const std::uint64_t of_images = hash64("images", options_.seed),
                      of_batches = hash64("batches", options_.seed);
  ImageTensors result =
      gathered(step, options_.smoothing, [&](const Image& image, std::int64_t number) {
        Rng rng(of_images, stream_of(number));
        return augment(image, options_.augment, rng);
      });
  Rng rng(of_batches, stream_of(step));
  mix(result.images.view(), result.targets.view(), options_.mix, rng);
  erase(result.images.view(), options_.erase, rng);
  return result;
}

ImageTensors ImageBatches::plain(std::int64_t step) const {
  const int side = options_.augment.side;
  return gathered(step, 0, [&](const Image& image, std::int64_t) {
    return resize_and_crop(image, side, side);
  });
}

}  // namespace pliant::data
