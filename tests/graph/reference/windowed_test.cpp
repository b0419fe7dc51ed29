#include <chrono>
#include <cstdio>
#include <limits>

#include "graph/one_operator.h"
#include "graph/random_kinds.h"

namespace pliant {
namespace {

using namespace oracle;
using Point = std::vector<std::int64_t>;

// Calls visit with every point of a box; the last coordinate moves fastest.
void for_points(const Shape& box, const std::function<void(const Point&)>& visit) {
  Point at(box.size(), 0);
  for (std::int64_t left = elements(box); left > 0; --left) {
    visit(at);
    for (std::size_t axis = at.size(); axis-- > 0;) {
      if (++at[axis] < box[axis]) break;
      at[axis] = 0;
    }
  }
}

std::int64_t index_of(const Shape& shape, const Point& at) {
  std::int64_t index = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (at[axis] < 0 || at[axis] >= shape[axis]) return -1;
    index = index * shape[axis] + at[axis];
  }
  return index;
}

// Every product of the definition: visit(x index, w index, out index). Transposed scatters, as its
// definition does.
void for_products(const kind::Convolve& c, const Shape& x, const Shape& w, const Shape& out,
                  const std::function<void(std::int64_t, std::int64_t, std::int64_t)>& visit) {
  const std::size_t rank = x.size() - 2;
  const std::int64_t ins = x[1] / c.groups, outs = out[1] / c.groups;
  Shape box{x[0], c.groups, ins, outs};
  const Shape& from = c.transposed ? x : out;  // the side whose points are multiplied by the stride
  box.insert(box.end(), from.begin() + 2, from.end());
  box.insert(box.end(), w.begin() + 2, w.end());
  for_points(box, [&](const Point& p) {
    const std::int64_t in = p[1] * ins + p[2], to = p[1] * outs + p[3];
    Point at_x{p[0], in}, at_out{p[0], to},
        at_w{c.transposed ? in : to, c.transposed ? p[3] : p[2]};
    for (std::size_t i = 0; i < rank; ++i) {
      const std::int64_t place = p[4 + i], tap = p[4 + rank + i];
      const std::int64_t far = place * c.stride[i] + tap * c.dilation[i] - c.low[i];
      at_x.push_back(c.transposed ? place : far);
      at_out.push_back(c.transposed ? far : place);
      at_w.push_back(tap);
    }
    const std::int64_t xi = index_of(x, at_x), oi = index_of(out, at_out);
    if (xi >= 0 && oi >= 0) visit(xi, index_of(w, at_w), oi);
  });
}

TEST(ReferenceConvolve, EqualsItsDefinition) {
  Rng rng(11);
  for (int i = 0; i < 150; ++i) {
    const auto [kind, operands, results] = random_convolve(rng, DType::f64);
    const Tensor out = std::move(run(kind, operands)[0]);
    std::vector<double> wanted(out.span<double>().size(), 0);
    for_products(std::get<kind::Convolve>(kind), operands[0].type().shape, operands[1].type().shape,
                 out.type().shape,
                 [&, &in = operands](std::int64_t x, std::int64_t w, std::int64_t o) {
                   wanted[o] += get(in[0].view(), x) * get(in[1].view(), w);
                 });
    expect_close(values(out), wanted, 1e-13);
  }
}

TEST(ReferenceConvolve, SmallValuesByHand) {
  const auto x = [] { return Tensor::of(DType::f32, {1, 1, 4}, {1, 2, 3, 4}); };
  const auto w = [] { return Tensor::of(DType::f32, {1, 1, 2}, {10, 1}); };
  EXPECT_EQ(values(run(kind::Convolve{{1}, {0}, {0}, {1}}, list(x(), w()))[0]),
            (std::vector<double>{12, 23, 34}));
  EXPECT_EQ(values(run(kind::Convolve{{2}, {1}, {1}, {1}}, list(x(), w()))[0]),
            (std::vector<double>{1, 23, 40}));
  EXPECT_EQ(values(run(kind::Convolve{{2}, {0}, {0}, {1}, 1, true}, list(x(), w()))[0]),
            (std::vector<double>{10, 1, 20, 2, 30, 3, 40, 4}));
}

TEST(ReferenceConvolve, ThreadsDoNotChangeABit) {
  Rng rng(12);
  const auto operands = list(normal(rng, {2, 6, 13, 11}), normal(rng, {9, 2, 3, 3}));
  const kind::Convolve kind{{1, 1}, {1, 1}, {1, 1}, {1, 1}, 3};

  const auto a = run(kind, list(operands[0].copy(), operands[1].copy()), 1, 1);
  const auto b = run(kind, list(operands[0].copy(), operands[1].copy()), 1, 5);
  EXPECT_TRUE(std::ranges::equal(a[0].raw(), b[0].raw()));
}

TEST(ReferencePool, EqualsItsDefinition) {
  Rng rng(13);
  for (int i = 0; i < 100; ++i) {
    const auto [kind, operands, results] = random_pool(rng, DType::f64);
    const auto& pool = std::get<kind::Pool>(kind);
    const Tensor& in = operands[0];
    const Shape& x = in.type().shape;
    const Tensor out = std::move(run(kind, operands)[0]);
    std::vector<double> wanted;
    for_points(out.type().shape, [&](const Point& at) {
      double most = -std::numeric_limits<double>::infinity(), sum = 0, valid = 0, all = 0;
      for_points(pool.size, [&](const Point& tap) {
        Point from{at[0], at[1]};
        for (std::size_t k = 0; k < tap.size(); ++k)
          from.push_back(at[k + 2] * pool.stride[k] + tap[k] * pool.dilation[k] - pool.low[k]);
        ++all;
        const std::int64_t index = index_of(x, from);
        if (index < 0) return;
        ++valid;
        sum += get(in.view(), index);
        most = std::max(most, get(in.view(), index));
      });
      if (pool.fn == kind::PoolFn::max) wanted.push_back(most);
      else wanted.push_back(sum / (pool.divide_by_valid ? std::max(valid, 1.0) : all));
    });
    expect_close(values(out), wanted, 1e-13);
  }
}

TEST(ReferencePool, MaxOfIntegers) {
  const auto out = run(kind::Pool{kind::PoolFn::max, {2}, {2}, {1}, {0}, {1}},
                       list(Tensor::of(DType::i8, {1, 1, 3}, {-5, -7, -6})));
  EXPECT_EQ(values(out[0]), (std::vector<double>{-5, -6}));
}

TEST(ReferenceSpeed, IsPrinted) {
  Rng rng(14);
  ThreadPool pool(2);
  const auto measure = [&](const char* what, const Kind& kind,
                           const std::vector<Tensor>& operands) {
    const Graph graph = one_operator(kind, {operands[0].type(), operands[1].type()});
    const auto start = std::chrono::steady_clock::now();
    const auto out = evaluate(graph, {}, views(operands), pool);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%s: %.2f GMAC/s\n", what,
                static_cast<double>(macs(graph, graph.op(OpId{0}))) / seconds.count() * 1e-9);
    EXPECT_EQ(out.size(), 1u);
  };
  measure("convolve 3x3 64->64 56x56", kind::Convolve{{1, 1}, {1, 1}, {1, 1}, {1, 1}},
          list(normal(rng, {1, 64, 56, 56}), normal(rng, {64, 64, 3, 3})));
  measure("convolve 3x3 depthwise 96 56x56", kind::Convolve{{1, 1}, {1, 1}, {1, 1}, {1, 1}, 96},
          list(normal(rng, {1, 96, 56, 56}), normal(rng, {96, 1, 3, 3})));
  measure("einsum 256x512x512", kind::Einsum{{"ik", "jk"}, "ij"},
          list(normal(rng, {256, 512}), normal(rng, {512, 512})));
  measure("einsum 1x2048x2048", kind::Einsum{{"ik", "jk"}, "ij"},
          list(normal(rng, {1, 2048}), normal(rng, {2048, 2048})));
}

}  // namespace
}  // namespace pliant
