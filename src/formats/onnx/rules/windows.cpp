#include "formats/onnx/rules/windows.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/checked.h"

namespace pliant::onnx {

namespace {

Integers spatial_attribute(Call& call, const char* name, std::size_t count, std::int64_t otherwise,
                           std::int64_t least) {
  Integers values = call.integers(name).value_or(Integers(count, otherwise));
  if (values.size() != count)
    call.fail(fmt::format("{} has {} entries, {} expected", name, values.size(), count));
  for (auto value : values)
    if (value < least) call.fail(fmt::format("{} is {}", name, value));
  return values;
}

std::int64_t reach(const Windows& windows, std::size_t i, const Call& call) {
  return checked_add(checked_multiply(windows.dilation[i], windows.size[i] - 1, call.place()), 1,
                     call.place());
}

void same_padding(Call& call, Windows& windows, bool upper) {
  for (std::size_t i = 0; i < windows.size.size(); ++i) {
    const std::int64_t size = call.shape(0)[i + 2], count = ceil_div(size, windows.stride[i]);
    const std::int64_t need =
        checked_add(checked_multiply(count - 1, windows.stride[i], call.place()),
                    reach(windows, i, call), call.place());
    const std::int64_t total = std::max<std::int64_t>(need - size, 0);
    windows.low[i] = upper ? total / 2 : total - total / 2;
    windows.high[i] = total - windows.low[i];
  }
}

}  // namespace

Windows windows_of(Call& call, const Shape& size, bool resolve) {
  const std::size_t spatial = size.size();
  Windows windows;
  windows.size = size;
  if (auto given = call.integers("kernel_shape"); given && *given != size)
    call.fail(
        fmt::format("kernel_shape {} and a kernel of {}", to_string(*given), to_string(size)));
  if (std::any_of(size.begin(), size.end(), [](auto s) { return s < 1; }))
    call.fail("an empty kernel " + to_string(size));
  windows.stride = spatial_attribute(call, "strides", spatial, 1, 1);
  windows.dilation = spatial_attribute(call, "dilations", spatial, 1, 1);
  const Integers pads = spatial_attribute(call, "pads", 2 * spatial, 0, 0);
  const auto half = pads.begin() + spatial;
  windows.low.assign(pads.begin(), half), windows.high.assign(half, pads.end());
  const std::string mode = call.text("auto_pad", "NOTSET");
  if (mode != "NOTSET" && mode != "VALID" && mode != "SAME_UPPER" && mode != "SAME_LOWER")
    call.fail("auto_pad is '" + mode + "'");
  if (mode == "VALID") windows.low.assign(spatial, 0), windows.high = windows.low;
  if (resolve && (mode == "SAME_UPPER" || mode == "SAME_LOWER"))
    same_padding(call, windows, mode == "SAME_UPPER");
  return windows;
}

void apply_ceil_mode(Call& call, Windows& windows) {
  if (call.integer("ceil_mode", 0) == 0) return;
  for (std::size_t i = 0; i < windows.size.size(); ++i) {
    const std::int64_t size = call.shape(0)[i + 2];
    const std::int64_t padded =
        checked_add(checked_add(size, windows.low[i], call.place()), windows.high[i], call.place());
    const std::int64_t room = padded - reach(windows, i, call);
    if (room < 0) continue;
    std::int64_t last = ceil_div(room, windows.stride[i]);
    if (last * windows.stride[i] >= size + windows.low[i]) --last;
    const std::int64_t missing = last * windows.stride[i] - room;
    if (missing > 0) windows.high[i] += missing;
  }
}

}  // namespace pliant::onnx
