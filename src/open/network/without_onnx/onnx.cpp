// Takes the place of with_onnx/onnx.cpp in builds without ONNX.
#include "open/network/onnx.h"

#include "core/error.h"

namespace pliant {

OpenedNetwork open_onnx(const Source& source, const std::map<std::string, Shape>&, bool) {
  throw Error(ErrorKind::unsupported, source.path(), "this build reads no ONNX",
              "configure with -DPLIANT_ONNX=ON");
}

void save_onnx(const std::string& path, const Graph&, const WeightStore&) {
  throw Error(ErrorKind::unsupported, path, "this build writes no ONNX",
              "configure with -DPLIANT_ONNX=ON");
}

}  // namespace pliant
