// Products with weights, whose gradients go straight where they are collected; and the loss at the
// end of them.
#include <algorithm>

#include "machine/torch/fused/fused.h"
#include "machine/torch/kernels/kernels.h"

namespace pliant::aten {

bool collects(const at::Tensor& tensor) {
  return tensor.is_leaf() && tensor.requires_grad() && tensor.grad().defined();
}

at::Tensor weight_gradient(const at::Tensor& weight, const at::Tensor& a, const at::Tensor& b,
                           std::int64_t first_row) {
  const bool whole = first_row == 0 && a.size(1) == weight.size(0);
  if (!collects(weight) && whole) return a.t().mm(b).to(at::kFloat);
  at::Tensor result = collects(weight) ? weight.grad() : at::zeros(weight.sizes());
  at::Tensor part = result.narrow(0, first_row, a.size(1));
  if (a.scalar_type() == at::kFloat) part.addmm_(a.t(), b);
  else part.add_(a.t().mm(b));
  return collects(weight) ? at::Tensor() : result;
}

namespace {

class FusedLinear : public Differentiable {
 public:
  FusedLinear(at::Tensor half_weight, std::vector<RowRange> rows, bool half)
      : half_weight_(std::move(half_weight)), rows_(std::move(rows)), half_(half) {}

  Tensors forward(const Tensors& in) override {
    sizes_ = in[0].sizes().vec();
    type_ = in[0].scalar_type();
    x_ = in[0].reshape({-1, sizes_.back()}).to(half_ ? at::kBFloat16 : at::kFloat);
    leaf_ = in[1];
    weight_ = in[1].detach();
    if (half_) weight_ = half_weight_.defined() ? half_weight_ : weight_.to(at::kBFloat16);
    const at::Tensor y = x_.mm(used().t());
    std::vector<std::int64_t> sizes = sizes_;
    Tensors results;
    std::int64_t column = 0;
    for (const RowRange& each : rows_) {
      sizes.back() = each.count;
      at::Tensor part = rows_.size() == 1 ? y.view(sizes) : y.narrow(1, column, each.count);
      if (rows_.size() > 1 && sizes.size() != 2) part = part.reshape(sizes);
      results.push_back(part.variable_data());
      column += each.count;
    }
    return results;
  }

  Tensors backward(const Tensors& gradients, const std::vector<bool>& wanted) override {
    Tensors parts;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const std::int64_t count = rows_[i].count;
      parts.push_back(gradients[i].defined()
                          ? gradients[i].reshape({-1, count}).to(x_.scalar_type())
                          : at::zeros({x_.size(0), count}, x_.options()));
    }
    const at::Tensor all = parts.size() == 1 ? parts[0] : at::cat(parts, 1);
    Tensors result(2);
    if (wanted[0]) result[0] = all.mm(used()).view(sizes_).to(type_);
    if (wanted[1]) result[1] = weight_gradient(leaf_, all, x_, rows_[0].first);
    return result;
  }

 private:
  // The rows of all ranges, which follow each other.
  at::Tensor used() const {
    std::int64_t count = 0;
    for (const RowRange& each : rows_) count += each.count;
    return weight_.narrow(0, rows_[0].first, count);
  }

  at::Tensor half_weight_;
  std::vector<RowRange> rows_;
  bool half_;
  std::vector<std::int64_t> sizes_;
  at::ScalarType type_ = at::kFloat;
  at::Tensor x_, leaf_, weight_;
};

template <typename T>
class FusedLoss : public Differentiable {
 public:
  explicit FusedLoss(at::Tensor half_table) : half_table_(std::move(half_table)) {}

  Tensors forward(const Tensors& in) override {
    type_ = in[0].scalar_type();
    hidden_ = in[0].to(product_type());
    leaf_ = in[1];
    table_ = in[1].detach();
    if (product_type() == at::kBFloat16)
      table_ = half_table_.defined() ? half_table_ : table_.to(at::kBFloat16);
    target_ = in[2].to(at::kInt).contiguous();
    const at::Tensor nll = at::empty({hidden_.size(0)});
    total_ = at::empty_like(nll);
    for_blocks([&](std::int64_t first, std::int64_t count) {
      at::Tensor logits = logits_of(first, count);
      const kernels::Loss<T> at = described(logits, nll, first);
      at::parallel_for(0, count, 8, [&](std::int64_t begin, std::int64_t end) {
        kernels::typed<T>().loss(at, begin, end);
      });
    });
    return {nll, total_.variable_data()};
  }

  Tensors backward(const Tensors& gradients, const std::vector<bool>& wanted) override {
    Tensors result(3);
    at::Tensor nll = gradients[0], total = gradients[1];
    if (nll.defined()) nll = nll.to(at::kFloat).contiguous();
    if (total.defined()) total = total.to(at::kFloat).contiguous();
    const at::Tensor hidden = at::empty_like(hidden_);
    at::Tensor table;
    if (wanted[1]) table = collects(leaf_) ? leaf_.grad() : at::zeros(leaf_.sizes());
    for_blocks([&](std::int64_t first, std::int64_t count) {
      at::Tensor logits = logits_of(first, count);
      const kernels::LossBack<T> at{described(logits, at::Tensor(), first), part(nll, first),
                                    part(total, first)};
      at::parallel_for(0, count, 8, [&](std::int64_t begin, std::int64_t end) {
        kernels::typed<T>().loss_back(at, begin, end);
      });
      if (wanted[0]) hidden.narrow(0, first, count).copy_(logits.mm(table_));
      if (!wanted[1]) return;
      const at::Tensor rows = hidden_.narrow(0, first, count);
      if constexpr (sizeof(T) == sizeof(float)) table.addmm_(logits.t(), rows);
      else table.add_(logits.t().mm(rows));
    });
    if (wanted[0]) result[0] = hidden.to(type_);
    if (wanted[1] && !collects(leaf_)) result[1] = table;
    return result;
  }

 private:
  static at::ScalarType product_type() {
    return sizeof(T) == sizeof(float) ? at::kFloat : at::kBFloat16;
  }
  static float* part(const at::Tensor& tensor, std::int64_t first) {
    return tensor.defined() ? tensor.data_ptr<float>() + first : nullptr;
  }
  at::Tensor logits_of(std::int64_t first, std::int64_t count) const {
    return hidden_.narrow(0, first, count).mm(table_.t());
  }
  kernels::Loss<T> described(at::Tensor& logits, const at::Tensor& nll, std::int64_t first) const {
    return {table_.size(0), static_cast<T*>(logits.data_ptr()),
            target_.data_ptr<std::int32_t>() + first, part(nll, first), part(total_, first)};
  }
  // As many rows as keep the logits within a few megabytes.
  template <typename Work>
  void for_blocks(const Work& work) const {
    const std::int64_t rows = hidden_.size(0),
                       most = std::max<std::int64_t>(
                           64, (std::int64_t{1} << 21) / std::max<std::int64_t>(1, table_.size(0)));
    for (std::int64_t first = 0; first < rows; first += most)
      work(first, std::min(most, rows - first));
  }

  at::Tensor half_table_;
  at::ScalarType type_ = at::kFloat;
  at::Tensor hidden_, leaf_, table_, target_, total_;
};

}  // namespace

Tensors fused_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& half_weight,
                     const std::vector<RowRange>& rows, bool half) {
  return with_backward(std::make_unique<FusedLinear>(half_weight, rows, half), {x, weight});
}

Tensors fused_loss(const Tensors& in, const at::Tensor& half_table, bool half) {
  if (half) return with_backward(std::make_unique<FusedLoss<kernels::Half>>(half_table), in);
  return with_backward(std::make_unique<FusedLoss<float>>(half_table), in);
}

}  // namespace pliant::aten
