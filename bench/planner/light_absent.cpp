// For builds without the ONNX reader.
#include "core/error.h"
#include "planner/light.h"

namespace pliant::bench {

const bool reads_onnx = false;

std::vector<LightProblem> light_problems(const std::string& folder, ThreadPool&) {
  throw Error(ErrorKind::unsupported, folder, "this build has no ONNX reader",
              "configure with PLIANT_ONNX=ON");
}

}  // namespace pliant::bench
