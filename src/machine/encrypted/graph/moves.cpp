// Kinds that pick, repeat and order elements: nothing but another view.
#include <algorithm>
#include <functional>

#include "machine/encrypted/graph/lowering.h"

namespace pliant::encrypted {
namespace {

// The element of `value` that each element of a result of `shape` is, -1 for zero: from(index)
// gives its index, empty for zero.
EncryptedValue picked(const EncryptedValue& value, Shape shape,
                      const std::function<Shape(const Shape&)>& from) {
  const std::vector<std::int64_t> pitch = strides(value.shape), whole = strides(shape);
  std::vector<std::int64_t> view(elements(shape), -1);
  Shape index(shape.size());
  for (std::size_t e = 0; e < view.size(); ++e) {
    for (std::size_t axis = 0; axis < shape.size(); ++axis)
      index[axis] = static_cast<std::int64_t>(e) / whole[axis] % shape[axis];
    const Shape source = from(index);
    if (source.size() != value.shape.size()) continue;
    view[e] = 0;
    for (std::size_t axis = 0; axis < source.size(); ++axis) view[e] += pitch[axis] * source[axis];
  }
  return viewed(value, std::move(shape), view);
}

// Where the padded position `at` lies in an axis of `size` elements, -1 for outside.
std::int64_t unpadded(std::int64_t at, std::int64_t size, kind::PadMode mode) {
  if (at >= 0 && at < size) return at;
  if (mode == kind::PadMode::edge) return std::clamp<std::int64_t>(at, 0, size - 1);
  if (mode == kind::PadMode::reflect) return at < 0 ? -at : 2 * (size - 1) - at;
  return -1;
}

}  // namespace

EncryptedValue lower_reshape(const kind::Reshape& reshape, const EncryptedValue& x) {
  EncryptedValue result = x;
  if (!result.view) result.view = sources(x);
  result.shape = reshape.shape;
  return result;
}

EncryptedValue lower_slice(const kind::Slice& slice, const EncryptedValue& x) {
  return picked(x, slice.size, [&](const Shape& index) {
    Shape from = index;
    for (std::size_t axis = 0; axis < from.size(); ++axis)
      from[axis] = slice.start[axis] + index[axis] * slice.step[axis];
    return from;
  });
}

EncryptedValue lower_pad(const kind::Pad& pad, const EncryptedValue& x) {
  Shape shape = x.shape;
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    shape[axis] += pad.low[axis] + pad.high[axis] +
                   std::max<std::int64_t>(shape[axis] - 1, 0) * pad.interior[axis];
  return picked(x, std::move(shape), [&](const Shape& index) {
    Shape from = index;
    for (std::size_t axis = 0; axis < from.size(); ++axis) {
      const std::int64_t at = index[axis] - pad.low[axis], pitch = pad.interior[axis] + 1;
      from[axis] = at % pitch != 0 ? -1 : unpadded(at / pitch, x.shape[axis], pad.mode);
      if (from[axis] < 0) return Shape(x.shape.size() + 1);  // no element
    }
    return from;
  });
}

EncryptedValue lower_window(const kind::Window& window, const EncryptedValue& x) {
  Shape shape = x.shape;
  for (std::size_t w = 0; w < window.axes.size(); ++w) {
    const std::int64_t reach = (window.size[w] - 1) * window.dilation[w] + 1;
    shape[window.axes[w]] = (x.shape[window.axes[w]] - reach) / window.stride[w] + 1;
  }
  shape.insert(shape.end(), window.size.begin(), window.size.end());
  return picked(x, std::move(shape), [&](const Shape& index) {
    Shape from(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(x.shape.size()));
    for (std::size_t w = 0; w < window.axes.size(); ++w)
      from[window.axes[w]] =
          index[window.axes[w]] * window.stride[w] + index[x.shape.size() + w] * window.dilation[w];
    return from;
  });
}

EncryptedValue lower_concat(const kind::Concat& concat,
                            const std::vector<const EncryptedValue*>& parts) {
  EncryptedValue result{parts[0]->shape, {}, std::vector<Source>{}, parts[0]->range, 0, {}};
  std::int64_t outer = 1, size = 0;
  std::vector<std::vector<Source>> from;
  for (const EncryptedValue* part : parts) {
    from.push_back(sources(*part));
    for (Source& source : from.back())
      if (source.base >= 0) source.base += static_cast<std::int32_t>(result.bases.size());
    result.bases.insert(result.bases.end(), part->bases.begin(), part->bases.end());
    result.range = hull(result.range, part->range);
    result.error = std::max(result.error, part->error);
    size += part->shape[concat.axis];
  }
  for (int axis = 0; axis < concat.axis; ++axis) outer *= result.shape[axis];
  result.shape[concat.axis] = size;
  for (std::int64_t o = 0; o < outer; ++o)
    for (const std::vector<Source>& part : from) {
      const auto run = static_cast<std::ptrdiff_t>(part.size()) / outer;
      result.view->insert(result.view->end(), part.begin() + o * run, part.begin() + (o + 1) * run);
    }
  return result;
}

}  // namespace pliant::encrypted
