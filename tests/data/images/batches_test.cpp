#include "data/images/batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "data/images/shapes.h"
#include "errors.h"

namespace pliant::data {
namespace {

// Image i is all i, of class i % 3.
class Numbered : public ImageSet {
 public:
  std::int64_t size() const override { return 50; }
  const std::vector<std::string>& classes() const override { return classes_; }
  LabelledImage at(std::int64_t index) const override {
    return {{4, 4, std::vector<std::uint8_t>(48, static_cast<std::uint8_t>(index))}, index % 3};
  }

 private:
  std::vector<std::string> classes_{"a", "b", "c"};
};

ImageBatchOptions options() {
  ImageBatchOptions result;
  result.batch = 8;
  result.augment.side = 4;
  return result;
}

TEST(ImageBatches, ShowEachImageAtMostOnceInAnEpoch) {
  const Numbered set;
  const ImageBatches batches(set, options());
  ASSERT_EQ(batches.per_epoch(), 6);
  std::vector<std::vector<int>> orders;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::map<int, int> seen;
    std::vector<int>& order = orders.emplace_back();
    for (int step = 0; step < 6; ++step) {
      const ImageTensors batch = batches.plain(epoch * 6 + step);
      for (std::int64_t i = 0; i < 8; ++i) {
        const int number = static_cast<int>(get(batch.images.view(), i * 48) * 255 + 0.5);
        EXPECT_EQ(++seen[number], 1);
        EXPECT_EQ(get(batch.targets.view(), i * 3 + number % 3), 1);
        order.push_back(number);
      }
    }
    EXPECT_EQ(seen.size(), 48U);
  }
  EXPECT_NE(orders[0], orders[1]);
}

std::vector<float> values(const Tensor& tensor) {
  return {tensor.span<float>().begin(), tensor.span<float>().end()};
}

TEST(ImageBatches, DependOnSeedAndNumberAlone) {
  const Shapes set({.count = 64, .side = 24});
  ImageBatchOptions given = options();
  given.augment.side = 20;
  given.mix = {.mixup = 0.5, .cutmix = 0.5};
  given.erase = 0.5;
  const ImageBatches first(set, given), second(set, given);
  given.seed = 2;
  const ImageBatches other(set, given);
  for (const std::int64_t step : {11, 3, 11}) {
    const ImageTensors a = first.training(step), b = second.training(step);
    EXPECT_EQ(values(a.images), values(b.images));
    EXPECT_EQ(values(a.targets), values(b.targets));
    EXPECT_NE(values(a.images), values(other.training(step).images));
    EXPECT_NE(values(a.images), values(first.training(step + 1).images));
    for (std::int64_t i = 0; i < 8; ++i) {
      double sum = 0;
      for (std::int64_t k = 0; k < 16; ++k) sum += get(a.targets.view(), i * 16 + k);
      EXPECT_NEAR(sum, 1, 1e-5);
    }
  }
}

TEST(ImageBatches, RefuseFewerImagesThanABatchHas) {
  const Numbered set;
  ImageBatchOptions given = options();
  given.batch = 51;
  EXPECT_EQ(error_of([&] { ImageBatches(set, given); }),
            "batch: 51 images of 50 (take smaller batches or more images)");
}

TEST(DistributionsOf, LabelsAreSmoothed) {
  const Tensor got = distributions_of(std::vector<std::int64_t>{1, 0}, 4, 0.2);
  const float rest = 0.05F, own = 0.05F + 0.8F;
  const std::vector<float> wanted{rest, own, rest, rest, own, rest, rest, rest};
  for (std::size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(got.span<float>()[i], wanted[i], 1e-7);
  EXPECT_EQ(error_of([] { distributions_of(std::vector<std::int64_t>{4}, 4, 0); }),
            "label: 4 of 4 classes");
  EXPECT_EQ(error_of([] { distributions_of({}, 4, 1); }), "smoothing: 1 is not in [0, 1)");
}

}  // namespace
}  // namespace pliant::data
