// Which Einsums are one matrix product of rows with a table.
#pragma once

#include <optional>

#include "graph/kinds/kinds.h"

namespace pliant::aten {

struct LinearShape {
  bool out_first = true;  // w [out, in], as layers have it; else [in, out]
};

// "...d,od->...o" or "...d,do->...o", x first.
std::optional<LinearShape> linear_shape(const kind::Einsum& kind);

}  // namespace pliant::aten
