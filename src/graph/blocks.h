// Builder helpers shared by importers and models: what is no kind of its own, written with the
// kinds. An absent optional operand is none. Names go to the operator that gives the result.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/builder.h"

namespace pliant::blocks {

inline constexpr ValueId none = ValueId::none;

// Activations: one Map each, of x's type.
ValueId relu(Builder& b, ValueId x, std::string name = "");
ValueId sigmoid(Builder& b, ValueId x, std::string name = "");
ValueId silu(Builder& b, ValueId x, std::string name = "");
ValueId gelu(Builder& b, ValueId x, bool tanh_form = false, std::string name = "");
ValueId hard_sigmoid(Builder& b, ValueId x, double alpha = 1.0 / 6, double beta = 0.5,
                     std::string name = "");
// x * hard_sigmoid(x)
ValueId hard_swish(Builder& b, ValueId x, std::string name = "");
// infinities: no bound
ValueId clip(Builder& b, ValueId x, double low, double high, std::string name = "");
ValueId add(Builder& b, ValueId x, ValueId y, std::string name = "");
ValueId multiply(Builder& b, ValueId x, ValueId y, std::string name = "");

// x [...,in], w [out,in], bias [out] -> [...,out].
ValueId linear(Builder& b, ValueId x, ValueId w, ValueId bias = none, std::string name = "");
// linear(x, w) + scale * linear(linear(x, down), up); down [rank,in], up [out,rank].
ValueId lora(Builder& b, ValueId x, ValueId w, ValueId down, ValueId up, double scale,
             std::string name = "");
// linear(silu(linear(x, gate)) * linear(x, up), down); gate and up [hidden,in], down [out,hidden].
ValueId swiglu(Builder& b, ValueId x, ValueId gate, ValueId up, ValueId down,
               std::string name = "");

// A per-channel value [C] shaped to broadcast against x [N,C,...].
ValueId per_channel(Builder& b, ValueId x, ValueId value);
// bias [O].
ValueId convolve(Builder& b, ValueId x, ValueId w, ValueId bias, kind::Convolve attributes,
                 std::string name = "");

// (x - mean) / sqrt(var + eps) * scale + bias, all [C], x [N,C,...]: the factors are operators on
// the parameters alone, which fold; what is left is one Map.
ValueId batch_norm(Builder& b, ValueId x, ValueId scale, ValueId bias, ValueId mean, ValueId var,
                   double eps, std::string name = "");
// In training: by the mean and the biased variance of x itself, over all axes but 1. mean and
// variance, unbiased, both [C], go into running statistics. Throws Error{invalid} for a channel of
// one element.
struct TrainedNorm {
  ValueId y, mean, variance;
};
TrainedNorm batch_norm_of_batch(Builder& b, ValueId x, ValueId scale, ValueId bias, double eps,
                                std::string name = "");
// -log softmax(logits)[label] per row; logits [R,classes], label i32 [R] -> [R].
ValueId negative_log_likelihood(Builder& b, ValueId logits, ValueId label, std::string name = "");
// Over the last axes that `scale` has (all of them), or the last one without `scale`; an affine Map
// follows if given.
ValueId layer_norm(Builder& b, ValueId x, ValueId scale, ValueId bias, double eps,
                   std::string name = "");
ValueId rms_norm(Builder& b, ValueId x, ValueId scale, double eps, std::string name = "");
// x / (k + alpha * mean of x^2 over `size` channels around)^beta, x [N,C,...]; the divisor of the
// mean is always `size`. One group.
ValueId lrn(Builder& b, ValueId x, std::int64_t size, double alpha, double beta, double k,
            std::string name = "");

// [N,C,...] -> [N,C,1...]
ValueId global_average_pool(Builder& b, ValueId x, std::string name = "");
// numpy's broadcast_to
ValueId expand(Builder& b, ValueId x, const Shape& shape, std::string name = "");

enum class Interpolation : std::uint8_t { nearest, linear, cubic };
// Where output i lies in the input, with scale = output size / input size unless given:
//   half_pixel (i + 0.5) / scale - 0.5; half_pixel_or_zero the same, 0 for an output of size 1;
//   align_corners i * (in - 1) / (out - 1); asymmetric i / scale.
enum class Coordinates : std::uint8_t { half_pixel, half_pixel_or_zero, align_corners, asymmetric };
enum class Nearest : std::uint8_t { round_half_down, round_half_up, floor, ceil };
struct Resize {
  Interpolation mode = Interpolation::linear;
  Coordinates coordinates = Coordinates::half_pixel;
  Nearest nearest = Nearest::round_half_down;
  double cubic = -0.75;  // Keys' coefficient
  // cubic: weights outside the input are dropped and the others rescaled, not clamped
  bool exclude_outside = false;
  std::vector<double> scales = {};  // per axis; empty: from the sizes
};

// To `sizes` (one per axis of x). Each axis that changes is a Gather (nearest) or an Einsum with a
// constant matrix.
ValueId resize(Builder& b, ValueId x, const Shape& sizes, const Resize& options,
               std::string name = "");
// f32 [out,in]
Tensor resize_matrix(std::int64_t in, std::int64_t out, double scale, const Resize& options);

}  // namespace pliant::blocks
