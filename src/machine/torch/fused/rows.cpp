// Norms, heads, gates and look-ups, row by row.
#include <algorithm>

#include "machine/torch/fused/fused.h"
#include "machine/torch/kernels/kernels.h"

namespace pliant::aten {
namespace {

using kernels::Half;
using kernels::Rows;

template <typename T>
constexpr at::ScalarType scalar_type() {
  return sizeof(T) == sizeof(float) ? at::kFloat : at::kBFloat16;
}
template <typename T>
T* data_of(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<T*>(tensor.data_ptr()) : nullptr;
}
const float* floats(const at::Tensor& tensor) { return data_of<float>(tensor); }

// As T, in memory row behind row.
template <typename T>
at::Tensor dense(const at::Tensor& tensor) {
  return tensor.to(scalar_type<T>()).contiguous();
}
// [rows, ...]: as T, each row dense.
template <typename T>
Rows<const T> rows_of(at::Tensor& tensor) {
  tensor = tensor.to(scalar_type<T>());
  std::int64_t inner = 1;
  bool packed = true;
  for (std::int64_t axis = tensor.dim() - 1; axis > 0; --axis) {
    packed = packed && (tensor.size(axis) == 1 || tensor.stride(axis) == inner);
    inner *= tensor.size(axis);
  }
  if (!packed) tensor = tensor.contiguous();
  return {data_of<const T>(tensor), tensor.dim() == 0 ? 0 : tensor.stride(0)};
}

void for_rows(std::int64_t rows, std::int64_t width,
              const std::function<void(std::int64_t, std::int64_t)>& work) {
  at::parallel_for(0, rows, std::max<std::int64_t>(1, 32768 / std::max<std::int64_t>(width, 1)),
                   work);
}

// Sums over rows: each of a fixed number of chunks into an array of its own, then in order.
at::Tensor summed(std::int64_t rows, std::int64_t width,
                  const std::function<void(std::int64_t, std::int64_t, float*)>& work) {
  const std::int64_t chunks =
      std::max<std::int64_t>(1, std::min<std::int64_t>(rows, at::get_num_threads()));
  const at::Tensor parts = at::zeros({chunks, width});
  at::parallel_for(0, chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      work(rows * i / chunks, rows * (i + 1) / chunks, data_of<float>(parts) + i * width);
  });
  return chunks == 1 ? parts[0] : parts.sum(0);
}

template <typename T>
class FusedNorm : public Differentiable {
 public:
  FusedNorm(bool has_delta, bool has_weight, double eps)
      : has_delta_(has_delta), has_weight_(has_weight), eps_(static_cast<float>(eps)) {}

  Tensors forward(const Tensors& in) override {
    const at::Tensor x = dense<float>(in[0]);
    width_ = x.size(-1);
    rows_ = width_ == 0 ? 0 : x.numel() / width_;
    if (has_weight_) weight_ = dense<float>(in.back());
    const at::Tensor delta = has_delta_ ? dense<T>(in[1]) : at::Tensor();
    sum_ = has_delta_ ? at::empty_like(x) : x;
    inverse_ = at::empty({rows_});
    const at::Tensor y = at::empty(x.sizes(), scalar_type<T>());
    const kernels::Norm<T> at{width_,
                              eps_,
                              floats(weight_),
                              floats(x),
                              data_of<const T>(delta),
                              has_delta_ ? data_of<float>(sum_) : nullptr,
                              data_of<T>(y),
                              data_of<float>(inverse_)};
    for_rows(rows_, width_, [&](std::int64_t begin, std::int64_t end) {
      kernels::typed<T>().norm(at, begin, end);
    });
    if (has_delta_) return {sum_.variable_data(), y};
    return {y};
  }

  Tensors backward(const Tensors& gradients, const std::vector<bool>& wanted) override {
    Tensors result(1 + (has_delta_ ? 1 : 0) + (has_weight_ ? 1 : 0));
    const at::Tensor& given = gradients.back();
    if (!given.defined()) {  // only the sum counts
      result[0] = gradients[0];
      if (has_delta_) result[1] = gradients[0];
      return result;
    }
    const at::Tensor gradient = dense<T>(given);
    at::Tensor of_sum;
    if (has_delta_ && gradients[0].defined()) of_sum = dense<float>(gradients[0]);
    const at::Tensor x = at::empty_like(sum_);
    at::Tensor delta;
    if (has_delta_ && wanted[1]) delta = at::empty(sum_.sizes(), scalar_type<T>());
    kernels::NormBack<T> at{width_,
                            floats(weight_),
                            floats(sum_),
                            floats(inverse_),
                            data_of<const T>(gradient),
                            floats(of_sum),
                            data_of<float>(x),
                            data_of<T>(delta),
                            nullptr};
    const bool learns = has_weight_ && wanted.back();
    const at::Tensor weights =
        summed(rows_, width_, [&](std::int64_t begin, std::int64_t end, float* sums) {
          kernels::NormBack<T> own = at;
          own.weights = learns ? sums : nullptr;
          kernels::typed<T>().norm_back(own, begin, end);
        });
    result[0] = x;
    if (delta.defined()) result[1] = delta;
    if (learns) result.back() = weights;
    return result;
  }

 private:
  bool has_delta_, has_weight_;
  float eps_;
  std::int64_t rows_ = 0, width_ = 0;
  at::Tensor weight_, sum_, inverse_;
};

template <typename T>
class FusedHeads : public Differentiable {
 public:
  explicit FusedHeads(const HeadsOptions& options) : options_(options) {}

  Tensors forward(const Tensors& in) override {
    x_ = in[0];
    std::size_t next = 1;
    if (options_.weighted) weight_ = dense<float>(in[next++]);
    if (options_.turned > 0) {
      cosine_ = in[next++].contiguous();
      sine_ = in[next++].contiguous();
    }
    operands_ = next;
    const at::Tensor y = at::empty(x_.sizes());
    kernels::Heads<T> at = described();
    at.y = data_of<float>(y);
    for_rows(x_.size(0), at.heads * at.width, [&](std::int64_t begin, std::int64_t end) {
      kernels::typed<T>().heads(at, begin, end);
    });
    return {y};
  }

  Tensors backward(const Tensors& gradients, const std::vector<bool>& wanted) override {
    Tensors result(operands_);
    if (!gradients[0].defined()) return result;
    const at::Tensor gradient = dense<float>(gradients[0]);
    const at::Tensor x = at::empty(x_.sizes(), scalar_type<T>());
    const kernels::HeadsBack<T> at{described(), floats(gradient), data_of<T>(x), nullptr};
    const bool learns = options_.weighted && wanted[1];
    const at::Tensor weights = summed(x_.size(0), at.forward.width,
                                      [&](std::int64_t begin, std::int64_t end, float* sums) {
                                        kernels::HeadsBack<T> own = at;
                                        own.weights = learns ? sums : nullptr;
                                        kernels::typed<T>().heads_back(own, begin, end);
                                      });
    result[0] = x;
    if (learns) result[1] = weights;
    return result;
  }

 private:
  kernels::Heads<T> described() {
    const Rows<const T> rows = rows_of<T>(x_);
    return {x_.size(1),
            x_.size(2),
            static_cast<float>(options_.eps),
            options_.normed,
            floats(weight_),
            options_.turned,
            options_.pairs,
            floats(cosine_),
            floats(sine_),
            rows,
            nullptr};
  }
  HeadsOptions options_;
  std::size_t operands_ = 1;
  at::Tensor x_, weight_, cosine_, sine_;
};

template <typename T>
class FusedGated : public Differentiable {
 public:
  Tensors forward(const Tensors& in) override {
    gate_ = in[0];
    up_ = in[1];
    const at::Tensor y = at::empty(gate_.sizes(), scalar_type<T>());
    kernels::Gated<T> at = described();
    at.y = data_of<T>(y);
    for_rows(gate_.size(0), at.width, [&](std::int64_t begin, std::int64_t end) {
      kernels::typed<T>().gated(at, begin, end);
    });
    return {y};
  }
  Tensors backward(const Tensors& gradients, const std::vector<bool>&) override {
    if (!gradients[0].defined()) return Tensors(2);
    const at::Tensor gradient = dense<T>(gradients[0]);
    const at::Tensor gate = at::empty(gate_.sizes(), scalar_type<T>()),
                     up = at::empty(gate_.sizes(), scalar_type<T>());
    const kernels::GatedBack<T> at{described(), data_of<const T>(gradient), data_of<T>(gate),
                                   data_of<T>(up)};
    for_rows(gate_.size(0), at.forward.width, [&](std::int64_t begin, std::int64_t end) {
      kernels::typed<T>().gated_back(at, begin, end);
    });
    return {gate, up};
  }

 private:
  kernels::Gated<T> described() {
    const Rows<const T> gate = rows_of<T>(gate_), up = rows_of<T>(up_);
    return {gate_.numel() / std::max<std::int64_t>(gate_.size(0), 1), gate, up, nullptr};
  }
  at::Tensor gate_, up_;
};

class FusedRows : public Differentiable {
 public:
  Tensors forward(const Tensors& in) override {
    table_ = in[0];
    index_ = in[1];
    return {table_.index_select(0, index_)};
  }
  Tensors backward(const Tensors& gradients, const std::vector<bool>&) override {
    if (!gradients[0].defined()) return Tensors(2);
    const at::Tensor gradient = gradients[0].to(at::kFloat).contiguous();
    const at::Tensor own = collects(table_) ? table_.grad() : at::zeros(table_.sizes());
    const std::int64_t width = own.size(1);
    const auto* index = index_.data_ptr<std::int64_t>();
    const float* from = floats(gradient);
    float* to = data_of<float>(own);
    // columns are shared out, so that two threads never meet
    at::parallel_for(0, width, 64, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = 0; row < index_.numel(); ++row)
        for (std::int64_t i = begin; i < end; ++i)
          to[index[row] * width + i] += from[row * width + i];
    });
    return {collects(table_) ? at::Tensor() : own, at::Tensor()};
  }

 private:
  at::Tensor table_, index_;
};

}  // namespace

Tensors fused_norm(const Tensors& in, bool has_delta, bool has_weight, const NormOptions& options) {
  if (options.half)
    return with_backward(std::make_unique<FusedNorm<Half>>(has_delta, has_weight, options.eps), in);
  return with_backward(std::make_unique<FusedNorm<float>>(has_delta, has_weight, options.eps), in);
}

at::Tensor fused_heads(const Tensors& in, const HeadsOptions& options) {
  if (in[0].scalar_type() == at::kBFloat16)
    return with_backward(std::make_unique<FusedHeads<Half>>(options), in)[0];
  return with_backward(std::make_unique<FusedHeads<float>>(options), in)[0];
}

at::Tensor fused_gated(const at::Tensor& gate, const at::Tensor& up, bool half) {
  if (half) return with_backward(std::make_unique<FusedGated<Half>>(), {gate, up})[0];
  return with_backward(std::make_unique<FusedGated<float>>(), {gate, up})[0];
}

at::Tensor fused_rows(const at::Tensor& table, const at::Tensor& index) {
  return with_backward(std::make_unique<FusedRows>(), {table, index})[0];
}

}  // namespace pliant::aten
