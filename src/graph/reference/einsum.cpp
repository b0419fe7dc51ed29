#include <algorithm>
#include <limits>
#include <list>
#include <map>

#include "graph/reference/kernels.h"

namespace pliant::reference {
namespace {

struct Term {
  TensorView view;
  std::string labels;  // one per axis
};

using LabelSizes = std::map<char, std::int64_t>;

bool has(const std::string& labels, char label) { return labels.find(label) != std::string::npos; }

// Distinct labels of `labels` for which wanted(label), in order.
template <typename Wanted>
std::string select_labels(const std::string& labels, const Wanted& wanted) {
  std::string result;
  for (const char label : labels)
    if (!has(result, label) && wanted(label)) result += label;
  return result;
}

// How far one step of each label moves in the term; a repeated label walks its diagonal.
Offsets label_strides(const Term& term, const std::string& labels) {
  const auto own = strides(term.view.type.shape);
  Offsets result(labels.size(), 0);
  for (std::size_t i = 0; i < labels.size(); ++i)
    for (std::size_t axis = 0; axis < own.size(); ++axis)
      if (term.labels[axis] == labels[i]) result[i] += own[axis];
  return result;
}

Shape label_shape(const std::string& labels, const LabelSizes& sizes) {
  Shape shape;
  for (const char label : labels) shape.push_back(sizes.at(label));
  return shape;
}

class Contraction {
 public:
  Contraction(const kind::Einsum& einsum, const OperatorCall& call)
      : call_(call), out_{call.out[0], einsum.out} {
    for (std::size_t i = 0; i < call.in.size(); ++i) {
      terms_.push_back({call.in[i], einsum.in[i]});
      for (std::size_t axis = 0; axis < einsum.in[i].size(); ++axis)
        sizes_[einsum.in[i][axis]] = call.in[i].type.shape[axis];
      exact_ = exact_ && is_integer(call.in[i]);
    }
  }

  void run() {
    while (terms_.size() > 2) contract_cheapest_pair();
    if (terms_.size() == 2) contract(terms_[0], terms_[1], out_);
    else finish_single(terms_[0]);
  }

 private:
  Offsets table(const Term& term, const std::string& labels) const {
    return box(label_shape(labels, sizes_), label_strides(term, labels));
  }

  Term temporary(const std::string& labels) {  // loses nothing: as wide as the sums
    owned_.emplace_back(TensorType{exact_ ? DType::i64 : DType::f64, label_shape(labels, sizes_)});
    return {owned_.back().view(), labels};
  }

  void sum(const Term& term, const Term& into) {
    const std::string gone =
        select_labels(term.labels, [&](char label) { return !has(into.labels, label); });
    reduce(kind::ReduceFn::sum, term.view, table(term, into.labels), table(term, gone), into.view,
           call_.pool);
  }

  // Labels that only this term has are summed before the product.
  Term without_private(const Term& term, const std::string& other, const std::string& out) {
    const auto shared = [&](char label) { return has(other, label) || has(out, label); };
    if (std::ranges::all_of(term.labels, shared)) return term;
    const Term smaller = temporary(select_labels(term.labels, shared));
    sum(term, smaller);
    return smaller;
  }

  void contract(const Term& left, const Term& right, const Term& out) {
    const Term a = without_private(left, right.labels, out.labels),
               b = without_private(right, left.labels, out.labels);
    const auto labels = [&](const Term& term, bool in_other, bool in_out) {
      const std::string& other = &term == &a ? b.labels : a.labels;
      return select_labels(term.labels, [&, in_other, in_out](char label) {
        return has(other, label) == in_other && has(out.labels, label) == in_out;
      });
    };
    const std::string batch = labels(a, true, true), rows = labels(a, false, true),
                      columns = labels(b, false, true), inner = labels(a, true, false);
    multiply({a.view, table(a, batch), table(a, rows), table(a, inner)},
             {b.view, table(b, batch), table(b, columns), table(b, inner)},
             {out.view, table(out, batch), table(out, rows), table(out, columns)}, call_.pool);
  }

  // What the product of terms i and j must keep for the others.
  std::string needed(std::size_t i, std::size_t j) const {
    return select_labels(terms_[i].labels + terms_[j].labels, [&](char label) {
      if (has(out_.labels, label)) return true;
      for (std::size_t k = 0; k < terms_.size(); ++k)
        if (k != i && k != j && has(terms_[k].labels, label)) return true;
      return false;
    });
  }

  void contract_cheapest_pair() {
    std::size_t first = 0, second = 1;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < terms_.size(); ++i)
      for (std::size_t j = i + 1; j < terms_.size(); ++j) {
        double size = 1;
        for (const char label : needed(i, j)) size *= static_cast<double>(sizes_.at(label));
        if (size < least) least = size, first = i, second = j;
      }
    const Term product = temporary(needed(first, second));
    contract(terms_[first], terms_[second], product);
    terms_.erase(terms_.begin() + second);
    terms_[first] = product;
  }

  void finish_single(const Term& term) {
    const bool moves_only =
        std::ranges::all_of(term.labels, [&](char label) { return has(out_.labels, label); });
    if (!moves_only || term.view.type.dtype != out_.view.type.dtype) return sum(term, out_);
    const Offsets pitch = label_strides(term, out_.labels);
    std::vector<Offsets> axes;
    for (std::size_t axis = 0; axis < pitch.size(); ++axis)
      axes.push_back(box({out_.view.type.shape[axis]}, {pitch[axis]}));
    copy_mapped(term.view, 0, axes, out_.view, 0, nullptr, call_.pool);
  }

  const OperatorCall& call_;
  std::vector<Term> terms_;
  Term out_;
  LabelSizes sizes_;
  std::list<Tensor> owned_;
  bool exact_ = true;
};

}  // namespace

void evaluate(const kind::Einsum& einsum, const OperatorCall& call) {
  Contraction(einsum, call).run();
}

}  // namespace pliant::reference
