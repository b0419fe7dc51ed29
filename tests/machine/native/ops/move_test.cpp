#include "machine/native/check.h"

namespace pliant::native {
namespace {

using oracle::counting;
using oracle::integers;
using oracle::list;

const std::vector<DType> all_sizes{DType::boolean, DType::i8,  DType::f16,
                                   DType::f32,     DType::i64, DType::f64};

TEST(NativeMove, ReshapeSliceConcatForEveryType) {
  for (const DType dtype : all_sizes) {
    SCOPED_TRACE(pliant::name(dtype));
    check(kind::Reshape{{4, 15}}, list(counting(dtype, {3, 4, 5})), 0);
    check(kind::Slice{{1, 3, 0}, {2, 2, 5}, {1, -2, 1}}, list(counting(dtype, {3, 4, 5})), 0);
    check(kind::Slice{{2, 0, 4}, {3, 1, 2}, {-1, 1, -3}}, list(counting(dtype, {3, 4, 5})), 0);
    for (int axis = 0; axis < 3; ++axis)
      check(kind::Concat{axis},
            list(counting(dtype, {3, 4, 5}), counting(dtype, axis == 1   ? Shape{3, 2, 5}
                                                             : axis == 0 ? Shape{1, 4, 5}
                                                                         : Shape{3, 4, 7})),
            0);
  }
}

TEST(NativeMove, PadsOfEveryMode) {
  using kind::PadMode;
  for (const DType dtype : all_sizes) {
    SCOPED_TRACE(pliant::name(dtype));
    check(kind::Pad{{1, 2, 0}, {0, 1, 3}, {0, 0, 0}, PadMode::constant, 1},
          list(counting(dtype, {2, 3, 4})), 0);
    check(kind::Pad{{-1, 2, -1}, {0, -2, 3}, {0, 0, 0}, PadMode::constant, 1},
          list(counting(dtype, {2, 3, 4})), 0);
    check(kind::Pad{{1, 0, -1}, {0, 1, 2}, {1, 0, 2}, PadMode::constant, 0},
          list(counting(dtype, {2, 3, 4})), 0);
    check(kind::Pad{{1, 2, 0}, {0, 1, 3}, {0, 0, 0}, PadMode::edge, 0},
          list(counting(dtype, {2, 3, 4})), 0);
    check(kind::Pad{{1, 2, 0}, {0, 1, 3}, {0, 0, 0}, PadMode::reflect, 0},
          list(counting(dtype, {2, 3, 4})), 0);
  }
}

TEST(NativeMove, WindowsOverSeveralAxes) {
  for (const DType dtype : all_sizes) {
    check(kind::Window{{1}, {3}, {2}, {1}}, list(counting(dtype, {2, 9, 4})), 0);
    check(kind::Window{{2, 0}, {2, 2}, {1, 1}, {2, 1}}, list(counting(dtype, {3, 2, 6})), 0);
  }
}

TEST(NativeMove, GathersOnEveryAxis) {
  Rng rng(1);
  for (const DType index : {DType::i32, DType::i64}) {
    for (int axis = 0; axis < 3; ++axis)
      check(kind::Gather{axis, 0},
            list(counting(DType::f32, {3, 4, 5}), integers(rng, {2, 7}, 0, 2, index)), 0);
    check(kind::Gather{1, 1},
          list(counting(DType::i64, {3, 4, 5}), integers(rng, {3, 6}, 0, 3, index)), 0);
    check(kind::Gather{2, 1}, list(counting(DType::i8, {3, 4, 5}), integers(rng, {3}, 0, 4, index)),
          0);
    check(kind::Gather{2, 2},
          list(counting(DType::f32, {3, 4, 5}), integers(rng, {3, 4, 2}, 0, 4, index)), 0);
  }
}

TEST(NativeMove, GatherNamesAnIndexOutOfRange) {
  const Graph graph =
      oracle::one_operator(kind::Gather{0, 0}, {{DType::f32, {3}}, {DType::i32, {1}}});
  const auto kernel = make_kernel(graph, Group{{OpId{0}}});
  for (const std::int32_t index : {-1, 3}) {
    const std::vector<Tensor> operands =
        list(Tensor(TensorType{DType::f32, {3}}),
             Tensor::of(DType::i32, {1}, {static_cast<double>(index)}));
    const Error error = thrown_by([&] {
      run_guarded(*kernel, oracle::views(operands), {{DType::f32, {1}}}, 1);
    });
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    EXPECT_NE(std::string(error.what()).find(std::to_string(index)), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace pliant::native
