// Loops of the fused operators: rows in memory, no tensors. T is float, or Half for bf16; sums are
// in f32. One table of them per instruction set.
#pragma once

#include <cstdint>

namespace pliant::aten::kernels {

struct Half {
  std::uint16_t bits;
};

// Rows of one length at a distance from each other (elements).
template <typename T>
struct Rows {
  T* data = nullptr;
  std::int64_t pitch = 0;
  T* operator[](std::int64_t row) const { return data + row * pitch; }
};

// sum = x + delta (only if there is a delta), y = sum / sqrt(mean(sum^2) + eps) * weight (if any).
template <typename T>
struct Norm {
  std::int64_t width = 0;
  float eps = 0;
  const float* weight = nullptr;
  const float* x = nullptr;
  const T* delta = nullptr;
  float* sum = nullptr;
  T* y = nullptr;
  float* inverse = nullptr;  // [rows]: 1 / the root
};
// From the gradients of y and, if any, of sum.
template <typename T>
struct NormBack {
  std::int64_t width = 0;
  const float* weight = nullptr;
  const float* sum = nullptr;  // what was normalised
  const float* inverse = nullptr;
  const T* gradient = nullptr;
  const float* gradient_sum = nullptr;
  float* x = nullptr;        // written: the gradient of x
  T* delta = nullptr;        // the same, for delta; null: not wanted
  float* weights = nullptr;  // added to; null: not wanted
};

// Per head of `width` elements: y = turned(normed(x) * weight), each part if it is there.
template <typename T>
struct Heads {
  std::int64_t heads = 0, width = 0;
  float eps = 0;
  bool normed = false;
  const float* weight = nullptr;
  std::int64_t turned = 0;                         // leading elements that are rotated
  bool pairs = false;                              // (2i, 2i+1), else (i, i + turned/2)
  const float *cosine = nullptr, *sine = nullptr;  // [rows, turned/2]
  Rows<const T> x;
  float* y = nullptr;  // [rows, heads, width]
};
template <typename T>
struct HeadsBack {
  Heads<T> forward;                 // without y
  const float* gradient = nullptr;  // [rows, heads, width]
  T* x = nullptr;                   // written, [rows, heads, width]
  float* weights = nullptr;         // added to; null: not wanted
};

// y = silu(gate) * up
template <typename T>
struct Gated {
  std::int64_t width = 0;
  Rows<const T> gate, up;
  T* y = nullptr;
};
template <typename T>
struct GatedBack {
  Gated<T> forward;
  const T* gradient = nullptr;
  T *gate = nullptr, *up = nullptr;  // written
};

// A block of scores [rows, keys]; row i sees keys [low[i], high[i]). A score s counts as
// t = cap * tanh(scale * s / cap), or scale * s without cap.
struct Scores {
  std::int64_t keys = 0;
  const std::int64_t *low = nullptr, *high = nullptr;
  float scale = 1, cap = 0;
  float* scores = nullptr;
  float* total = nullptr;  // [rows]: log of the sum of exp(t)
};
// scores in; out: gradients of the scores. `weights`: written, exp(t - total).
struct ScoresBack {
  Scores forward;
  float* weights = nullptr;
  const float* gradient = nullptr;  // of the weights, [rows, keys]
  const float* inner = nullptr;     // [rows]: sum of gradient * weight
};

// Logits [rows, vocabulary].
template <typename T>
struct Loss {
  std::int64_t vocabulary = 0;
  T* logits = nullptr;
  const std::int32_t* target = nullptr;
  float *nll = nullptr, *total = nullptr;  // written; read by the backward pass
};
// Writes the gradient of the logits in their place.
template <typename T>
struct LossBack {
  Loss<T> forward;
  const float *nll = nullptr, *total = nullptr;  // gradients; null: 0
};

template <typename T>
struct Typed {
  void (*norm)(const Norm<T>&, std::int64_t begin, std::int64_t end);
  void (*norm_back)(const NormBack<T>&, std::int64_t begin, std::int64_t end);
  void (*heads)(const Heads<T>&, std::int64_t begin, std::int64_t end);
  void (*heads_back)(const HeadsBack<T>&, std::int64_t begin, std::int64_t end);
  void (*gated)(const Gated<T>&, std::int64_t begin, std::int64_t end);
  void (*gated_back)(const GatedBack<T>&, std::int64_t begin, std::int64_t end);
  void (*loss)(const Loss<T>&, std::int64_t begin, std::int64_t end);
  void (*loss_back)(const LossBack<T>&, std::int64_t begin, std::int64_t end);
};

struct Table {
  Typed<float> floats;
  Typed<Half> halves;
  void (*scores)(const Scores&, std::int64_t begin, std::int64_t end);
  void (*scores_back)(const ScoresBack&, std::int64_t begin, std::int64_t end);
};

const Table& portable();
const Table& avx2();    // as portable() where it is not compiled
const Table& avx512();  // the same

const Table& best();  // of this processor

template <typename T>
const Typed<T>& typed() {
  if constexpr (sizeof(T) == sizeof(float)) return best().floats;
  else return best().halves;
}

}  // namespace pliant::aten::kernels
