// Published networks load, with the counts that are known for them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "formats/onnx/cases.h"
#include "formats/onnx/onnx.h"
#include "graph/reference/reference.h"

namespace pliant {
namespace {

std::string data_path(const std::string& below) {
  const char* root = std::getenv("PLIANT_DATA");
  return root ? std::string(root) + "/graphs/" + below : "";
}

struct Count {
  std::int64_t parameters = 0, macs = 0;
};

Count count(const Graph& graph) {
  Count total;
  for (const auto& value : graph.values())
    if (value.role == Role::weight) total.parameters += elements(value.type.shape);
  for (const auto& op : graph.ops()) total.macs += macs(graph, op);
  return total;
}

struct Network {
  const char* file;
  double parameters, macs;  // millions
};

class Networks : public testing::TestWithParam<Network> {};

TEST_P(Networks, LoadsWithItsKnownSize) {
  const std::string path = data_path(GetParam().file);
  if (path.empty()) GTEST_SKIP() << "PLIANT_DATA is not set";
  const OnnxModel model = read_onnx(path);
  const Count total = count(model.graph);
  fmt::print("{}: {} operators, {} parameters, {} MACs\n", GetParam().file,
             model.graph.ops().size(), total.parameters, total.macs);
  EXPECT_TRUE(model.opaque.empty());
  EXPECT_NEAR(static_cast<double>(total.parameters) / 1e6, GetParam().parameters,
              0.01 * GetParam().parameters);
  EXPECT_NEAR(static_cast<double>(total.macs) / 1e6, GetParam().macs, 0.01 * GetParam().macs);
}

INSTANTIATE_TEST_SUITE_P(Published, Networks,
                         testing::Values(Network{"onnx-light/light_bvlc_alexnet.onnx", 61.0, 655},
                                         Network{"onnx-light/light_densenet121.onnx", 8.146, 2834},
                                         Network{"onnx-light/light_inception_v1.onnx", 7.0, 1430},
                                         Network{"onnx-light/light_resnet50.onnx", 25.6, 4089},
                                         Network{"onnx-light/light_squeezenet.onnx", 1.235, 350},
                                         Network{"onnx-light/light_vgg19.onnx", 143.7, 19630},
                                         Network{"onnx-light/light_zfnet512.onnx", 87.3, 1480},
                                         Network{"onnx-models/version-RFB-320.onnx", 0.3076, 100}));

}  // namespace
}  // namespace pliant
