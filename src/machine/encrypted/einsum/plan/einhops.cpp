#include "machine/encrypted/einsum/plan/einhops.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "machine/encrypted/einsum/plan/finish.h"

namespace pliant::einsum {
namespace {

class Published {
 public:
  Published(const EinsumProblem& problem, const Contraction& node, ProgramBuilder& builder)
      : problem_(problem), node_(node), builder_(builder) {
    std::string order;
    for (const char label : node.order)
      if (node.sizes.contains(label) && node.out.find(label) == std::string::npos) order += label;
    Shape sizes;
    for (const char label : order + node.out) sizes.push_back(node.sizes.at(label));
    for (const std::int64_t size : sizes) slots_needed_ *= padded(size);
    require_fits();
    layout_ = row_major(order + node.out, sizes, builder.slots());
    reduced_ = order.size();
    for (; (root_ * root_) < builder.slots();) root_ *= 2;
  }

  PlacedTensor emit(const std::vector<PlacedTensor>& values) {
    std::vector<CipherId> factors;
    for (std::size_t i = 0; i < node_.values.size(); ++i)
      factors.push_back(expanded(matched(values[node_.values[i]], i), i));
    CipherId product = multiplied(std::move(factors));
    std::int64_t outputs = 1;
    for (const char label : node_.out) outputs *= padded(node_.sizes.at(label));
    product = builder_.shift_sum(product, slots_needed_ / outputs, outputs);
    SlotLayout out = layout_;
    out.axes.erase(out.axes.begin(), out.axes.begin() + static_cast<std::ptrdiff_t>(reduced_));
    return builder_.masked({out, {{0, product}}});
  }

 private:
  void require_fits() const {
    if (slots_needed_ > builder_.slots())
      throw Error(ErrorKind::capacity, "einsum " + problem_.text,
                  fmt::format("all labels together take {} slots, one ciphertext has {}",
                              slots_needed_, builder_.slots()),
                  "use the planner of layouts, which takes several ciphertexts");
    for (const std::string& labels : node_.labels)
      for (const char label : labels)
        if (std::ranges::count(labels, label) > 1)
          throw Error(ErrorKind::unsupported, "einsum " + problem_.text,
                      fmt::format("label '{}' is repeated in one operand, which the published "
                                  "algorithm gets wrong",
                                  label),
                      "use the planner of layouts");
  }

  PlacedTensor matched(const PlacedTensor& value, std::size_t operand) {
    PlacedTensor own{view(value.layout, node_.labels[operand], node_.shapes[operand]),
                     value.ciphertexts};
    SlotLayout to = own.layout;
    bool same = true;
    for (LabelAxis& axis : to.axes) {
      if (axis.size == 1) continue;
      const std::int64_t stride =
          std::ranges::find(layout_.axes, axis.label, &LabelAxis::label)->stride;
      same = same && stride == axis.stride;
      axis.stride = stride;
    }
    if (same) return own;
    // the published matrix moves the padding too
    SlotLayout whole = own.layout;
    for (LabelAxis& axis : whole.axes) axis.size = padded(axis.size);
    SlotLayout moved = to;
    for (LabelAxis& axis : moved.axes) axis.size = padded(axis.size);
    const auto turns = [&](const Index& index) {
      std::int64_t distance = 0;
      for (std::size_t i = 0; i < to.axes.size(); ++i)
        distance += index.at(to.axes[i].label) * (own.layout.axes[i].stride - to.axes[i].stride);
      distance = modulo(distance, builder_.slots());
      return std::pair(distance % root_, distance - distance % root_);
    };
    PlacedTensor result = builder_.transformed({whole, own.ciphertexts}, moved, {turns});
    result.layout.axes = to.axes;
    return result;
  }

  CipherId expanded(PlacedTensor value, std::size_t operand) {
    std::vector<LabelAxis> copies;
    for (const LabelAxis& axis : layout_.axes)
      if (node_.labels[operand].find(axis.label) == std::string::npos && axis.size > 1)
        copies.push_back({'\0', padded(axis.size), axis.stride});
    return builder_.copied(std::move(value), copies).ciphertexts.at(0);
  }

  // What is in the clear is one more factor, the last.
  CipherId multiplied(std::vector<CipherId> factors) {
    if (node_.has_clear && factors.size() == 1) return by_clear(factors[0]);
    bool clear_left = node_.has_clear;
    while (factors.size() > 1 || clear_left) {
      std::vector<CipherId> products;
      for (std::size_t i = 0; i + 1 < factors.size(); i += 2)
        products.push_back(
            builder_.rescale(builder_.relinearize(builder_.multiply(factors[i], factors[i + 1]))));
      if (factors.size() % 2 == 1) {
        products.push_back(clear_left ? by_clear(factors.back()) : factors.back());
        clear_left = false;
      }
      factors = std::move(products);
    }
    return factors[0];
  }

  CipherId by_clear(CipherId factor) {
    Plain plain{builder_.clear(node_.clear), {}};
    const std::vector<std::int64_t> own = strides(node_.clear.shape);
    each_index(layout_.axes, [&](const Index& index, std::int64_t) {
      std::int64_t slot = 0, element = 0;
      for (const LabelAxis& axis : layout_.axes) slot += index.at(axis.label) * axis.stride;
      for (std::size_t i = 0; i < own.size(); ++i) element += own[i] * index.at(node_.clear.out[i]);
      plain.cells.push_back({static_cast<std::int32_t>(slot), static_cast<std::int32_t>(element)});
    });
    return builder_.rescale(builder_.multiply(factor, std::move(plain)));
  }

  const EinsumProblem& problem_;
  const Contraction& node_;
  ProgramBuilder& builder_;
  SlotLayout layout_;  // reduced labels, then those of the output
  std::size_t reduced_ = 0;
  std::int64_t slots_needed_ = 1, root_ = 1;
};

}  // namespace

Plan plan_einhops(const EinsumProblem& problem, const PlanOptions& options) {
  for (const EinsumOperand& input : problem.inputs)
    if (input.layout)
      throw Error(ErrorKind::unsupported, "einsum " + problem.text,
                  fmt::format("the layout {}: the published algorithm packs row-major",
                              to_string(*input.layout)),
                  "use the planner of layouts");
  ProgramBuilder builder = new_builder(problem, options);
  std::vector<PlacedTensor> values = begin(problem, builder);
  for (const PlacedTensor& value : values)
    if (value.ciphertexts.size() > 1)
      throw Error(ErrorKind::capacity, "einsum " + problem.text,
                  fmt::format("an operand takes {} ciphertexts of {} slots",
                              value.ciphertexts.size(), options.slots),
                  "use the planner of layouts, which takes several ciphertexts");
  for (const Contraction& node : problem.nodes)
    values.push_back(Published(problem, node, builder).emit(values));
  std::vector<PlacedTensor> outputs;
  for (const int value : problem.outputs) outputs.push_back(values[value]);
  return finish(problem, builder, outputs, options);
}

}  // namespace pliant::einsum
