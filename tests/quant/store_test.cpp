#include "quant/store.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "core/error.h"

namespace pliant {
namespace {

ErrorKind kind_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::io;
}

TEST(Encoding, NamesRoundTrip) {
  EXPECT_EQ(encoding_from_name(name(Encoding::plain)), Encoding::plain);
  EXPECT_EQ(kind_of([] { encoding_from_name("Q99"); }), ErrorKind::format);
}

TEST(Encoding, BytesOfPlainAreElementsTimesSize) {
  EXPECT_EQ(encoded_bytes({DType::f16, {3, 5}}, Encoding::plain), 30);
  EXPECT_EQ(encoded_bytes({DType::f64, {}}, Encoding::plain), 8);
  const auto huge = std::numeric_limits<std::int64_t>::max() / 4;
  EXPECT_EQ(kind_of([&] {
              encoded_bytes({DType::f64, {huge, 3}}, Encoding::plain);
            }),
            ErrorKind::invalid);
}

TEST(Encoding, SixteenBitFloatsAreLogicalF32OfAnyShape) {
  const Tensor half = Tensor::of(DType::f16, {3}, {1.5, -2, 65504}),
               brain = Tensor::of(DType::bf16, {}, {3});
  const Tensor decoded = decode({{DType::f32, {3}}, Encoding::f16, half.raw()});
  EXPECT_EQ(decoded.type(), (TensorType{DType::f32, {3}}));
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_EQ(get(decoded.view(), i), get(half.view(), i));
  EXPECT_EQ(get(decode({{DType::f32, {}}, Encoding::bf16, brain.raw()}).view(), 0), 3);
  EXPECT_EQ(encoding_from_name("BF16"), Encoding::bf16);
  check_finite({{DType::f32, {3}}, Encoding::f16, half.raw()}, "w");
  const Tensor infinite = Tensor::of(DType::bf16, {2}, {1, INFINITY});
  EXPECT_EQ(kind_of([&] {
              check_finite({{DType::f32, {2}}, Encoding::bf16, infinite.raw()}, "w");
            }),
            ErrorKind::invalid);
  EXPECT_EQ(kind_of([&] { encoded_bytes({DType::i32, {2}}, Encoding::f16); }), ErrorKind::invalid);
}

TEST(WeightStore, FindsWhatWasAdded) {
  WeightStore store;
  store.add("b", Tensor::of(DType::f32, {2}, {1, 2}));
  store.add("a", Tensor::of(DType::i32, {1}, {7}));
  ASSERT_NE(store.find("b"), nullptr);
  EXPECT_EQ(store.at("b").type, (TensorType{DType::f32, {2}}));
  EXPECT_EQ(get(decode(store.at("b")).view(), 1), 2);
  EXPECT_EQ(store.find("c"), nullptr);
  EXPECT_EQ(kind_of([&] { store.at("c"); }), ErrorKind::not_found);
  std::vector<std::string> order;
  store.for_each([&](const std::string& name, const Stored&) { order.push_back(name); });
  EXPECT_EQ(order, (std::vector<std::string>{"a", "b"}));
}

TEST(WeightStore, KeepsTheOwnerAliveThroughCopies) {
  auto owner = std::make_shared<Tensor>(Tensor::of(DType::f32, {2}, {3, 4}));
  std::weak_ptr<Tensor> watch = owner;
  WeightStore copy;
  {
    WeightStore store;
    store.add("w", {owner->type(), Encoding::plain, owner->raw()}, owner);
    copy = store;
  }
  owner.reset();
  ASSERT_FALSE(watch.expired());
  EXPECT_EQ(copy.at("w").bytes.data(), watch.lock()->raw().data());
  copy = {};
  EXPECT_TRUE(watch.expired());
}

TEST(WeightStore, RefusesATakenNameAndAWrongByteCount) {
  WeightStore store;
  store.add("w", Tensor::of(DType::f32, {1}, {1}));
  EXPECT_EQ(kind_of([&] { store.add("w", Tensor::of(DType::f32, {1}, {2})); }), ErrorKind::invalid);
  const std::vector<std::byte> few(7);
  EXPECT_EQ(kind_of([&] {
              store.add("x", {{DType::f32, {2}}, Encoding::plain, few}, nullptr);
            }),
            ErrorKind::invalid);
  EXPECT_EQ(kind_of([&] {
              decode({{DType::f32, {2}}, Encoding::plain, few});
            }),
            ErrorKind::invalid);
  EXPECT_EQ(store.size(), 1u);
}

TEST(WeightStore, HoldsEmptyTensors) {
  WeightStore store;
  store.add("empty", Tensor({DType::f32, {0, 3}}));
  EXPECT_EQ(elements(decode(store.at("empty")).type().shape), 0);
}

}  // namespace
}  // namespace pliant
