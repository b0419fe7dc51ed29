#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "graph/reference/kernels.h"

namespace pliant::reference {
namespace {

struct Rows {
  std::vector<std::int64_t> seq, pos;
};

std::vector<std::int64_t> to_integers(const TensorView& view) {
  std::vector<std::int64_t> result(static_cast<std::size_t>(elements(view.type.shape)));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = get_int(view, static_cast<std::int64_t>(i));
  return result;
}

bool sees(const kind::Attention& kind, const Rows& rows, std::size_t i, std::size_t j) {
  if (rows.seq[i] < 0 || rows.seq[i] != rows.seq[j]) return false;
  if (kind.causal && rows.pos[j] > rows.pos[i]) return false;
  return kind.window <= 0 || rows.pos[i] - rows.pos[j] < kind.window;
}

// In four interleaved sums, so that the additions do not wait for each other.
double dot(const double* a, const double* b, std::int64_t count) {
  double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  std::int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    s0 += a[i] * b[i];
    s1 += a[i + 1] * b[i + 1];
    s2 += a[i + 2] * b[i + 2];
    s3 += a[i + 3] * b[i + 3];
  }
  for (; i < count; ++i) s0 += a[i] * b[i];
  return (s0 + s1) + (s2 + s3);
}

void check_positions(const Rows& rows, const TensorView& bias, const OperatorCall& call) {
  const std::int64_t limit = bias.type.shape[1];
  for (std::size_t i = 0; i < rows.pos.size(); ++i)
    if (rows.seq[i] >= 0 && (rows.pos[i] < 0 || rows.pos[i] >= limit))
      throw Error(ErrorKind::invalid, std::string(call.place),
                  fmt::format("position {} of row {} is outside the bias {}", rows.pos[i], i,
                              to_string(bias.type)));
}

class Attend {
 public:
  Attend(const kind::Attention& kind, const OperatorCall& call)
      : kind_(kind),
        call_(call),
        q_(to_doubles(call.in[kind.q], call.pool)),
        k_(to_doubles(call.in[kind.k], call.pool)),
        v_(to_doubles(call.in[kind.v], call.pool)),
        rows_{to_integers(call.in[kind.seq]), to_integers(call.in[kind.pos])} {
    if (const auto bias = kind.bias()) bias_ = &call.in[*bias];
    if (const auto tree = kind.tree()) tree_ = &call.in[*tree];
    if (bias_ != nullptr) check_positions(rows_, *bias_, call);
  }

  void run() const {
    const std::int64_t rows = call_.in[kind_.q].type.shape[0];
    for_ranges(call_.pool, rows * heads_, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) attend(i / heads_, i % heads_);
    });
  }

 private:
  std::vector<std::int64_t> visible(std::int64_t row) const {
    std::vector<std::int64_t> result;
    const std::int64_t tree_width = tree_ == nullptr ? 0 : tree_->type.shape[1];
    for (std::size_t j = 0; j < rows_.seq.size(); ++j) {
      const auto column = static_cast<std::int64_t>(j);
      if (!sees(kind_, rows_, static_cast<std::size_t>(row), j)) continue;
      if (tree_ == nullptr || get_int(*tree_, row * tree_width + column) != 0)
        result.push_back(column);
    }
    return result;
  }

  double score(std::int64_t row, std::int64_t head, std::int64_t other) const {
    const std::int64_t shared = head / (heads_ / groups_);
    double result = kind_.scale * dot(q_.data() + (row * heads_ + head) * width_,
                                      k_.data() + (other * groups_ + shared) * width_, width_);
    if (kind_.cap > 0) result = kind_.cap * std::tanh(result / kind_.cap);
    if (bias_ != nullptr) {
      const std::int64_t limit = bias_->type.shape[1];
      const std::int64_t from = rows_.pos[row];
      result += read(*bias_, (head * limit + from) * limit + rows_.pos[other]);
    }
    return result;
  }

  void attend(std::int64_t row, std::int64_t head) const {
    const auto others = visible(row);
    std::vector<double> sums(static_cast<std::size_t>(value_width_), 0), scores;
    double most = -std::numeric_limits<double>::infinity(), total = 0;
    for (const auto other : others)
      most = std::max(most, scores.emplace_back(score(row, head, other)));
    for (std::size_t i = 0; i < others.size(); ++i) {
      const double weight = std::exp(scores[i] - most);
      const double* value =
          v_.data() + (others[i] * groups_ + head / (heads_ / groups_)) * value_width_;
      for (std::size_t d = 0; d < sums.size(); ++d) sums[d] += weight * value[d];
      total += weight;
    }
    for (std::size_t d = 0; d < sums.size(); ++d)
      write(call_.out[0], (row * heads_ + head) * value_width_ + static_cast<std::int64_t>(d),
            others.empty() ? 0 : sums[d] / total);
  }

  const kind::Attention& kind_;
  const OperatorCall& call_;
  const std::vector<double> q_, k_, v_;
  const Rows rows_;
  const TensorView *bias_ = nullptr, *tree_ = nullptr;
  const std::int64_t heads_ = call_.in[kind_.q].type.shape[1],
                     groups_ = call_.in[kind_.k].type.shape[1];
  const std::int64_t width_ = call_.in[kind_.q].type.shape[2],
                     value_width_ = call_.in[kind_.v].type.shape[2];
};

}  // namespace

void evaluate(const kind::Attention& attention, const OperatorCall& call) {
  Attend(attention, call).run();
}

}  // namespace pliant::reference
