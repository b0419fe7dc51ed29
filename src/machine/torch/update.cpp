#include "machine/torch/update.h"

#include <algorithm>
#include <cmath>

namespace pliant::aten {
namespace {

// Elements that one chain of operators works on at a time, so that they stay in the cache.
std::int64_t piece_of(const at::Tensor& bucket) {
  return bucket.is_cuda() ? bucket.numel() : std::int64_t{1} << 15;
}

// w -= rate * step + decay * w, the second only where both agree if `cautious`.
void apply_step(at::Tensor& weights, const at::Tensor& step, double rate, double decay,
                bool cautious) {
  if (decay != 0 && cautious) weights.sub_(weights.mul(step).gt_(0).mul_(weights), decay);
  else if (decay != 0) weights.mul_(1 - decay);
  weights.sub_(step, rate);
}

void adamw(Buckets& buckets, const Range& range, double rate, std::int64_t step) {
  const Group& group = range.group;
  const auto count = static_cast<double>(step);
  const double bias1 = 1 - std::pow(group.beta1, count), bias2 = 1 - std::pow(group.beta2, count);
  const std::int64_t piece = piece_of(buckets.parameters), end = range.offset + range.count;
  for (std::int64_t at = range.offset; at < end; at += piece) {
    const std::int64_t length = std::min(piece, end - at);
    const auto part = [&](const at::Tensor& bucket) { return bucket.narrow(0, at, length); };
    at::Tensor weights = part(buckets.parameters), first = part(buckets.first),
               second = part(buckets.second);
    const at::Tensor gradient = part(buckets.gradients);
    first.mul_(group.beta1).add_(gradient, 1 - group.beta1);
    second.mul_(group.beta2).addcmul_(gradient, gradient, 1 - group.beta2);
    const at::Tensor divisor = second.sqrt().div_(std::sqrt(bias2)).add_(group.epsilon);
    apply_step(weights, first.div(divisor), rate / bias1, rate * group.decay, group.cautious);
  }
}

// An orthogonal matrix of [rows, columns] has elements of mean square 1 / max(rows, columns); times
// 0.2 sqrt(max) the step is as large as AdamW's usual ones (arXiv 2502.16982, equation 4), so that
// one rate and decay suit both.
at::Tensor scaled_orthogonal(const at::Tensor& x, int iterations) {
  const auto longest = static_cast<double>(std::max(x.size(-2), x.size(-1)));
  return orthogonal(x, iterations).to(at::kFloat).mul_(0.2 * std::sqrt(longest));
}

// Blocks of one size next to each other are one batch.
at::Tensor muon_step(const at::Tensor& x, const Slot& slot, int iterations) {
  if (slot.blocks.empty()) return scaled_orthogonal(x, iterations);
  Tensors parts;
  std::int64_t row = 0;
  for (std::size_t i = 0; i < slot.blocks.size();) {
    std::size_t last = i;
    while (last < slot.blocks.size() && slot.blocks[last] == slot.blocks[i]) ++last;
    const auto blocks = static_cast<std::int64_t>(last - i), rows = slot.blocks[i];
    const at::Tensor batch = x.narrow(0, row, blocks * rows).view({blocks, rows, x.size(1)});
    parts.push_back(scaled_orthogonal(batch, iterations).reshape({blocks * rows, x.size(1)}));
    row += blocks * rows;
    i = last;
  }
  return at::cat(parts, 0);
}

void muon(Buckets& buckets, const Range& range, const Slot& slot, double rate, bool half) {
  const Group& group = range.group;
  at::Tensor weights = Buckets::view(buckets.parameters, slot),
             momentum = Buckets::view(buckets.first, slot);
  const at::Tensor gradient = Buckets::view(buckets.gradients, slot);
  momentum.mul_(group.momentum).add_(gradient);
  const at::Tensor ahead = gradient.add(momentum, group.momentum);
  const at::Tensor step = muon_step(half ? ahead.to(at::kBFloat16) : ahead, slot, group.iterations);
  apply_step(weights, step, rate, rate * group.decay, group.cautious);
}

}  // namespace

at::Tensor orthogonal(const at::Tensor& x, int iterations) {
  constexpr double a = 3.4445, b = -4.7750, c = 2.0315;
  const bool tall = x.size(-2) > x.size(-1);
  at::Tensor y = tall ? x.transpose(-2, -1) : x;
  y = y.div(y.to(at::kFloat).square().sum({-2, -1}, true).sqrt_().add_(1e-7).to(y.scalar_type()));
  for (int i = 0; i < iterations; ++i) {
    const at::Tensor gram = y.matmul(y.transpose(-2, -1));
    const at::Tensor mixed = gram.mul(b).add_(gram.matmul(gram), c);
    y = y.mul(a).add_(mixed.matmul(y));
  }
  return tall ? y.transpose(-2, -1) : y;
}

void update(Buckets& buckets, const Range& range, double rate, std::int64_t step, bool half) {
  const double own = rate * range.group.rate;
  if (range.group.rule == Rule::adamw) return adamw(buckets, range, own, step);
  for (std::size_t i = range.first_slot; i < range.last_slot; ++i)
    muon(buckets, range, buckets.slots()[i], own, half);
}

}  // namespace pliant::aten
