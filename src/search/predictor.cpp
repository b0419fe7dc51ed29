#include "search/predictor.h"

#include "models/elasticvit/counts.h"

namespace pliant::search {

double StagePredictor::predict(const elasticvit::Architecture& architecture) const {
  double total = 0;
  std::int64_t width = 0;
  for (std::size_t i = 0; i < architecture.stages.size(); ++i) {
    total += stage(architecture.resolution, i, width, architecture.stages[i]);
    width = architecture.stages[i].width;
  }
  return total + head(architecture.resolution, width);
}

double Flops::stage(std::int64_t resolution, std::size_t stage, std::int64_t input_width,
                    const elasticvit::StageChoice& choice) const {
  return static_cast<double>(
      elasticvit::stage_flops(space(), resolution, stage, input_width, choice));
}

double Flops::head(std::int64_t resolution, std::int64_t width) const {
  return static_cast<double>(elasticvit::head_flops(space(), resolution, width));
}

double ParameterCount::stage(std::int64_t resolution, std::size_t stage, std::int64_t input_width,
                             const elasticvit::StageChoice& choice) const {
  return static_cast<double>(
      elasticvit::stage_parameters(space(), resolution, stage, input_width, choice).read());
}

double ParameterCount::head(std::int64_t, std::int64_t width) const {
  return static_cast<double>(elasticvit::head_parameters(space(), width).read());
}

}  // namespace pliant::search
