// Composite kinds without windows, as chains of libtorch's operators.
#include <fmt/format.h>

#include <cmath>
#include <set>

#include "core/error.h"
#include "machine/torch/kinds/compute.h"

namespace pliant::aten {

Tensors compute(const kind::Softmax& kind, const Call& call) {
  return {call.held(at::softmax(call.real(0), kind.axis))};
}

Tensors compute(const kind::Normalize& kind, const Call& call) {
  const at::Tensor x = call.real(kind.x);
  const std::vector<std::int64_t> axes(kind.axes.begin(), kind.axes.end());
  const auto mean_of = [&](const at::Tensor& each) {
    return axes.empty() ? each : each.mean(axes, /*keepdim=*/true);
  };
  at::Tensor mean, centred = x;
  if (kind.centre) {
    mean = mean_of(x);
    centred = x - mean;
  }
  const at::Tensor variance = mean_of(centred * centred);
  Tensors results{call.held(centred * (variance + kind.eps).rsqrt())};
  if (call.op.out.size() == 1) return results;
  results.push_back(call.held(kind.centre ? mean : at::zeros_like(variance), kind.mean));
  results.push_back(call.held(variance, kind.variance));
  return results;
}

std::pair<at::Tensor, at::Tensor> turns(const kind::Rotary& kind, const Call& call) {
  const at::NoGradGuard no_gradients;
  const auto options = at::TensorOptions().dtype(at::kDouble).device(call.in[kind.pos].device());
  const auto dims = static_cast<double>(kind.dims);
  at::Tensor turn = at::scalar_tensor(kind.base, options)
                        .pow(at::arange(kind.dims / 2, options) * (-2.0 / dims)) *
                    kind.scaling;
  if (call.in.size() > kind.factors) turn = turn / call.in[kind.factors].to(at::kDouble);
  const at::Tensor angle = call.in[kind.pos].to(at::kDouble).unsqueeze(1) * turn;
  return {angle.cos().to(at::kFloat), angle.sin().to(at::kFloat)};
}

Tensors compute(const kind::Rotary& kind, const Call& call) {
  const at::Tensor x = call.real(kind.x);
  auto [cosine, sine] = turns(kind, call);
  cosine = cosine.unsqueeze(1).to(x.scalar_type());
  sine = sine.unsqueeze(1).to(x.scalar_type());
  const std::int64_t half = kind.dims / 2;
  const bool halves = kind.style == kind::RotaryStyle::halves;
  const at::Tensor turned = x.narrow(2, 0, kind.dims);
  const at::Tensor a = halves ? turned.narrow(2, 0, half) : turned.slice(2, 0, kind.dims, 2),
                   b = halves ? turned.narrow(2, half, half) : turned.slice(2, 1, kind.dims, 2);
  const at::Tensor first = a * cosine - b * sine, second = b * cosine + a * sine;
  Tensors parts{first, second};
  if (!halves) parts = {at::stack({first, second}, 3).flatten(2, 3)};
  if (kind.dims < x.size(2)) parts.push_back(x.narrow(2, kind.dims, x.size(2) - kind.dims));
  return {call.held(at::cat(parts, 2))};
}

namespace {

// Some rows of the operands; bias and tree whole.
struct Attending {
  at::Tensor q, k, v, seq, pos;
};

at::Tensor visible(const kind::Attention& kind, const Call& call, const Attending& rows) {
  at::Tensor sees =
      rows.seq.unsqueeze(1).eq(rows.seq.unsqueeze(0)).logical_and(rows.seq.ge(0).unsqueeze(1));
  const at::Tensor distance = rows.pos.unsqueeze(1) - rows.pos.unsqueeze(0);
  if (kind.causal) sees = sees.logical_and(distance.ge(0));
  if (kind.window > 0) sees = sees.logical_and(distance.lt(kind.window));
  if (const auto tree = kind.tree()) sees = sees.logical_and(call.in[*tree]);
  return sees;
}

// f32 [Hq,R,R]. Padding rows may hold any position.
at::Tensor attention_bias(const Call& call, const Attending& rows, std::size_t operand) {
  const at::Tensor bias = call.real(operand);
  const at::Tensor pos = rows.pos.to(at::kLong).masked_fill(rows.seq.lt(0), 0);
  check_index(pos, bias.size(1), call);
  return bias.index_select(1, pos).index_select(2, pos);
}

at::Tensor attend(const kind::Attention& kind, const Call& call, const Attending& at) {
  const std::int64_t rows = at.q.size(0), heads = at.q.size(1), groups = at.k.size(1);
  const at::Tensor queries = at.q.reshape({rows, groups, heads / groups, at.q.size(2)});
  at::Tensor scores = at::einsum("ihgd,jhd->hgij", {queries, at.k}).reshape({heads, rows, rows});
  scores = scores.to(at.q.scalar_type() == at::kDouble ? at::kDouble : at::kFloat) * kind.scale;
  if (kind.cap > 0) scores = (scores / kind.cap).tanh() * kind.cap;
  if (const auto bias = kind.bias()) scores = scores + attention_bias(call, at, *bias);
  const at::Tensor hidden = visible(kind, call, at).logical_not();
  // a row that sees nothing is uniform here, and then cleared: no NaN, also in its gradient
  at::Tensor weights = at::softmax(scores.masked_fill(hidden, -3e38), 2);
  weights = weights.masked_fill(hidden, 0).to(at.v.scalar_type());
  const at::Tensor mixed =
      at::einsum("hgij,jhd->ihgd", {weights.reshape({groups, heads / groups, rows, rows}), at.v});
  return mixed.reshape({rows, heads, at.v.size(2)});
}

// Where each run of one sequence begins, and the end; the whole as one run where a sequence comes
// back later.
std::vector<std::int64_t> runs_of(const at::Tensor& seq) {
  const at::Tensor ids = seq.to(at::kCPU).to(at::kLong).contiguous();
  const auto* each = ids.data_ptr<std::int64_t>();
  const std::int64_t rows = ids.numel();
  std::vector<std::int64_t> starts;
  std::set<std::int64_t> seen;
  for (std::int64_t i = 0; i < rows; ++i) {
    if (i > 0 && each[i] == each[i - 1]) continue;
    if (!seen.insert(each[i]).second) return {0, rows};
    starts.push_back(i);
  }
  starts.push_back(rows);
  return starts;
}

}  // namespace

Tensors compute(const kind::Attention& kind, const Call& call) {
  const Attending all{call.factor(kind.q), call.factor(kind.k), call.factor(kind.v),
                      call.in[kind.seq], call.in[kind.pos]};
  const std::int64_t rows = all.q.size(0);
  const std::vector<std::int64_t> runs =
      kind.has_tree || rows == 0 ? std::vector<std::int64_t>{0, rows} : runs_of(all.seq);
  Tensors parts;
  for (std::size_t i = 0; i + 1 < runs.size(); ++i) {
    const auto part = [&](const at::Tensor& x) {
      return x.narrow(0, runs[i], runs[i + 1] - runs[i]);
    };
    parts.push_back(
        attend(kind, call, {part(all.q), part(all.k), part(all.v), part(all.seq), part(all.pos)}));
  }
  return {call.held(at::cat(parts, 0))};
}

void check_targets(const kind::CrossEntropy& kind, const Call& call) {
  const at::Tensor& target = call.in[kind.target];
  const std::int64_t vocabulary = call.in[kind.table].size(0);
  if (target.numel() == 0) return;
  const auto most = target.max().item<std::int64_t>();
  if (most < vocabulary) return;
  const auto row = at::argmax(target).item<std::int64_t>();
  throw Error(
      ErrorKind::invalid, call.op.name,
      fmt::format("target {} of row {} is outside a table of {} rows", most, row, vocabulary));
}

Tensors compute(const kind::CrossEntropy& kind, const Call& call) {
  check_targets(kind, call);
  const at::Tensor hidden = call.factor(kind.hidden), table = call.factor(kind.table);
  at::Tensor logits = hidden.mm(table.t());
  if (logits.scalar_type() == at::kBFloat16) logits = logits.to(at::kFloat);
  const at::Tensor total = at::logsumexp(logits, {1});
  const at::Tensor target = call.in[kind.target].to(at::kLong), ignored = target.lt(0);
  const at::Tensor chosen = at::gather(logits, 1, target.clamp_min(0).unsqueeze(1)).squeeze(1);
  return {call.held((total - chosen).masked_fill(ignored, 0), kind.nll),
          call.held(total, kind.logsumexp)};
}

}  // namespace pliant::aten
