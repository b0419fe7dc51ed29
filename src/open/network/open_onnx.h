// The ONNX reader, or what stands in for it in builds without one.
#pragma once

#include "open/network/open_network.h"

namespace pliant {

OpenedNetwork open_onnx(const Source& source, const std::map<std::string, Shape>& shapes,
                        bool missing_weights);

}  // namespace pliant
