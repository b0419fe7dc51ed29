// The loops, compiled once per instruction set: included by portable.cpp, avx2.cpp and avx512.cpp
// alone, each within its own unnamed namespace.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>

#include "machine/torch/kernels/kernels.h"

namespace pliant::aten::kernels {
namespace {

using Index = std::int64_t;

inline float bits_to_float(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline std::uint32_t float_to_bits(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float read(float x) { return x; }
inline float read(Half x) { return bits_to_float(static_cast<std::uint32_t>(x.bits) << 16); }
inline void put(float& to, float value) { to = value; }
inline void put(Half& to, float value) {  // to nearest even
  const std::uint32_t bits = float_to_bits(value);
  const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  to.bits = static_cast<std::uint16_t>(value != value ? 0x7fc0 : rounded);
}

inline float multiply_add(float a, float b, float c) {
#ifdef __FMA__
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

// e^x within 2 units in the last place; 0 below -87, at most e^88. The two-part logarithm of 2 and
// the polynomial are the usual ones (Cephes).
inline float exponential(float x) {
  const float top = x > 88.0f ? 88.0f : x;
  const float inside = top < -87.0f ? -87.0f : top;
  const float turns = __builtin_rintf(inside * 1.44269504f);
  float rest = multiply_add(turns, -0.693359375f, inside);
  rest = multiply_add(turns, 2.12194440e-4f, rest);
  float sum = 1.9875691500e-4f;
  sum = multiply_add(sum, rest, 1.3981999507e-3f);
  sum = multiply_add(sum, rest, 8.3334519073e-3f);
  sum = multiply_add(sum, rest, 4.1665795894e-2f);
  sum = multiply_add(sum, rest, 1.6666665459e-1f);
  sum = multiply_add(sum, rest, 5.0000001201e-1f);
  sum = multiply_add(sum, rest * rest, rest) + 1.0f;
  const auto power = static_cast<std::int32_t>(turns);
  const float scale = bits_to_float(static_cast<std::uint32_t>(power + 127) << 23);
  return top < -87.0f ? 0.0f : sum * scale;
}

inline float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }

// A sum is split into lanes that add up alone, so that it runs in vectors in one order everywhere.
constexpr Index lanes = 16;

template <typename Term>
inline float sum_of(Index count, const Term& term) {
  float part[lanes] = {};
  Index i = 0;
  for (; i + lanes <= count; i += lanes)
    for (Index k = 0; k < lanes; ++k) part[k] += term(i + k);
  for (Index k = 0; i < count; ++i, ++k) part[k] += term(i);
  float sum = 0;
  for (Index k = 0; k < lanes; ++k) sum += part[k];
  return sum;
}

template <typename Term>
inline float most_of(Index count, const Term& term) {  // a NaN stays
  float part[lanes];
  for (float& each : part) each = -std::numeric_limits<float>::infinity();
  const auto take = [](float most, float x) { return x > most || x != x ? x : most; };
  Index i = 0;
  for (; i + lanes <= count; i += lanes)
    for (Index k = 0; k < lanes; ++k) part[k] = take(part[k], term(i + k));
  for (Index k = 0; i < count; ++i, ++k) part[k] = take(part[k], term(i));
  float most = part[0];
  for (Index k = 1; k < lanes; ++k) most = take(most, part[k]);
  return most;
}

inline float mean_square(const float* x, Index width) {
  return sum_of(width, [x](Index i) { return x[i] * x[i]; }) / static_cast<float>(width);
}

template <typename T>
void norm(const Norm<T>& at, Index begin, Index end) {
  for (Index row = begin; row < end; ++row) {
    const float* x = at.x + row * at.width;
    if (at.delta != nullptr) {
      const T* delta = at.delta + row * at.width;
      float* sum = at.sum + row * at.width;
      for (Index i = 0; i < at.width; ++i) sum[i] = x[i] + read(delta[i]);
      x = sum;
    }
    const float inverse = 1 / std::sqrt(mean_square(x, at.width) + at.eps);
    at.inverse[row] = inverse;
    T* y = at.y + row * at.width;
    if (at.weight == nullptr)
      for (Index i = 0; i < at.width; ++i) put(y[i], x[i] * inverse);
    else
      for (Index i = 0; i < at.width; ++i) put(y[i], x[i] * inverse * at.weight[i]);
  }
}

template <typename T>
void norm_back(const NormBack<T>& at, Index begin, Index end) {
  const Index width = at.width;
  const auto weight = [&at](Index i) { return at.weight == nullptr ? 1.0f : at.weight[i]; };
  for (Index row = begin; row < end; ++row) {
    const float* x = at.sum + row * width;
    const T* gradient = at.gradient + row * width;
    const float inverse = at.inverse[row];
    const float inner =
        sum_of(width, [&](Index i) { return read(gradient[i]) * weight(i) * x[i]; }) /
        static_cast<float>(width) * inverse * inverse;
    float* to = at.x + row * width;
    for (Index i = 0; i < width; ++i)
      to[i] = inverse * (read(gradient[i]) * weight(i) - x[i] * inner);
    if (at.gradient_sum != nullptr)
      for (Index i = 0; i < width; ++i) to[i] += at.gradient_sum[row * width + i];
    if (at.delta != nullptr)
      for (Index i = 0; i < width; ++i) put(at.delta[row * width + i], to[i]);
    if (at.weights != nullptr)
      for (Index i = 0; i < width; ++i) at.weights[i] += read(gradient[i]) * x[i] * inverse;
  }
}

constexpr Index widest_head = 512;

// In place, by the angles or back.
template <typename T>
inline void turn(float* y, const Heads<T>& at, Index row, float direction) {
  const Index half = at.turned / 2;
  const float *cosine = at.cosine + row * half, *sine = at.sine + row * half;
  const Index step = at.pairs ? 2 : 1, apart = at.pairs ? 1 : half;
  for (Index i = 0; i < half; ++i) {
    const float a = y[i * step], b = y[i * step + apart];
    y[i * step] = a * cosine[i] - direction * b * sine[i];
    y[i * step + apart] = b * cosine[i] + direction * a * sine[i];
  }
}

template <typename T>
void heads(const Heads<T>& at, Index begin, Index end) {
  for (Index row = begin; row < end; ++row)
    for (Index head = 0; head < at.heads; ++head) {
      const T* x = at.x[row] + head * at.width;
      float* y = at.y + (row * at.heads + head) * at.width;
      for (Index i = 0; i < at.width; ++i) y[i] = read(x[i]);
      if (at.normed) {
        const float inverse = 1 / std::sqrt(mean_square(y, at.width) + at.eps);
        for (Index i = 0; i < at.width; ++i) y[i] *= inverse;
        if (at.weight != nullptr)
          for (Index i = 0; i < at.width; ++i) y[i] *= at.weight[i];
      }
      if (at.turned > 0) turn(y, at, row, 1);
    }
}

template <typename T>
inline void head_back(const HeadsBack<T>& back, Index row, Index head) {
  const Heads<T>& at = back.forward;
  const Index width = at.width;
  const T* x = at.x[row] + head * width;
  const Index offset = (row * at.heads + head) * width;
  float gradient[widest_head], values[widest_head];
  for (Index i = 0; i < width; ++i) gradient[i] = back.gradient[offset + i];
  if (at.turned > 0) turn(gradient, at, row, -1);
  if (at.normed) {
    for (Index i = 0; i < width; ++i) values[i] = read(x[i]);
    const float inverse = 1 / std::sqrt(mean_square(values, width) + at.eps);
    if (back.weights != nullptr)
      for (Index i = 0; i < width; ++i) back.weights[i] += gradient[i] * values[i] * inverse;
    if (at.weight != nullptr)
      for (Index i = 0; i < width; ++i) gradient[i] *= at.weight[i];
    const float inner = sum_of(width, [&](Index i) { return gradient[i] * values[i]; }) /
                        static_cast<float>(width) * inverse * inverse;
    for (Index i = 0; i < width; ++i) gradient[i] = inverse * (gradient[i] - values[i] * inner);
  }
  for (Index i = 0; i < width; ++i) put(back.x[offset + i], gradient[i]);
}

template <typename T>
void heads_back(const HeadsBack<T>& back, Index begin, Index end) {
  for (Index row = begin; row < end; ++row)
    for (Index head = 0; head < back.forward.heads; ++head) head_back(back, row, head);
}

template <typename T>
void gated(const Gated<T>& at, Index begin, Index end) {
  for (Index row = begin; row < end; ++row) {
    const T *gate = at.gate[row], *up = at.up[row];
    T* y = at.y + row * at.width;
    for (Index i = 0; i < at.width; ++i) {
      const float x = read(gate[i]);
      put(y[i], x * sigmoid(x) * read(up[i]));
    }
  }
}

template <typename T>
void gated_back(const GatedBack<T>& back, Index begin, Index end) {
  const Gated<T>& at = back.forward;
  for (Index row = begin; row < end; ++row) {
    const T *gate = at.gate[row], *up = at.up[row], *gradient = back.gradient + row * at.width;
    T *to_gate = back.gate + row * at.width, *to_up = back.up + row * at.width;
    for (Index i = 0; i < at.width; ++i) {
      const float x = read(gate[i]), g = read(gradient[i]), s = sigmoid(x);
      put(to_up[i], g * x * s);
      put(to_gate[i], g * read(up[i]) * (s + x * s * (1 - s)));
    }
  }
}

inline float counted(const Scores& at, float score) {
  const float scaled = score * at.scale;
  return at.cap > 0 ? at.cap * std::tanh(scaled / at.cap) : scaled;
}

void scores(const Scores& at, Index begin, Index end) {
  for (Index row = begin; row < end; ++row) {
    float* line = at.scores + row * at.keys;
    const Index low = at.low[row], count = at.high[row] - low;
    for (Index i = 0; i < low; ++i) line[i] = 0;
    for (Index i = at.high[row]; i < at.keys; ++i) line[i] = 0;
    float* seen = line + low;
    if (at.cap > 0)
      for (Index i = 0; i < count; ++i) seen[i] = counted(at, seen[i]);
    else
      for (Index i = 0; i < count; ++i) seen[i] *= at.scale;
    const float most = most_of(count, [seen](Index i) { return seen[i]; });
    for (Index i = 0; i < count; ++i) seen[i] = exponential(seen[i] - most);
    const float sum = sum_of(count, [seen](Index i) { return seen[i]; });
    const float inverse = 1 / sum;
    for (Index i = 0; i < count; ++i) seen[i] *= inverse;
    at.total[row] = most + std::log(sum);
  }
}

void scores_back(const ScoresBack& back, Index begin, Index end) {
  const Scores& at = back.forward;
  for (Index row = begin; row < end; ++row) {
    float *line = at.scores + row * at.keys, *weights = back.weights + row * at.keys;
    const float* gradient = back.gradient + row * at.keys;
    const Index low = at.low[row], high = at.high[row];
    for (Index i = 0; i < low; ++i) line[i] = weights[i] = 0;
    for (Index i = high; i < at.keys; ++i) line[i] = weights[i] = 0;
    const float total = at.total[row], inner = back.inner[row];
    if (at.cap > 0) {
      for (Index i = low; i < high; ++i) {
        const float t = counted(at, line[i]), w = exponential(t - total), bend = t / at.cap;
        weights[i] = w;
        line[i] = w * (gradient[i] - inner) * at.scale * (1 - bend * bend);
      }
      continue;
    }
    for (Index i = low; i < high; ++i) {
      const float w = exponential(line[i] * at.scale - total);
      weights[i] = w;
      line[i] = w * (gradient[i] - inner) * at.scale;
    }
  }
}

template <typename T>
void loss(const Loss<T>& at, Index begin, Index end) {
  for (Index row = begin; row < end; ++row) {
    const T* logits = at.logits + row * at.vocabulary;
    const float most = most_of(at.vocabulary, [logits](Index i) { return read(logits[i]); });
    const float sum = sum_of(
        at.vocabulary, [logits, most](Index i) { return exponential(read(logits[i]) - most); });
    at.total[row] = most + std::log(sum);
    at.nll[row] = at.target[row] < 0 ? 0 : at.total[row] - read(logits[at.target[row]]);
  }
}

template <typename T>
void loss_back(const LossBack<T>& back, Index begin, Index end) {
  const Loss<T>& at = back.forward;
  for (Index row = begin; row < end; ++row) {
    T* logits = at.logits + row * at.vocabulary;
    const std::int32_t target = at.target[row];
    const float chosen = back.nll == nullptr || target < 0 ? 0 : back.nll[row];
    const float all = chosen + (back.total == nullptr ? 0 : back.total[row]);
    const float total = at.total[row];
    const float own = target < 0 ? 0 : exponential(read(logits[target]) - total) * all - chosen;
    if (all == 0)
      for (Index i = 0; i < at.vocabulary; ++i) put(logits[i], 0);
    else
      for (Index i = 0; i < at.vocabulary; ++i)
        put(logits[i], exponential(read(logits[i]) - total) * all);
    if (target >= 0) put(logits[target], own);
  }
}

template <typename T>
constexpr Typed<T> typed_table{norm<T>,  norm_back<T>,  heads<T>, heads_back<T>,
                               gated<T>, gated_back<T>, loss<T>,  loss_back<T>};
constexpr Table table{typed_table<float>, typed_table<Half>, scores, scores_back};

}  // namespace
}  // namespace pliant::aten::kernels
