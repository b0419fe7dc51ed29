// Takes the place of open_onnx.cpp in builds without ONNX.
#include "cli/network/open_network.h"
#include "core/error.h"

namespace pliant::cli {

OpenedNetwork open_onnx(const std::string& path, const std::map<std::string, Shape>&, bool) {
  throw Error(ErrorKind::unsupported, path, "this build reads no ONNX", "configure with -DPLIANT_ONNX=ON");
}

}  // namespace pliant::cli
