#include "graph/one_operator.h"

namespace pliant {
namespace {

using namespace oracle;

std::vector<double> moved(const Kind& kind, const Tensor& x) {
  return values(run(kind, list(x.copy()))[0]);
}

TEST(ReferenceSlice, StepsForwardsAndBackwards) {
  const Tensor x = counting(DType::f32, {3, 4});
  EXPECT_EQ(moved(kind::Slice{{1, 0}, {2, 2}, {1, 2}}, x), (std::vector<double>{4, 6, 8, 10}));
  EXPECT_EQ(moved(kind::Slice{{2, 3}, {3, 2}, {-1, -3}}, x),
            (std::vector<double>{11, 8, 7, 4, 3, 0}));
  EXPECT_TRUE(moved(kind::Slice{{0, 0}, {0, 4}, {1, 1}}, x).empty());
}

TEST(ReferenceConcat, JoinsAlongAnyAxis) {
  const Tensor a = Tensor::of(DType::i32, {2, 1}, {1, 2}),
               b = Tensor::of(DType::i32, {2, 2}, {3, 4, 5, 6});
  EXPECT_EQ(values(run(kind::Concat{1}, list(a.copy(), b.copy(), a.copy()))[0]),
            (std::vector<double>{1, 3, 4, 1, 2, 5, 6, 2}));
  EXPECT_EQ(values(run(kind::Concat{0},
                       list(b.copy(), Tensor(TensorType{DType::i32, {0, 2}}), b.copy()))[0]),
            (std::vector<double>{3, 4, 5, 6, 3, 4, 5, 6}));
}

TEST(ReferencePad, Modes) {
  const Tensor x = Tensor::of(DType::f32, {3}, {1, 2, 3});
  EXPECT_EQ(moved(kind::Pad{{2}, {1}, {0}, kind::PadMode::constant, 9}, x),
            (std::vector<double>{9, 9, 1, 2, 3, 9}));
  EXPECT_EQ(moved(kind::Pad{{2}, {1}, {0}, kind::PadMode::edge, 0}, x),
            (std::vector<double>{1, 1, 1, 2, 3, 3}));
  EXPECT_EQ(moved(kind::Pad{{2}, {2}, {0}, kind::PadMode::reflect, 0}, x),
            (std::vector<double>{3, 2, 1, 2, 3, 2, 1}));
  EXPECT_EQ(moved(kind::Pad{{-1}, {1}, {0}, kind::PadMode::constant, 0}, x),
            (std::vector<double>{2, 3, 0}));
  EXPECT_EQ(moved(kind::Pad{{1}, {-1}, {2}, kind::PadMode::constant, 7}, x),
            (std::vector<double>{7, 1, 7, 7, 2, 7, 7}));
}

TEST(ReferencePad, FillsWholeLinesOutside) {
  const Tensor x = Tensor::of(DType::f32, {1, 2}, {1, 2});
  EXPECT_EQ(moved(kind::Pad{{1, 0}, {1, 1}, {0, 0}, kind::PadMode::constant, 5}, x),
            (std::vector<double>{5, 5, 5, 1, 2, 5, 5, 5, 5}));
}

TEST(ReferenceWindow, AddsAnAxisPerWindow) {
  const auto out = run(kind::Window{{0}, {2}, {2}, {2}}, list(counting(DType::i32, {7, 1})));
  EXPECT_EQ(out[0].type().shape, (Shape{3, 1, 2}));
  EXPECT_EQ(values(out[0]), (std::vector<double>{0, 2, 2, 4, 4, 6}));
  const auto two =
      run(kind::Window{{1, 0}, {2, 1}, {1, 1}, {1, 1}}, list(counting(DType::i32, {2, 3})));
  EXPECT_EQ(two[0].type().shape, (Shape{2, 2, 2, 1}));
  EXPECT_EQ(values(two[0]), (std::vector<double>{0, 1, 1, 2, 3, 4, 4, 5}));
}

TEST(ReferenceGather, EmbedsAndTakesAlong) {
  const Tensor x = counting(DType::f32, {3, 2});
  EXPECT_EQ(values(run(kind::Gather{0, 0},
                       list(x.copy(), Tensor::of(DType::i32, {2, 2}, {2, 0, 1, 1})))[0]),
            (std::vector<double>{4, 5, 0, 1, 2, 3, 2, 3}));
  EXPECT_EQ(values(run(kind::Gather{1, 0}, list(x.copy(), Tensor::of(DType::i64, {1}, {1})))[0]),
            (std::vector<double>{1, 3, 5}));
  EXPECT_EQ(
      values(run(kind::Gather{1, 1}, list(x.copy(), Tensor::of(DType::i32, {3, 1}, {1, 0, 1})))[0]),
      (std::vector<double>{1, 2, 5}));
  EXPECT_EQ(
      values(run(kind::Gather{1, 1}, list(x.copy(), Tensor::of(DType::i32, {3}, {1, 0, 1})))[0]),
      (std::vector<double>{1, 2, 5}));
}

TEST(ReferenceGather, RefusesAnIndexOutOfRange) {
  for (const double wrong : {-1.0, 3.0}) {
    const Error error = thrown_by([&] {
      run(kind::Gather{0, 0},
          list(counting(DType::f32, {3, 2}), Tensor::of(DType::i32, {2}, {0, wrong})));
    });
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    EXPECT_EQ(error.place(), "op");
    EXPECT_NE(error.problem().find(std::to_string(static_cast<int>(wrong))), std::string::npos)
        << error.what();
  }
}

TEST(ReferenceMove, EveryTypeMovesAlike) {
  const std::vector<Kind> kinds{
      kind::Reshape{{4, 3, 2}},
      kind::Slice{{1, 3, 0}, {1, 2, 2}, {1, -2, 1}},
      kind::Pad{{1, 0, -1}, {0, 1, 2}, {0, 1, 0}, kind::PadMode::constant, 1},
      kind::Pad{{1, 2, 0}, {0, 1, 1}, {0, 0, 0}, kind::PadMode::reflect, 0},
      kind::Window{{1}, {2}, {1}, {2}},
      kind::Einsum{{"abc"}, "cab"},
      kind::Concat{2}};
  for (const Kind& kind : kinds) {
    Tensor x(TensorType{DType::f64, {2, 4, 3}});
    for (std::int64_t i = 0; i < 24; ++i) set(x.view(), i, static_cast<double>(i % 2));
    const auto wanted = moved(kind, x);
    for (int d = 0; d < dtype_count; ++d) {
      Tensor typed(TensorType{static_cast<DType>(d), {2, 4, 3}});
      for (std::int64_t i = 0; i < 24; ++i) set(typed.view(), i, get(x.view(), i));
      EXPECT_EQ(moved(kind, typed), wanted) << name(kind) << " " << name(static_cast<DType>(d));
    }
  }
}

TEST(ReferenceOpaque, IsRefusedByName) {
  const Error error = thrown_by([] {
    run(kind::Opaque{"ai.onnx", "NonZero", "", {{DType::i64, {1}}}},
        list(Tensor(TensorType{DType::f32, {2}})));
  });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_NE(error.problem().find("NonZero"), std::string::npos);
}

}  // namespace
}  // namespace pliant
