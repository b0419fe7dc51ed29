#include "machine/encrypted/graph/value.h"

#include <algorithm>
#include <numeric>

namespace pliant::encrypted {

using einsum::SlotLayout;

std::string axis_labels(std::size_t n) {
  std::string labels(n, 'a');
  std::iota(labels.begin(), labels.end(), 'a');
  return labels;
}

std::vector<Source> sources(const EncryptedValue& value) {
  if (value.view) return *value.view;
  std::vector<Source> result(elements(value.shape));
  for (std::size_t e = 0; e < result.size(); ++e) result[e] = {0, static_cast<std::int64_t>(e)};
  return result;
}

EncryptedValue viewed(const EncryptedValue& value, Shape shape,
                      const std::vector<std::int64_t>& view) {
  EncryptedValue result{std::move(shape), value.bases, std::vector<Source>(view.size()),
                        value.range,      value.error, value.scaling};
  for (std::size_t e = 0; e < view.size(); ++e) {
    if (view[e] < 0) {
      result.range = hull(result.range, {0, 0});
      continue;
    }
    (*result.view)[e] = value.view ? (*value.view)[view[e]] : Source{0, view[e]};
  }
  return result;
}

std::optional<StridedView> strided(const EncryptedValue& value) {
  if (value.bases.size() != 1) return std::nullopt;
  const SlotLayout& base = value.bases[0].layout;
  if (!value.view) return StridedView{base, 0};
  const std::vector<std::int64_t> at = addresses(base), pitch = strides(value.shape);
  const auto address = [&](const Source& source) {
    return source.base < 0 ? -1 : at[source.element];
  };
  const std::int64_t first = address(value.view->front());
  if (first < 0) return std::nullopt;
  StridedView result{{.slots = base.slots, .clean = base.clean}, first};
  const std::string labels = axis_labels(value.shape.size());
  for (std::size_t axis = 0; axis < value.shape.size(); ++axis) {
    const std::int64_t step =
        value.shape[axis] == 1 ? 0 : address((*value.view)[pitch[axis]]) - first;
    if (step < 0 || (step == 0 && value.shape[axis] > 1)) return std::nullopt;
    result.layout.axes.push_back({labels[axis], value.shape[axis], step});
  }
  std::vector<std::int64_t> wanted = addresses(result.layout);
  for (std::size_t e = 0; e < wanted.size(); ++e)
    if (address((*value.view)[e]) != wanted[e] + first) return std::nullopt;
  std::ranges::sort(wanted);
  if (std::ranges::adjacent_find(wanted) != wanted.end()) return std::nullopt;
  if (wanted.size() == at.size() && first == 0) result.layout.copies = base.copies;
  else result.layout.clean = false;
  return result;
}

std::map<std::int64_t, std::vector<einsum::Plain::Cell>> element_cells(
    const SlotLayout& layout, const std::vector<std::int64_t>& element_of) {
  std::map<std::int64_t, std::vector<einsum::Plain::Cell>> cells;
  const std::vector<std::int64_t> at = addresses(layout);
  for (const std::int64_t offset : copy_offsets(layout))
    for (std::size_t e = 0; e < at.size(); ++e) {
      const std::int64_t address = at[e] + offset;
      const std::int64_t element = element_of.empty() ? 0 : element_of[e];
      cells[address / layout.slots].push_back(
          {static_cast<std::int32_t>(address % layout.slots), static_cast<std::int32_t>(element)});
    }
  return cells;
}

std::vector<std::int64_t> broadcast(const Shape& from, const Shape& to) {
  const std::vector<std::int64_t> pitch = strides(from), whole = strides(to);
  const std::size_t lacking = to.size() - from.size();
  std::vector<std::int64_t> result(elements(to), 0);
  for (std::size_t e = 0; e < result.size(); ++e)
    for (std::size_t axis = 0; axis < from.size(); ++axis)
      if (from[axis] > 1)
        result[e] +=
            pitch[axis] * (static_cast<std::int64_t>(e) / whole[lacking + axis] % from[axis]);
  return result;
}

}  // namespace pliant::encrypted
