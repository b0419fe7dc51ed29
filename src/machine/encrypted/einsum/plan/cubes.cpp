#include "machine/encrypted/einsum/plan/cubes.h"

#include <algorithm>
#include <bit>
#include <set>
#include <string>

namespace pliant::einsum {
namespace {

constexpr std::size_t kMostPermuted = 7;  // labels: 5040 orders

class Search {
 public:
  Search(const Contraction& node, const std::vector<SlotLayout>& views, std::int64_t slots,
         std::int64_t most)
      : node_(node), slots_(slots), most_(most) {
    for (const auto& [label, size] : node.sizes)
      if (size > 1) labels_ += label;
    if (!node.outside.empty()) {
      fill_slots();
      return;
    }
    for (const std::string& order : orders(labels_)) add(placed({}, order, 0));
    for (const SlotLayout& view : views) anchor(view);
  }

  std::vector<SlotLayout> take() { return std::move(found_); }

 private:
  void fill_slots() {
    std::string inside = labels_;
    std::erase_if(inside,
                  [&](char label) { return node_.outside.find(label) != std::string::npos; });
    for (const std::string& order : orders(inside)) add(placed({}, node_.outside + order, 0));
  }

  // All orders of a few labels. Of many: reduced ones outside or inside, each operand's own inside.
  std::vector<std::string> orders(std::string labels) const {
    std::vector<std::string> result;
    std::ranges::sort(labels);
    if (labels.size() <= kMostPermuted) {
      do result.push_back(labels);
      while (std::next_permutation(labels.begin(), labels.end()));
      return result;
    }
    std::vector<std::string> heads = node_.labels;
    heads.push_back(node_.out);
    for (const std::string& head : heads) {
      std::string inside, outside;
      for (const char label : head)
        if (labels.find(label) != std::string::npos && inside.find(label) == std::string::npos)
          inside += label;
      for (const char label : labels)
        if (inside.find(label) == std::string::npos) outside += label;
      result.push_back(outside + inside);
      result.push_back(inside + outside);
    }
    return result;
  }

  // Labels of `order`, the last one innermost, each in the lowest bits that are free above `from`.
  std::vector<LabelAxis> placed(std::vector<LabelAxis> axes, const std::string& order,
                                int from) const {
    std::uint64_t taken = (std::uint64_t{1} << from) - 1;
    for (const LabelAxis& axis : axes) taken |= bits(axis);
    for (auto label = order.rbegin(); label != order.rend(); ++label) {
      LabelAxis axis{*label, node_.sizes.at(*label), 1};
      while (bits(axis) & taken) axis.stride *= 2;
      taken |= bits(axis);
      axes.push_back(axis);
    }
    return axes;
  }

  // The address bits of an axis; of a stride that is no power of two all that it may change.
  static std::uint64_t bits(const LabelAxis& axis) {
    const auto stride = static_cast<std::uint64_t>(std::max<std::int64_t>(axis.stride, 1));
    if (std::has_single_bit(stride))
      return (static_cast<std::uint64_t>(padded(axis.size)) - 1) << std::countr_zero(stride);
    return static_cast<std::uint64_t>(padded((axis.size - 1) * axis.stride + 1)) - 1;
  }

  void anchor(const SlotLayout& view) {
    std::vector<LabelAxis> own;
    std::string rest = labels_;
    std::uint64_t top = 1;
    for (const LabelAxis& axis : view.axes) {
      if (axis.size == 1) continue;
      own.push_back(axis);
      top = std::max(top, std::bit_ceil(bits(axis) + 1));
      std::erase(rest, axis.label);
    }
    for (const std::string& order : orders(rest)) {
      add(placed(own, order, 0));
      add(placed(own, order, std::countr_zero(top)));
    }
  }

  void add(std::vector<LabelAxis> axes) {
    for (const auto& [label, size] : node_.sizes)
      if (size == 1) axes.push_back({label, 1, 0});
    std::ranges::sort(axes, {}, &LabelAxis::label);
    std::int64_t last = 0;
    for (const LabelAxis& axis : axes) last += (axis.size - 1) * axis.stride;
    if (last / slots_ + 1 > most_) return;
    SlotLayout cube{.slots = slots_, .axes = std::move(axes)};
    if (seen_.insert(to_string(cube)).second) found_.push_back(std::move(cube));
  }

  const Contraction& node_;
  std::int64_t slots_, most_;
  std::string labels_;  // of size above 1
  std::vector<SlotLayout> found_;
  std::set<std::string> seen_;
};

}  // namespace

std::vector<SlotLayout> cubes(const Contraction& node, const std::vector<SlotLayout>& views,
                              std::int64_t slots, std::int64_t most) {
  return Search(node, views, slots, most).take();
}

}  // namespace pliant::einsum
