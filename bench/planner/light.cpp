#include "planner/light.h"

#include "formats/onnx/onnx.h"
#include "graph/passes/passes.h"
#include "plan/graph/graph_problem.h"

namespace pliant::bench {

const bool reads_onnx = true;

std::vector<LightProblem> light_problems(const std::string& folder, ThreadPool& pool) {
  std::vector<LightProblem> problems;
  for (const char* name : {"bvlc_alexnet", "densenet121", "inception_v1", "resnet50", "squeezenet",
                           "vgg19", "zfnet512"}) {
    const OnnxModel model = read_onnx(folder + "/light_" + name + ".onnx");
    const Folded folded = fold(model.graph, model.weights, pool);
    const auto problem = [&](bool weights) {
      return plan::problem_of(folded.graph,
                              {.fuse = true, .weights = weights, .elem_bytes = 1, .workspace = {}})
          .problem;
    };
    problems.push_back({name, problem(false), problem(true)});
  }
  return problems;
}

}  // namespace pliant::bench
