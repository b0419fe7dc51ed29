// The ONNX reader and writer, or what stands in for them in builds without.
#pragma once

#include "open/network/open_network.h"

namespace pliant {

OpenedNetwork open_onnx(const Source& source, const std::map<std::string, Shape>& shapes,
                        bool missing_weights);

// As write_onnx_file() of formats/onnx/export.
void save_onnx(const std::string& path, const Graph& graph, const WeightStore& weights);

}  // namespace pliant
