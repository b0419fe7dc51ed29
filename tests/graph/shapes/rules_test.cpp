#include "graph/shapes/rules.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/error.h"
#include "graph/check.h"

namespace pliant {
namespace {

using Types = std::vector<TensorType>;
constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();

Shape shape_of(const Kind& kind, const Types& operands) {
  return result_types(kind, operands, "here").at(0).shape;
}

std::string refusal(const Kind& kind, const Types& operands, int results = 1) {
  try {
    result_types(kind, operands, "here", results);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    return error.what();
  }
  return "accepted";
}

TEST(ShapeRules, Einsum) {
  EXPECT_EQ(shape_of(kind::Einsum{{"bij", "bjk"}, "bik"}, {f32({2, 3, 4}), f32({2, 4, 5})}),
            (Shape{2, 3, 5}));
  EXPECT_EQ(shape_of(kind::Einsum{{"ii"}, "i"}, {f32({3, 3})}), (Shape{3}));
  EXPECT_EQ(refusal(kind::Einsum{{"ij", "jk"}, "ik"}, {f32({2, 3}), f32({4, 5})}),
            "here: einsum: label 'j' has size 3 and, in operand 1, 4");
  EXPECT_EQ(refusal(kind::Einsum{{"ij"}, "ijk"}, {f32({2, 3})}),
            "here: einsum: output label 'k' is in no operand");
  EXPECT_EQ(refusal(kind::Einsum{{"ij"}, "ii"}, {f32({2, 3})}),
            "here: einsum: output label 'i' is repeated");
  EXPECT_EQ(refusal(kind::Einsum{{"i1"}, "i"}, {f32({2, 3})}),
            "here: einsum: label '1' is not a letter");
  EXPECT_NE(refusal(kind::Einsum{{"i"}, "i"}, {f32({2, 3})}), "accepted");
  EXPECT_NE(refusal(kind::Einsum{{"i", "i"}, "i"}, {f32({2}), i32({2})}), "accepted");
  EXPECT_NE(refusal(kind::Einsum{{"i"}, "i"}, {f32({2}), f32({2})}), "accepted");
  EXPECT_NE(refusal(kind::Einsum{{"i"}, ""}, {{DType::boolean, {2}}}), "accepted");
  EXPECT_EQ(refusal(kind::Einsum{{"ij"}, "ji"}, {{DType::boolean, {2, 3}}}), "accepted");
}

TEST(ShapeRules, Map) {
  kind::Map add{argument(0) + argument(1), DType::f32};
  EXPECT_EQ(shape_of(add, {f32({2, 1, 3}), f32({4, 1})}), (Shape{2, 4, 3}));
  EXPECT_EQ(shape_of(add, {f32({2, 0}), f32({1})}), (Shape{2, 0}));
  EXPECT_EQ(refusal(add, {f32({2, 3}), f32({2})}),
            "here: shapes [2,3] and [2] do not broadcast: 3 against 2");
  EXPECT_EQ(refusal(add, {f32({2})}), "here: map: argument $1 of 1 operand(s)");
  EXPECT_NE(refusal(add, {}), "accepted");
}

TEST(ShapeRules, Reduce) {
  using kind::ReduceFn;
  EXPECT_EQ(shape_of(kind::Reduce{ReduceFn::sum, {0, 2}, true}, {f32({2, 3, 4})}),
            (Shape{1, 3, 1}));
  EXPECT_EQ(shape_of(kind::Reduce{ReduceFn::sum, {0, 2}, false}, {f32({2, 3, 4})}), (Shape{3}));
  EXPECT_EQ(result_types(kind::Reduce{ReduceFn::argmax, {1}, false}, Types{f32({2, 3})}, "")[0],
            i32({2}));
  EXPECT_NE(refusal(kind::Reduce{ReduceFn::argmax, {0, 1}, false}, {f32({2, 3})}), "accepted");
  EXPECT_EQ(refusal(kind::Reduce{ReduceFn::sum, {1, 0}, false}, {f32({2, 3})}),
            "here: reduce: axis 0 after axis 1: not sorted or repeated");
  EXPECT_EQ(refusal(kind::Reduce{ReduceFn::sum, {2}, false}, {f32({2, 3})}),
            "here: reduce: axis 2 of rank 2");
  EXPECT_EQ(refusal(kind::Reduce{ReduceFn::max, {1}, false}, {f32({2, 0})}),
            "here: reduce: no elements along axis 1");
  EXPECT_NE(refusal(kind::Reduce{ReduceFn::mean, {1}, false}, {i32({2, 2})}), "accepted");
  EXPECT_NE(refusal(kind::Reduce{ReduceFn::sum, {1}, false}, {{DType::boolean, {2, 2}}}),
            "accepted");
}

TEST(ShapeRules, Gather) {
  EXPECT_EQ(shape_of(kind::Gather{0, 0}, {f32({10, 4}), i32({2, 3})}), (Shape{2, 3, 4}));
  EXPECT_EQ(shape_of(kind::Gather{1, 1}, {f32({2, 10, 4}), i32({2, 3})}), (Shape{2, 3, 4}));
  EXPECT_EQ(shape_of(kind::Gather{1, 1}, {f32({2, 10}), i32({2})}), (Shape{2}));
  EXPECT_NE(refusal(kind::Gather{0, 1}, {f32({2, 10}), i32({2})}), "accepted");
  EXPECT_NE(refusal(kind::Gather{1, 2}, {f32({2, 10}), i32({2})}), "accepted");
  EXPECT_NE(refusal(kind::Gather{1, 1}, {f32({2, 10}), i32({3, 1})}), "accepted");
  EXPECT_NE(refusal(kind::Gather{0, 0}, {f32({2, 10}), f32({3})}), "accepted");
  EXPECT_NE(refusal(kind::Gather{2, 0}, {f32({2, 10}), i32({3})}), "accepted");
}

TEST(ShapeRules, ReshapeSliceConcat) {
  EXPECT_EQ(shape_of(kind::Reshape{{6}}, {f32({2, 3})}), (Shape{6}));
  EXPECT_EQ(refusal(kind::Reshape{{7}}, {f32({2, 3})}),
            "here: reshape: [2,3] has 6 elements, [7] has 7");
  EXPECT_NE(refusal(kind::Reshape{{-2, -3}}, {f32({2, 3})}), "accepted");
  EXPECT_NE(refusal(kind::Reshape{{huge, huge}}, {f32({2, 3})}), "accepted");
  EXPECT_EQ(shape_of(kind::Slice{{9}, {4}, {-3}}, {f32({10})}), (Shape{4}));
  EXPECT_EQ(shape_of(kind::Slice{{77}, {0}, {1}}, {f32({10})}), (Shape{0}));
  EXPECT_EQ(refusal(kind::Slice{{0}, {4}, {4}}, {f32({10})}),
            "here: slice: elements 0 to 12 of axis 0, which has size 10");
  EXPECT_EQ(refusal(kind::Slice{{2}, {4}, {-1}}, {f32({10})}),
            "here: slice: elements 2 to -1 of axis 0, which has size 10");
  EXPECT_NE(refusal(kind::Slice{{0}, {1}, {0}}, {f32({10})}), "accepted");
  EXPECT_NE(refusal(kind::Slice{{0}, {huge}, {huge}}, {f32({10})}), "accepted");
  EXPECT_NE(refusal(kind::Slice{{0, 0}, {1}, {1}}, {f32({10})}), "accepted");
  EXPECT_EQ(shape_of(kind::Concat{1}, {f32({2, 3}), f32({2, 0}), f32({2, 4})}), (Shape{2, 7}));
  EXPECT_EQ(refusal(kind::Concat{0}, {f32({2, 3}), f32({2, 4})}),
            "here: concat: operand 1 is f32[2,4], shape [2,3] expected");
  EXPECT_NE(refusal(kind::Concat{0}, {f32({2, 3}), i32({2, 3})}), "accepted");
  EXPECT_NE(refusal(kind::Concat{0}, {f32({2, 3}), f32({3})}), "accepted");
  EXPECT_NE(refusal(kind::Concat{0}, {}), "accepted");
}

TEST(ShapeRules, PadAndWindow) {
  using kind::PadMode;
  EXPECT_EQ(shape_of(kind::Pad{{1}, {2}, {1}}, {f32({3})}), (Shape{8}));
  EXPECT_EQ(shape_of(kind::Pad{{-1}, {-1}, {0}}, {f32({3})}), (Shape{1}));
  EXPECT_EQ(shape_of(kind::Pad{{2}, {2}, {0}, PadMode::reflect}, {f32({3})}), (Shape{7}));
  EXPECT_NE(refusal(kind::Pad{{3}, {0}, {0}, PadMode::reflect}, {f32({3})}), "accepted");
  EXPECT_NE(refusal(kind::Pad{{1}, {0}, {1}, PadMode::edge}, {f32({3})}), "accepted");
  EXPECT_NE(refusal(kind::Pad{{1}, {0}, {0}, PadMode::edge}, {f32({0})}), "accepted");
  EXPECT_NE(refusal(kind::Pad{{-2}, {-2}, {0}}, {f32({3})}), "accepted");
  EXPECT_NE(refusal(kind::Pad{{-4}, {9}, {0}}, {f32({3})}), "accepted");
  EXPECT_NE(refusal(kind::Pad{{huge}, {huge}, {0}}, {f32({3})}), "accepted");
  EXPECT_NE(refusal(kind::Pad{{0}, {0}, {-1}}, {f32({3})}), "accepted");
  EXPECT_EQ(shape_of(kind::Window{{2, 1}, {3, 2}, {2, 1}, {1, 2}}, {f32({1, 5, 7})}),
            (Shape{1, 3, 3, 3, 2}));
  EXPECT_NE(refusal(kind::Window{{0}, {4}, {1}, {1}}, {f32({3})}), "accepted");
  EXPECT_NE(refusal(kind::Window{{0, 0}, {1, 1}, {1, 1}, {1, 1}}, {f32({3})}), "accepted");
  EXPECT_NE(refusal(kind::Window{{0}, {2}, {0}, {1}}, {f32({3})}), "accepted");
  EXPECT_NE(refusal(kind::Window{{0}, {huge}, {1}, {huge}}, {f32({3})}), "accepted");
}

TEST(ShapeRules, ConvolveAndPool) {
  kind::Convolve conv{{2, 2}, {1, 1}, {1, 1}, {1, 1}, 2};
  EXPECT_EQ(shape_of(conv, {f32({1, 4, 8, 9}), f32({6, 2, 3, 3})}), (Shape{1, 6, 4, 5}));
  EXPECT_NE(refusal(conv, {f32({1, 4, 8, 9}), f32({6, 4, 3, 3})}), "accepted");
  EXPECT_NE(refusal(conv, {f32({1, 4, 8, 9}), f32({7, 2, 3, 3})}), "accepted");
  EXPECT_NE(refusal(conv, {f32({1, 4, 8, 9}), f32({6, 2, 3})}), "accepted");
  EXPECT_NE(refusal(conv, {f32({1, 4, 1, 9}), f32({6, 2, 4, 3})}), "accepted");
  EXPECT_NE(refusal(conv, {i32({1, 4, 8, 9}), i32({6, 2, 3, 3})}), "accepted");
  conv.groups = 0;
  EXPECT_NE(refusal(conv, {f32({1, 4, 8, 9}), f32({6, 2, 3, 3})}), "accepted");
  kind::Convolve up{{2}, {1}, {0}, {1}, 2, true};
  EXPECT_EQ(shape_of(up, {f32({1, 4, 5}), f32({4, 3, 4})}), (Shape{1, 6, 11}));
  EXPECT_NE(refusal(up, {f32({1, 4, 5}), f32({3, 3, 4})}), "accepted");
  kind::Pool pool{kind::PoolFn::mean, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}};
  EXPECT_EQ(shape_of(pool, {f32({1, 4, 8, 9})}), (Shape{1, 4, 4, 5}));
  EXPECT_NE(refusal(pool, {f32({4, 8})}), "accepted");
  EXPECT_NE(refusal(pool, {i32({1, 4, 8, 9})}), "accepted");
  pool.size = {30, 3};
  EXPECT_NE(refusal(pool, {f32({1, 4, 8, 9})}), "accepted");
  EXPECT_EQ(window_count(7, 0, 0, 3, 2, 1), 3);
  EXPECT_EQ(window_count(2, 0, 0, 3, 1, 1), 0);
}

TEST(ShapeRules, SequenceKinds) {
  Types qkv = {f32({6, 4, 8}), f32({6, 2, 8}), f32({6, 2, 5}), i32({6}), i32({6}), i32({6})};
  kind::Attention attention;
  EXPECT_EQ(shape_of(attention, qkv), (Shape{6, 4, 5}));
  attention.has_bias = true;
  EXPECT_NE(refusal(attention, qkv), "accepted");
  Types with_bias = qkv;
  with_bias.push_back(f32({4, 9, 9}));
  EXPECT_EQ(shape_of(attention, with_bias), (Shape{6, 4, 5}));
  with_bias.back() = f32({4, 9, 8});
  EXPECT_NE(refusal(attention, with_bias), "accepted");
  attention = {};
  Types heads = qkv;
  heads[1] = f32({6, 3, 8});
  heads[2] = f32({6, 3, 5});
  EXPECT_EQ(refusal(attention, heads), "here: attention: 4 query heads on 3 key heads");
  attention.window = -1;
  EXPECT_NE(refusal(attention, qkv), "accepted");
  attention = {};
  attention.cap = -1;
  EXPECT_EQ(refusal(attention, qkv), "here: attention: cap -1");
  kind::Rotary rotary{4};
  EXPECT_EQ(shape_of(rotary, {f32({6, 4, 8}), i32({6}), f32({2})}), (Shape{6, 4, 8}));
  EXPECT_NE(refusal(rotary, {f32({6, 4, 8}), i32({6}), f32({4})}), "accepted");
  EXPECT_NE(refusal(rotary, {f32({6, 4, 8}), i32({6}), i32({2})}), "accepted");
  EXPECT_EQ(shape_of(rotary, {f32({6, 4, 8}), i32({6})}), (Shape{6, 4, 8}));
  rotary.dims = 5;
  EXPECT_NE(refusal(rotary, {f32({6, 4, 8}), i32({6})}), "accepted");
  EXPECT_EQ(
      result_types(kind::CrossEntropy{}, Types{f32({6, 8}), f32({100, 8}), i32({6})}, "").size(),
      2u);
  EXPECT_NE(refusal(kind::CrossEntropy{}, {f32({6, 8}), f32({100, 7}), i32({6})}), "accepted");
  EXPECT_EQ(shape_of(kind::Softmax{1}, {f32({2, 3})}), (Shape{2, 3}));
  EXPECT_NE(refusal(kind::Softmax{2}, {f32({2, 3})}), "accepted");
  kind::Normalize norm{{1}};
  EXPECT_EQ(result_types(norm, Types{f32({2, 3})}, "", 3)[2], f32({2, 1}));
  EXPECT_NE(refusal(norm, {f32({2, 3})}, 2), "accepted");
  norm.eps = -1;
  EXPECT_NE(refusal(norm, {f32({2, 3})}), "accepted");
}

TEST(ShapeRules, SizesAreCheckedForOverflowAndRank) {
  kind::Map identity{argument(0), DType::f32};
  EXPECT_NE(refusal(identity, {f32({huge / 2, 3})}), "accepted");
  kind::Map outer{argument(0) + argument(1), DType::f32};
  EXPECT_NE(refusal(outer, {f32({huge / 8, 1}), f32({1, huge / 8})}), "accepted");
  EXPECT_NE(refusal(identity, {f32(Shape(17, 1))}), "accepted");
  EXPECT_NE(refusal(kind::Opaque{"", "x", "", {f32({-1})}}, {}), "accepted");
}

}  // namespace
}  // namespace pliant
