// How near the native kernels come to the processor's multiply-add peak. Asserts no times.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string_view>

#include "core/error.h"
#include "core/rng.h"
#include "graph/builder.h"
#include "graph/passes/passes.h"
#include "machine/native/kernels/kernels.h"
#include "machine/native/limits/processor_limits.h"
#include "machine/native/native.h"

namespace pliant {
namespace {

double seconds(const std::function<void()>& work) {  // the best of a few
  double best = 1e9, total = 0;
  for (int i = 0; i < 200 && (i < 3 || total < 0.3); ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const double once =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::min(best, once);
    total += once;
  }
  return best;
}

// Independent multiply-adds in registers, on one thread.
double peak_gflops() {
  native::Loop loop;
  const double time = seconds([&] { loop = native::multiply_adds(100'000); });
  return static_cast<double>(loop.operations) / time * 1e-9;
}

// The kernels' register tile on operands in the first cache.
double tile_gflops(native::Isa isa) {
  constexpr std::int64_t m = 64, n = 48, k = 128;
  std::vector<float> a(m * k, 0.5F), b(n * k, 0.25F), c(m * n);
  const native::GemmBlock block{.a = a.data(),
                                .a_m = k,
                                .a_k = 1,
                                .b = b.data(),
                                .b_k = n,
                                .padded = true,
                                .c = c.data(),
                                .c_m = n,
                                .m = m,
                                .n = n,
                                .k = k};
  const double time = seconds([&] {
    for (int i = 0; i < 100; ++i) native::gemm_kernels(isa).block(block);
  });
  return 100 * 2e-9 * m * n * k / time;
}

struct Case {
  std::string name;
  Graph graph;
};

// Seconds of the whole graph as one kernel per operator.
double run(const Graph& graph, native::Isa isa, ThreadPool& pool) {
  std::vector<Tensor> tensors;
  std::vector<TensorView> in, out;
  Rng rng(1);
  const Group group{{OpId{}}};
  for (const ValueId id : group_inputs(graph, group)) {
    tensors.emplace_back(graph.value(id).type);
    if (is_float(graph.value(id).type.dtype)) fill_normal(tensors.back().view(), rng, 1);
    in.push_back(tensors.back().view());
  }
  for (const ValueId id : group_outputs(graph, group)) {
    tensors.emplace_back(graph.value(id).type);
    out.push_back(tensors.back().view());
  }
  const auto kernel = native::make_kernel(graph, group, {isa, true});
  return seconds([&] { kernel->run(in, out, nullptr, pool, 0); });
}

Case one(const std::string& name, const Kind& kind, const std::vector<Shape>& shapes) {
  Builder b;
  std::vector<ValueId> in;
  for (std::size_t i = 0; i < shapes.size(); ++i)
    in.push_back(b.input("x" + std::to_string(i), {DType::f32, shapes[i]}));
  for (const ValueId id : b.add(kind, in)) b.output(id);
  return {name, b.finish()};
}

Case convolution(std::int64_t in, std::int64_t out, std::int64_t size, std::int64_t window,
                 std::int64_t stride, std::int64_t groups = 1) {
  const std::int64_t pad = window / 2;
  return one(fmt::format("convolve {}x{}x{} -> {}, {}x{} /{} groups {}", in, size, size, out,
                         window, window, stride, groups),
             kind::Convolve{{stride, stride}, {pad, pad}, {pad, pad}, {1, 1}, groups, false},
             {{1, in, size, size}, {out, in / groups, window, window}});
}

Case product(std::int64_t m, std::int64_t n, std::int64_t k, bool transposed) {
  return one(fmt::format("einsum {}x{}x{}{}", m, n, k, transposed ? ", weights by row" : ""),
             kind::Einsum{{"mk", transposed ? "nk" : "kn"}, "mn"},
             {{m, k}, transposed ? Shape{n, k} : Shape{k, n}});
}

std::vector<Case> arithmetic() {
  std::vector<Case> cases;
  cases.push_back(convolution(3, 64, 224, 7, 2));
  cases.push_back(convolution(64, 64, 56, 3, 1));
  cases.push_back(convolution(64, 256, 56, 1, 1));
  cases.push_back(convolution(256, 64, 56, 1, 1));
  cases.push_back(convolution(128, 128, 28, 3, 1));
  cases.push_back(convolution(512, 512, 14, 3, 1));
  cases.push_back(convolution(512, 512, 7, 3, 1));
  cases.push_back(convolution(1024, 2048, 14, 1, 2));
  cases.push_back(convolution(128, 128, 56, 3, 2));
  cases.push_back(convolution(144, 144, 56, 3, 1, 144));
  cases.push_back(convolution(144, 144, 56, 3, 2, 144));
  cases.push_back(product(256, 1024, 1024, true));
  cases.push_back(product(256, 1024, 1024, false));
  cases.push_back(product(1, 4096, 4096, true));
  cases.push_back(product(1, 4096, 4096, false));
  cases.push_back(product(8, 2048, 2048, true));
  return cases;
}

std::vector<Case> movement() {
  std::vector<Case> cases;
  const Shape image{1, 64, 112, 112}, rows{1024, 1024};
  const Expr x = argument(0);
  cases.push_back(one("map relu", kind::Map{maximum(x, constant(0)), DType::f32}, {image}));
  cases.push_back(one("map silu", kind::Map{apply(Fn::silu, {x}), DType::f32}, {image}));
  cases.push_back(one("map gelu", kind::Map{apply(Fn::gelu, {x}), DType::f32}, {image}));
  cases.push_back(one("map tanh", kind::Map{apply(Fn::tanh, {x}), DType::f32}, {image}));
  cases.push_back(one("map channel affine", kind::Map{x * argument(1) + argument(2), DType::f32},
                      {image, {64, 1, 1}, {64, 1, 1}}));
  cases.push_back(one("pool max 3x3 /2",
                      kind::Pool{kind::PoolFn::max, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, false},
                      {image}));
  cases.push_back(one("pool mean 2x2 /2",
                      kind::Pool{kind::PoolFn::mean, {2, 2}, {2, 2}, {0, 0}, {0, 0}, {1, 1}, false},
                      {image}));
  cases.push_back(one("softmax last axis", kind::Softmax{1}, {rows}));
  cases.push_back(one("softmax first axis", kind::Softmax{0}, {rows}));
  cases.push_back(one("normalize last axis", kind::Normalize{{1}, 1e-5, true}, {rows}));
  cases.push_back(one("normalize channels", kind::Normalize{{0, 2, 3}, 1e-5, true}, {image}));
  cases.push_back(
      one("reduce sum last axis", kind::Reduce{kind::ReduceFn::sum, {1}, false}, {rows}));
  cases.push_back(
      one("reduce argmax last axis", kind::Reduce{kind::ReduceFn::argmax, {1}, false}, {rows}));
  cases.push_back(one("transpose", kind::Einsum{{"ab"}, "ba"}, {rows}));
  cases.push_back(one("concat", kind::Concat{1}, {image, image}));
  return cases;
}

void print_arithmetic(double peak, ThreadPool& pool) {
  for (const Case& each : arithmetic()) {
    const double time = run(each.graph, native::Isa::best, pool);
    const double flops = 2 * static_cast<double>(macs(each.graph, each.graph.op(OpId{0})));
    fmt::print("{:<48}{:>9.3f} ms{:>8.1f} GFLOP/s{:>5.0f} %\n", each.name, time * 1e3,
               flops / time * 1e-9, 100 * flops / time * 1e-9 / peak);
  }
}

void print_movement(ThreadPool& pool) {
  for (const Case& each : movement()) {
    const double time = run(each.graph, native::Isa::best, pool);
    double moved = 0;
    for (const Value& value : each.graph.values()) moved += static_cast<double>(bytes(value.type));
    fmt::print("{:<48}{:>9.3f} ms{:>8.1f} GB/s\n", each.name, time * 1e3, moved / time * 1e-9);
  }
}

constexpr const char* usage = R"(bench-native [--threads N] [--peak]

GFLOP/s of single kernels beside the processor's multiply-add peak (independent multiply-adds in registers, measured in
the same run), and GB/s of kernels that mostly move data. Times are the best of several runs.

  --threads N  (1); the peak is that of one thread times N
  --peak       print the peak alone

Example: ./x bench native --threads 2
)";

int threads_from(int count, char** values) {
  if (count == 1) return 1;
  const int threads =
      count == 3 && std::string_view(values[1]) == "--threads" ? std::atoi(values[2]) : 0;
  if (threads < 1 || threads > 1024)
    throw Error(ErrorKind::usage, values[1], "not --threads with a number from 1 to 1024",
                "see --help");
  return threads;
}

void print_peak(int threads, double peak) {
  fmt::print("{} thread(s); multiply-add peak {:.0f} GFLOP/s per thread ({} vectors)\n", threads,
             peak, native::widest_vectors());
}

void main_program(int threads) {
  ThreadPool pool(threads);
  const double peak = peak_gflops();
  print_peak(threads, peak);
  for (const native::Isa isa : native::available_isas())
    fmt::print("  register tile, {:<8}{:>7.1f} GFLOP/s per thread\n", native::name(isa),
               tile_gflops(isa));
  print_arithmetic(peak * threads, pool);
  print_movement(pool);
}

}  // namespace
}  // namespace pliant

int main(int count, char** values) {
  try {
    if (count == 2 &&
        (std::string_view(values[1]) == "--help" || std::string_view(values[1]) == "-h"))
      std::fputs(pliant::usage, stdout);
    else if (count == 2 && std::string_view(values[1]) == "--peak")
      pliant::print_peak(1, pliant::peak_gflops());
    else pliant::main_program(pliant::threads_from(count, values));
    return 0;
  } catch (const pliant::Error& error) {
    std::fprintf(stderr, "bench-native: %s\n", error.what());
    return error.kind() == pliant::ErrorKind::usage ? 2 : 1;
  }
}
