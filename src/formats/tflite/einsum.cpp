// An Einsum as sums, transpositions and matrix products, two operands at a time.
#include <algorithm>

#include "formats/tflite/writer.h"

namespace pliant::tflite {
namespace {

struct Labelled {  // a plain tensor with a label per axis
  Index x = -1;
  std::string labels;
};

bool in(const std::string& labels, char label) { return labels.find(label) != std::string::npos; }

class EinsumWriter {
 public:
  EinsumWriter(Writer& to, const Op& op, const kind::Einsum& kind) : to_(to), op_(op), kind_(kind) {
    for (std::size_t i = 0; i < op.in.size(); ++i) {
      const std::string& labels = kind.in[i];
      for (const char label : labels)
        if (std::ranges::count(labels, label) > 1)
          to.refuse("a diagonal (a label twice in one operand) has no TFLite operator");
      if (to.type(op.in[i]).dtype != DType::f32 && op.in.size() > 1)
        to.refuse("products of integers are not written");
    }
  }

  Index write() {
    Labelled result = labelled(0);
    for (std::size_t i = 1; i < op_.in.size(); ++i) {
      std::string later = kind_.out;
      for (std::size_t k = i + 1; k < op_.in.size(); ++k) later += kind_.in[k];
      const Labelled other = labelled(i);
      result = product(summed(result, later + other.labels), summed(other, later + result.labels),
                       later);
    }
    return turned(summed(result, kind_.out), kind_.out);
  }

 private:
  Labelled labelled(std::size_t i) { return {to_.value(op_.in[i]), kind_.in[i]}; }

  std::int64_t size(const Labelled& term, char label) const {
    return to_.type(term.x).shape[term.labels.find(label)];
  }

  std::int64_t size(const Labelled& term, const std::string& labels) const {
    std::int64_t result = 1;
    for (const char label : labels) result *= size(term, label);
    return result;
  }

  // Without the labels that nothing else has.
  Labelled summed(const Labelled& term, const std::string& needed) {
    Integers axes;
    std::string left;
    for (std::size_t i = 0; i < term.labels.size(); ++i)
      if (in(needed, term.labels[i])) left += term.labels[i];
      else axes.push_back(static_cast<std::int64_t>(i));
    return {to_.reduce(Code::sum, term.x, axes, false), left};
  }

  Index turned(const Labelled& term, const std::string& labels) {
    Integers order;
    for (const char label : labels)
      order.push_back(static_cast<std::int64_t>(term.labels.find(label)));
    return to_.transpose(term.x, order);
  }

  // Labels of both that stay are batches, of both that go are summed over.
  Labelled product(const Labelled& a, const Labelled& b, const std::string& later) {
    std::string batch, inner, rows, columns;
    for (const char label : a.labels)
      (!in(b.labels, label) ? rows : in(later, label) ? batch : inner) += label;
    for (const char label : b.labels)
      if (!in(a.labels, label)) columns += label;
    const std::int64_t batches = size(a, batch), m = size(a, rows), k = size(a, inner),
                       n = size(b, columns);
    Shape shape;
    for (const char label : batch + rows) shape.push_back(size(a, label));
    for (const char label : columns) shape.push_back(size(b, label));
    Index y = -1;
    if (batch.empty() && (to_.is_constant(b.x) || to_.is_constant(a.x))) {
      if (!to_.is_constant(b.x)) return product(b, a, later);
      y = to_.op(
          Code::fully_connected,
          {to_.reshape(turned(a, rows + inner), {m, k}),
           to_.reshape(turned(b, columns + inner), {n, k})},
          {DType::f32, {m, n}},
          {OptionsKind::fully_connected, {{0, std::int8_t{0}}, {1, std::int8_t{0}}, {2, false}}});
    } else {
      y = to_.op(Code::batch_matmul,
                 {to_.reshape(turned(a, batch + rows + inner), {batches, m, k}),
                  to_.reshape(turned(b, batch + inner + columns), {batches, k, n})},
                 {DType::f32, {batches, m, n}},
                 {OptionsKind::batch_matmul, {{0, false}, {1, false}}});
    }
    return {to_.reshape(y, shape), batch + rows + columns};
  }

  Writer& to_;
  const Op& op_;
  const kind::Einsum& kind_;
};

}  // namespace

Made write_kind(Writer& to, const Op& op, const kind::Einsum& kind) {
  return {EinsumWriter(to, op, kind).write(), Layout::plain};
}

}  // namespace pliant::tflite
