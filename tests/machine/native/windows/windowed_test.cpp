#include "machine/native/check.h"

namespace pliant::native {
namespace {

using oracle::list;
using oracle::normal;

struct Window {
  Shape in;  // spatial
  kind::Sizes kernel, stride, low, high, dilation;
};

void check_convolve(const Window& w, std::int64_t batch, std::int64_t in, std::int64_t out,
                    std::int64_t groups, bool transposed = false) {
  Rng rng(static_cast<std::uint64_t>(in * 100 + out));
  Shape x{batch, in}, weights = transposed ? Shape{in, out / groups} : Shape{out, in / groups};
  x.insert(x.end(), w.in.begin(), w.in.end());
  weights.insert(weights.end(), w.kernel.begin(), w.kernel.end());
  SCOPED_TRACE(to_string(x) + " * " + to_string(weights));
  check(kind::Convolve{w.stride, w.low, w.high, w.dilation, groups, transposed},
        list(normal(rng, x), normal(rng, weights)));
}

const Window same3{{14, 13}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
const Window strided{{15, 18}, {3, 5}, {2, 3}, {1, 2}, {0, 2}, {1, 1}};
const Window dilated{{12, 11}, {3, 2}, {1, 2}, {2, 0}, {3, 1}, {2, 3}};
const Window point{{9, 11}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}};
const Window whole{{4, 5}, {4, 5}, {1, 1}, {0, 0}, {0, 0}, {1, 1}};
const Window line{{40}, {4}, {3}, {2}, {1}, {1}};
const Window volume{{5, 6, 7}, {3, 2, 3}, {1, 2, 1}, {1, 0, 1}, {1, 1, 0}, {1, 1, 1}};
const Window cropped{{9, 9}, {3, 3}, {1, 1}, {2, 5}, {4, 0}, {1, 1}};

TEST(NativeConvolve, AgreesForEveryWindow) {
  for (const Window& w : {same3, strided, dilated, point, whole, line, volume, cropped}) {
    check_convolve(w, 1, 3, 5, 1);
    check_convolve(w, 2, 8, 12, 4);
    check_convolve(w, 1, 6, 6, 6);
    check_convolve(w, 1, 4, 8, 4);
  }
}

TEST(NativeConvolve, AgreesForTransposedWindows) {
  for (const Window& w :
       {same3, point, line, volume, Window{{5, 6}, {3, 4}, {2, 3}, {1, 0}, {0, 2}, {2, 1}}}) {
    check_convolve(w, 1, 3, 5, 1, true);
    check_convolve(w, 2, 8, 12, 4, true);
    check_convolve(w, 1, 6, 6, 6, true);
  }
}

TEST(NativeConvolve, AgreesForManyChannelsAndPixels) {
  check_convolve({{31, 30}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, 1, 70, 41, 1);
  check_convolve({{31, 30}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}}, 1, 300, 19, 1);
  check_convolve({{33, 300}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, 1, 3, 3, 3);
  check_convolve({{7, 7}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}}, 1, 64, 200, 1);
  // depthwise, in one band of lines or several
  for (const std::int64_t size : {8, 10, 33, 40, 75, 150})
    for (const std::int64_t stride : {1, 2, 3})
      for (const std::int64_t low : {0, 1, 2})
        check_convolve({{size, size + 3}, {3, 3}, {stride, stride}, {low, low}, {1, 2}, {1, 1}}, 1,
                       3, 3, 3);
}

TEST(NativeConvolve, ManyTapsOfOneChannel) {
  check_convolve({{20, 20}, {13, 13}, {1, 1}, {6, 6}, {6, 6}, {1, 1}}, 1, 2, 2, 2);
}

void check_pool(const Window& w, kind::PoolFn fn, bool by_valid) {
  Rng rng(7);
  Shape x{2, 3};
  x.insert(x.end(), w.in.begin(), w.in.end());
  SCOPED_TRACE(to_string(x));
  check(kind::Pool{fn, w.kernel, w.stride, w.low, w.high, w.dilation, by_valid},
        list(normal(rng, x)));
}

TEST(NativePool, AWindowRowBeyondTheStackIsRefused) {
  const kind::Pool wide{kind::PoolFn::max, {20000}, {1}, {0}, {0}, {1}, false};
  const Graph graph = oracle::one_operator(wide, {{DType::f32, {1, 1, 20001}}});
  const Error error = thrown_by([&] { make_kernel(graph, Group{{OpId{0}}}); });
  EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  EXPECT_NE(std::string(error.what()).find("16384"), std::string::npos) << error.what();
  Rng rng(1);
  check(wide, list(normal(rng, {1, 2, 20000})));  // but the whole plane is not
}

TEST(NativePool, AgreesForEveryWindow) {
  const Window big{{9, 300}, {9, 9}, {1, 1}, {4, 4}, {4, 4}, {1, 1}};
  for (const Window& w : {same3, strided, point, whole, line, volume, big,
                          Window{{4, 900}, {2, 70}, {1, 3}, {1, 20}, {0, 30}, {1, 2}},
                          Window{{12, 12}, {2, 2}, {2, 2}, {0, 0}, {0, 0}, {1, 1}},
                          Window{{12, 13}, {3, 3}, {2, 2}, {0, 0}, {1, 1}, {1, 1}},
                          Window{{12, 11}, {3, 2}, {1, 2}, {1, 0}, {1, 1}, {2, 3}}}) {
    check_pool(w, kind::PoolFn::max, false);
    check_pool(w, kind::PoolFn::mean, false);
    check_pool(w, kind::PoolFn::mean, true);
  }
}

}  // namespace
}  // namespace pliant::native
