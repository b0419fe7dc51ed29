#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "graph/reference/kernels.h"

namespace pliant::reference {
namespace {

struct Split {  // offsets along the chosen axes, and of every line along them
  Offsets lines, along;
};

Split split(const Shape& shape, const kind::Axes& axes) {
  Shape kept = shape, chosen;
  Offsets pitch = strides(shape), chosen_pitch;
  for (const int axis : axes) {
    chosen.push_back(shape[axis]);
    chosen_pitch.push_back(pitch[axis]);
    kept[axis] = 1;
  }
  return {box(kept, pitch), box(chosen, chosen_pitch)};
}

template <typename Work>
void for_lines(const Split& parts, ThreadPool& pool, const Work& work) {
  for_ranges(pool, static_cast<std::int64_t>(parts.lines.size()),
             4096 / static_cast<std::int64_t>(parts.along.size() + 1) + 1,
             [&](std::int64_t begin, std::int64_t end) {
               for (std::int64_t i = begin; i < end; ++i) work(i, parts.lines[i]);
             });
}

}  // namespace

void evaluate(const kind::Softmax& softmax, const OperatorCall& call) {
  const TensorView &x = call.in[0], &y = call.out[0];
  const Split parts = split(x.type.shape, {softmax.axis});
  for_lines(parts, call.pool, [&](std::int64_t, std::int64_t base) {
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    for (const auto at : parts.along) most = std::max(most, read(x, base + at));
    for (const auto at : parts.along) sum += std::exp(read(x, base + at) - most);
    for (const auto at : parts.along)
      write(y, base + at, std::exp(read(x, base + at) - most) / sum);
  });
}

void evaluate(const kind::Normalize& kind, const OperatorCall& call) {
  const TensorView &x = call.in[kind.x], &y = call.out[kind.y];
  const Split parts = split(x.type.shape, kind.axes);
  const auto count = static_cast<double>(parts.along.size());
  for_lines(parts, call.pool, [&](std::int64_t line, std::int64_t base) {
    double mean = 0, variance = 0;
    if (kind.centre)
      for (const auto at : parts.along) mean += read(x, base + at) / count;
    for (const auto at : parts.along) variance += std::pow(read(x, base + at) - mean, 2);
    variance /= count;
    for (const auto at : parts.along)
      write(y, base + at, (read(x, base + at) - mean) / std::sqrt(variance + kind.eps));
    if (call.out.size() == 1) return;
    write(call.out[kind.mean], line, mean);
    write(call.out[kind.variance], line, variance);
  });
}

void evaluate(const kind::Rotary& rotary, const OperatorCall& call) {
  const TensorView &x = call.in[rotary.x], &pos = call.in[rotary.pos], &y = call.out[0];
  const std::int64_t rows = x.type.shape[0], heads = x.type.shape[1], width = x.type.shape[2],
                     half = rotary.dims / 2;
  const bool halves = rotary.style == kind::RotaryStyle::halves;
  for_ranges(call.pool, rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin * heads; line < end * heads; ++line) {
      for (std::int64_t i = 0; i < half; ++i) {
        const double turn =
            std::pow(rotary.base, -2.0 * static_cast<double>(i) / static_cast<double>(rotary.dims));
        const double slower =
            call.in.size() > rotary.factors ? read(call.in[rotary.factors], i) : 1;
        const double angle = read(pos, line / heads) * turn * rotary.scaling / slower;
        const std::int64_t a = line * width + (halves ? i : 2 * i), b = a + (halves ? half : 1);
        write(y, a, read(x, a) * std::cos(angle) - read(x, b) * std::sin(angle));
        write(y, b, read(x, b) * std::cos(angle) + read(x, a) * std::sin(angle));
      }
      for (std::int64_t i = rotary.dims; i < width; ++i)
        write(y, line * width + i, read(x, line * width + i));
    }
  });
}

namespace {

// One running logsumexp per row, fed with pieces of the logits.
struct Streaming {
  double most = -std::numeric_limits<double>::infinity(), sum = 0;
  void feed(std::span<const double> logits) {
    const double top = std::max(most, *std::ranges::max_element(logits));
    if (top == -std::numeric_limits<double>::infinity()) return;
    sum *= std::exp(most - top);
    for (const double logit : logits) sum += std::exp(logit - top);
    most = top;
  }
  double result() const { return most + std::log(sum); }
};

void check_targets(const TensorView& target, std::int64_t vocabulary, const OperatorCall& call) {
  for (std::int64_t i = 0; i < elements(target.type.shape); ++i)
    if (get_int(target, i) >= vocabulary)
      throw Error(ErrorKind::invalid, std::string(call.place),
                  fmt::format("target {} of row {} is outside a table of {} rows",
                              get_int(target, i), i, vocabulary));
}

}  // namespace

void evaluate(const kind::CrossEntropy& kind, const OperatorCall& call) {
  const TensorView &hidden = call.in[kind.hidden], &table = call.in[kind.table],
                   &target = call.in[kind.target];
  const std::int64_t rows = hidden.type.shape[0], width = hidden.type.shape[1],
                     vocabulary = table.type.shape[0];
  check_targets(target, vocabulary, call);
  constexpr std::int64_t piece = 1024;
  std::vector<Streaming> streams(static_cast<std::size_t>(rows));
  std::vector<double> chosen(streams.size(), 0);
  const Offsets hidden_rows = box({rows}, {width}), inner = box({width}, {1});
  for (std::int64_t first = 0; first < vocabulary; first += piece) {
    const std::int64_t count = std::min(piece, vocabulary - first);
    Tensor logits({DType::f64, {rows, count}});
    multiply({hidden, {0}, hidden_rows, inner},
             {table, {first * width}, box({count}, {width}), inner},
             {logits.view(), {0}, box({rows}, {count}), box({count}, {1})}, call.pool);
    call.pool.parallel(rows, [&](std::int64_t row, int) {
      const auto own = logits.span<double>().subspan(row * count, count);
      streams[row].feed(own);
      const std::int64_t wanted = get_int(target, row) - first;
      if (wanted >= 0 && wanted < count) chosen[row] = own[wanted];
    });
  }
  for (std::int64_t row = 0; row < rows; ++row) {
    const double total = streams[row].result();
    write(call.out[kind.nll], row, get_int(target, row) < 0 ? 0 : total - chosen[row]);
    write(call.out[kind.logsumexp], row, total);
  }
}

}  // namespace pliant::reference
