// The window attributes that convolutions and pools share.
#pragma once

#include "formats/onnx/rules/rules.h"

namespace pliant::onnx {

struct Windows {
  Integers size, stride, low, high, dilation;  // per spatial axis
};

// kernel_shape is checked against `size` if the file has it. auto_pad becomes explicit pads when
// `resolve` (transposed convolutions resolve theirs otherwise).
Windows windows_of(Call& call, const Shape& size, bool resolve = true);

// Widens `high` so that ceil_mode's last, partial window fits. A window that would begin in the
// padding is not made.
void apply_ceil_mode(Call& call, Windows& windows);

}  // namespace pliant::onnx
