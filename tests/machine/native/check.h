// Runs kernels on every instruction set, with 1 to 3 threads, on operands that end at guard pages,
// and compares with the reference evaluator.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "graph/one_operator.h"
#include "machine/native/native.h"

namespace pliant::native {

// Bytes that end at a page that may not be touched; the bytes before them are watched.
class Guarded {
 public:
  explicit Guarded(std::int64_t bytes) : bytes_(static_cast<std::size_t>(bytes)) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    room_ = (bytes_ + page) / page * page;
    base_ = static_cast<std::byte*>(
        mmap(nullptr, room_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (base_ == MAP_FAILED || mprotect(base_ + room_, page, PROT_NONE) != 0)
      throw std::bad_alloc();
    std::memset(base_, 0xA5, room_);
    size_ = room_ + page;
  }
  Guarded(const Guarded&) = delete;
  ~Guarded() { munmap(base_, size_); }
  std::byte* data() const { return base_ + room_ - bytes_; }
  bool intact() const {
    for (std::size_t i = 0; i < room_ - bytes_; ++i)
      if (base_[i] != std::byte{0xA5}) return false;
    return true;
  }

 private:
  std::size_t bytes_, room_ = 0, size_ = 0;
  std::byte* base_ = nullptr;
};

inline bool fused_multiply_add(Isa isa) {
  return isa == Isa::avx2 || isa == Isa::avx512 || isa == Isa::neon;
}

// Without the speed-ups that change no bit.
inline Options plain_options(Isa isa) {
  return {.isa = isa, .chains = false, .short_rows = false, .bands = false, .packs = false};
}

// One run of a kernel on guarded copies.
inline std::vector<Tensor> run_guarded(const Kernel& kernel, const std::vector<TensorView>& inputs,
                                       const std::vector<TensorType>& results, int threads,
                                       std::int64_t rows = 0) {
  static ThreadPool pools[] = {ThreadPool(1), ThreadPool(2), ThreadPool(3)};
  ThreadPool& pool = pools[threads - 1];
  std::vector<std::unique_ptr<Guarded>> memory;
  std::vector<TensorView> in, out;
  for (const TensorView& input : inputs) {
    memory.push_back(std::make_unique<Guarded>(bytes(input.type)));
    if (bytes(input.type) > 0)
      std::memcpy(memory.back()->data(), input.data, static_cast<std::size_t>(bytes(input.type)));
    in.push_back({input.type, memory.back()->data()});
  }
  for (const TensorType& type : results) {
    memory.push_back(std::make_unique<Guarded>(bytes(type)));
    out.push_back({type, memory.back()->data()});
  }
  kernel.run(in, out, nullptr, pool, rows);
  std::vector<Tensor> copies;
  for (std::size_t i = 0; i < out.size(); ++i) {
    copies.emplace_back(out[i].type);
    if (bytes(out[i].type) > 0)
      std::memcpy(copies.back().view().data, out[i].data,
                  static_cast<std::size_t>(bytes(out[i].type)));
  }
  for (const auto& each : memory)
    EXPECT_TRUE(each->intact()) << "bytes before an operand were written";
  return copies;
}

inline void expect_same_bytes(const Tensor& a, const Tensor& b, const std::string& what) {
  ASSERT_EQ(a.type(), b.type());
  EXPECT_EQ(std::memcmp(a.view().data, b.view().data, a.raw().size()), 0) << what;
}

// As oracle::expect_close, but values below `floor` need no more than its accuracy: what is left of
// a sum whose terms cancel.
inline void expect_near(const Tensor& got, const Tensor& wanted, double tolerance, double floor) {
  double scale = floor;
  for (const double each : oracle::values(wanted))
    if (std::isfinite(each)) scale = std::max(scale, std::abs(each));
  for (std::int64_t i = 0; i < elements(wanted.type().shape); ++i) {
    const double a = get(got.view(), i), b = get(wanted.view(), i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    ASSERT_LE(std::abs(a - b), tolerance * scale)
        << "element " << i << ": " << a << ", wanted " << b;
  }
}

// One operator on all instruction sets and 1 to 3 threads against the oracle.
inline void check(const Kind& kind, const std::vector<Tensor>& operands, double tolerance = 2e-6,
                  int results = 1, double floor = 1e-30) {
  std::vector<TensorType> types;
  for (const Tensor& operand : operands) types.push_back(operand.type());
  const Graph graph = oracle::one_operator(kind, types, results);
  const std::vector<Tensor> wanted = oracle::run(graph, operands);
  std::vector<TensorType> result_types;
  for (const Tensor& each : wanted) result_types.push_back(each.type());
  std::vector<Tensor> fused;
  for (const Isa isa : available_isas()) {
    const auto kernel = make_kernel(graph, Group{{OpId{0}}}, Options{isa, true});
    EXPECT_EQ(kernel->workspace(), 0);
    std::vector<Tensor> first;
    for (const int threads : {1, 2, 3}) {
      SCOPED_TRACE(std::string(pliant::name(kind)) + " on " + std::string(name(isa)) +
                   ", threads " + std::to_string(threads));
      std::vector<Tensor> got =
          run_guarded(*kernel, oracle::views(operands), result_types, threads);
      for (std::size_t i = 0; i < got.size(); ++i) {
        if (threads == 1) expect_near(got[i], wanted[i], tolerance, floor);
        else expect_same_bytes(got[i], first[i], "differs from one thread");
      }
      if (::testing::Test::HasFatalFailure() || ::testing::Test::HasNonfatalFailure()) return;
      if (threads == 1) first = std::move(got);
    }
    const std::vector<Tensor> plain =
        run_guarded(*make_kernel(graph, Group{{OpId{0}}}, plain_options(isa)),
                    oracle::views(operands), result_types, 1);
    for (std::size_t i = 0; i < plain.size(); ++i)
      expect_same_bytes(first[i], plain[i], "a speed-up changes bits on " + std::string(name(isa)));
    if (!fused_multiply_add(isa)) continue;
    for (std::size_t i = 0; i < fused.size(); ++i)
      expect_same_bytes(first[i], fused[i], "differs between sets");
    fused = std::move(first);
  }
}

}  // namespace pliant::native
