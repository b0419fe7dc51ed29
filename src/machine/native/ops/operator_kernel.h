// One run of a group's kernel: its anchor's operands and results, and what follows on the result.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "machine/native/kv/cache.h"
#include "machine/native/ops/loops.h"
#include "machine/native/ops/options.h"
#include "machine/native/ops/pointwise.h"
#include "machine/native/ops/shared_weights.h"

namespace pliant::native {

// A program of at most so many rows decodes: products are dot products then, and attention goes row
// by row. Others prompt.
inline constexpr std::int64_t few_rows = 16;

// What follows an anchor on each element of its result, in place.
struct Epilogue {
  Pointwise map;  // argument `self` is the anchor's result
  std::size_t self = 0;
  // per argument: index into the group's inputs (unused for `self`)
  std::vector<std::size_t> operands;
};

struct KernelCall {
  std::span<const std::byte* const> inputs;  // of the group
  std::span<std::byte* const> outputs;
  std::span<const std::size_t> operands;  // of the anchor: indices into inputs
  const Epilogue* epilogue = nullptr;
  Rows rows;
  std::int64_t elements = 0;  // of the first result, with the rows of this run
  ThreadPool& pool;
  std::byte* workspace = nullptr;  // as many bytes as the anchor wants
  kv::Cache* cache = nullptr;      // of the run, for an Attention that has a cache layer

  const std::byte* data(std::size_t i) const { return inputs[operands[i]]; }
  const float* f32(std::size_t i) const { return reinterpret_cast<const float*>(data(i)); }
  const std::int32_t* i32(std::size_t i) const {
    return reinterpret_cast<const std::int32_t*>(data(i));
  }
  float* out(std::size_t i = 0) const { return reinterpret_cast<float*>(outputs[i]); }

  // The anchor's elements [first, first + n) are complete: what follows may be done while they are
  // near.
  void finish(std::int64_t first, std::int64_t n) const {
    if (epilogue == nullptr) return;
    std::array<const std::byte*, most_operands> data;  // the first few: not worth clearing
    const std::size_t count = epilogue->map.operands();
    for (std::size_t k = 0; k < count; ++k)
      data[k] = k == epilogue->self ? outputs[0] : inputs[epilogue->operands[k]];
    epilogue->map.apply({data.data(), count}, outputs[0], first, n);
  }
};

// An operator compiled for its shapes, the anchor of its group. Calls finish() once for every
// element of its result.
class OperatorKernel {
 public:
  virtual ~OperatorKernel() = default;
  virtual void run(const KernelCall& call) const = 0;
  // Before any run: operand `k` will always be this weight or constant, so the kernel may bring it
  // into an order of its own. Returns the bytes that run() is to find as that operand: its plain
  // elements, but for a kernel that reads the encoding. They live as long as the kernel and the
  // weight.
  virtual const std::byte* fix(std::size_t /*k*/, const Stored& weight, SharedWeights& shared) {
    return plain(weight, shared);
  }
  const std::byte* plain(const Stored& weight, SharedWeights& shared) {
    return plain_.emplace_back(shared.plain(weight)).data;
  }
  virtual std::int64_t workspace() const { return 0; }  // bytes; may grow by fix()

 private:
  std::vector<PlainWeight> plain_;
};

struct Operand {
  TensorType type;                      // logical
  Encoding encoding = Encoding::plain;  // how its bytes are written
  bool rows = false;                    // axis 0 is the row axis
  bool fixed = false;                   // a weight or constant that fix() will bring
};

// What an operator is compiled from.
struct OperatorContext {
  std::vector<Operand> operands;
  std::vector<TensorType> results;
  bool rows_out = false;
  Options options;
  std::optional<Expr> prologue;  // of one argument: a Pool reads prologue(x) for x
  std::string place;             // for errors
};

std::unique_ptr<OperatorKernel> compile(const kind::Einsum& kind, const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::Map& kind, const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::Reduce& kind, const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::Gather& kind, const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::Reshape& kind, const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::Slice& kind, const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::Concat& kind, const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::Pad& kind, const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::Window& kind, const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::Softmax& kind, const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::Normalize& kind,
                                        const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::Rotary& kind, const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::Attention& kind,
                                        const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::Convolve& kind, const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::Pool& kind, const OperatorContext& context);
std::unique_ptr<OperatorKernel> compile(const kind::CrossEntropy& kind,
                                        const OperatorContext& context);

std::unique_ptr<OperatorKernel> cached_attention(const kind::Attention& kind,
                                                 const OperatorContext& context);
std::unique_ptr<OperatorKernel> map_kernel(Pointwise map);

// c[m][n] = sum over k of a[m][k] b[n][k], b an encoded weight that fix() brings.
struct EncodedProduct {
  Axis<1> m;  // of a, stride in elements
  std::int64_t n = 0, k = 0, out_row = 0;
  std::size_t a = 0, b = 1;  // operands
  bool tall = false;         // many rows
  Encoding encoding = Encoding::plain;
};
std::unique_ptr<OperatorKernel> encoded_product(const EncodedProduct& product,
                                                const OperatorContext& context);

// Building blocks shared by kinds: result element (o) = the one at a strided place of the operand,
// all dtypes.
std::unique_ptr<OperatorKernel> strided_copy(Nest<2> nest, std::int64_t from, std::int64_t to,
                                             DType dtype);
// Sum over `reduced` (strides of the operand in [0]) for each iteration of `kept` ([0] operand, [1]
// result).
std::unique_ptr<OperatorKernel> strided_reduce(kind::ReduceFn fn, Nest<2> kept, Nest<2> reduced,
                                               const OperatorContext& context);

}  // namespace pliant::native
