#include "machine/encrypted/einsum/layout/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "core/checked.h"
#include "core/error.h"

namespace pliant::einsum {
namespace {

constexpr std::int64_t kMostAddresses = std::int64_t{1} << 40;

[[noreturn]] void refuse(std::string_view place, std::string problem) {
  throw Error(ErrorKind::invalid, std::string(place), std::move(problem));
}

bool is_power_of_two(std::int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

// The inverse of a modulo m, of coprime numbers.
std::int64_t inverse(std::int64_t a, std::int64_t m) {
  std::int64_t x = 1 % m;
  while (a % m * x % m != 1 % m) ++x;
  return x;
}

// Calls visit(index) for every index of a shape, in row-major order.
template <typename Visit>
void each_index(const Shape& shape, const Visit& visit) {
  Shape index(shape.size(), 0);
  for (std::int64_t left = elements(shape); left > 0; --left) {
    visit(index);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

std::int64_t index_of(const SlotLayout& layout, const Shape& index, char label) {
  for (std::size_t axis = 0; axis < layout.axes.size(); ++axis)
    if (layout.axes[axis].label == label) return index[axis];
  return 0;
}

std::int64_t address(const SlotLayout& layout, const Shape& index) {
  std::int64_t at = 0;
  for (std::size_t axis = 0; axis < layout.axes.size(); ++axis) {
    const LabelAxis& own = layout.axes[axis];
    std::int64_t position = index[axis];
    for (const Roll& roll : layout.rolls)
      if (roll.label == own.label) position += roll.times * index_of(layout, index, roll.by);
    if (!layout.rolls.empty()) position = ((position % own.size) + own.size) % own.size;
    at += position * own.stride;
  }
  return layout.period > 0 ? at % layout.period : at;
}

// Which of ciphertexts(layout) holds each.
std::unordered_map<std::int64_t, std::size_t> positions(const std::vector<std::int64_t>& used) {
  std::unordered_map<std::int64_t, std::size_t> result;
  for (std::size_t i = 0; i < used.size(); ++i) result[used[i]] = i;
  return result;
}

}  // namespace

std::int64_t padded(std::int64_t size) {
  std::int64_t result = 1;
  while (result < size) result *= 2;
  return result;
}

SlotLayout row_major(std::string_view labels, const Shape& shape, std::int64_t slots) {
  if (!is_power_of_two(slots)) refuse("layout", fmt::format("{} slots: not a power of two", slots));
  SlotLayout layout{.slots = slots, .axes = std::vector<LabelAxis>(shape.size())};
  std::int64_t stride = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    layout.axes[axis] = {labels[axis], shape[axis], stride};
    stride = checked_multiply(stride, padded(shape[axis]), "layout");
  }
  return layout;
}

SlotLayout diagonal(std::string_view labels, std::int64_t size, std::int64_t slots) {
  return {.slots = slots,
          .axes = {{labels[0], size, 1}, {labels[1], size, slots}},
          .rolls = {{labels[1], labels[0], -1}}};
}

SlotLayout bicyclic(std::string_view labels, const Shape& shape, std::int64_t slots) {
  const std::int64_t rows = shape[0], columns = shape[1];
  if (std::gcd(rows, columns) != 1)
    refuse("layout", fmt::format("bicyclic packing of {}: sizes with a common factor {}",
                                 to_string(shape), std::gcd(rows, columns)));
  return {.slots = slots,
          .axes = {{labels[0], rows, columns * inverse(columns, rows)},
                   {labels[1], columns, rows * inverse(rows, columns)}},
          .period = rows * columns};
}

void check(const SlotLayout& layout, std::string_view place) {
  if (!is_power_of_two(layout.slots))
    refuse(place, fmt::format("{} slots: not a power of two", layout.slots));
  std::int64_t last = 0;
  for (const std::vector<LabelAxis>* axes : {&layout.axes, &layout.copies})
    for (const LabelAxis& axis : *axes) {
      if (axis.size < 1 || axis.stride < 0)
        refuse(place,
               fmt::format("axis '{}': size {}, stride {}", axis.label, axis.size, axis.stride));
      last = checked_add(last, checked_multiply(axis.size - 1, axis.stride, place), place);
    }
  if (last >= kMostAddresses)
    refuse(place, fmt::format("addresses up to {} in ciphertexts of {} slots", last, layout.slots));
  std::vector<std::int64_t> all;
  const std::vector<std::int64_t> first = addresses(layout);
  for (const std::int64_t offset : copy_offsets(layout))
    for (const std::int64_t at : first) all.push_back(at + offset);
  std::sort(all.begin(), all.end());
  const auto twice = std::adjacent_find(all.begin(), all.end());
  if (twice != all.end())
    refuse(place, fmt::format("layout {}: two elements in slot {} of ciphertext {}",
                              to_string(layout), *twice % layout.slots, *twice / layout.slots));
}

Shape shape(const SlotLayout& layout) {
  Shape result;
  for (const LabelAxis& axis : layout.axes) result.push_back(axis.size);
  return result;
}

std::string labels(const SlotLayout& layout) {
  std::string result;
  for (const LabelAxis& axis : layout.axes) result += axis.label;
  return result;
}

std::vector<std::int64_t> addresses(const SlotLayout& layout) {
  std::vector<std::int64_t> result;
  each_index(shape(layout), [&](const Shape& index) { result.push_back(address(layout, index)); });
  return result;
}

std::vector<std::int64_t> copy_offsets(const SlotLayout& layout) {
  std::vector<std::int64_t> result{0};
  for (const LabelAxis& copy : layout.copies) {
    const std::size_t before = result.size();
    for (std::int64_t k = 1; k < copy.size; ++k)
      for (std::size_t i = 0; i < before; ++i) result.push_back(result[i] + k * copy.stride);
  }
  return result;
}

std::vector<std::int64_t> ciphertexts(const SlotLayout& layout) {
  std::vector<std::int64_t> result;
  const std::vector<std::int64_t> first = addresses(layout);
  for (const std::int64_t offset : copy_offsets(layout)) {
    for (const std::int64_t at : first) result.push_back((at + offset) / layout.slots);
    std::sort(result.begin(), result.end());
    result.erase(std::unique(result.begin(), result.end()), result.end());
  }
  return result;
}

std::vector<std::vector<double>> pack(std::span<const double> elements, const SlotLayout& layout) {
  const std::vector<std::int64_t> first = addresses(layout), used = ciphertexts(layout);
  if (elements.size() != first.size())
    refuse("pack", fmt::format("{} elements for the layout {} of {}", elements.size(),
                               to_string(layout), first.size()));
  const auto position = positions(used);
  std::vector<std::vector<double>> result(used.size(), std::vector<double>(layout.slots, 0));
  for (const std::int64_t offset : copy_offsets(layout))
    for (std::size_t i = 0; i < first.size(); ++i) {
      const std::int64_t at = first[i] + offset;
      result[position.at(at / layout.slots)][at % layout.slots] = elements[i];
    }
  return result;
}

std::vector<double> unpack(std::span<const std::vector<double>> slots, const SlotLayout& layout) {
  const std::vector<std::int64_t> used = ciphertexts(layout);
  if (slots.size() != used.size())
    refuse("unpack", fmt::format("{} ciphertexts for the layout {} of {}", slots.size(),
                                 to_string(layout), used.size()));
  const auto position = positions(used);
  std::vector<double> result;
  for (const std::int64_t at : addresses(layout))
    result.push_back(slots[position.at(at / layout.slots)][at % layout.slots]);
  return result;
}

std::string to_string(const SlotLayout& layout) {
  std::string result;
  const auto say = [&](const std::string& part) { result += (result.empty() ? "" : " ") + part; };
  for (const LabelAxis& axis : layout.axes)
    say(fmt::format("{}:{}/{}", axis.label, axis.size, axis.stride));
  for (const LabelAxis& copy : layout.copies) say(fmt::format("x{}/{}", copy.size, copy.stride));
  for (const Roll& roll : layout.rolls)
    say(fmt::format("{}+={}*{}", roll.label, roll.times, roll.by));
  if (layout.period > 0) say(fmt::format("mod {}", layout.period));
  if (layout.axes.empty()) say("scalar");
  if (!layout.clean) say("dirty");
  return result;
}

std::string picture(const SlotLayout& layout, std::int64_t limit) {
  const std::vector<std::int64_t> used = ciphertexts(layout);
  const auto position = positions(used);
  const std::int64_t shown = std::min(limit, layout.slots);
  std::vector<std::vector<std::string>> cells(
      used.size(), std::vector<std::string>(shown, layout.clean ? "." : "?"));
  for (const std::int64_t offset : copy_offsets(layout))
    each_index(shape(layout), [&](const Shape& index) {
      const std::int64_t at = address(layout, index) + offset;
      if (at % layout.slots >= shown) return;
      std::string& cell = cells[position.at(at / layout.slots)][at % layout.slots];
      cell.clear();
      for (std::size_t axis = 0; axis < index.size(); ++axis)
        cell += fmt::format("{}{}", layout.axes[axis].label, index[axis]);
      if (index.empty()) cell = "it";
    });
  std::string result;
  for (std::size_t i = 0; i < used.size(); ++i)
    result += fmt::format("[{}] {}{}\n", used[i], fmt::join(cells[i], " "),
                          shown < layout.slots ? " ..." : "");
  return result;
}

}  // namespace pliant::einsum
