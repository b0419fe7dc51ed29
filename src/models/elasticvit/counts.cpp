#include "models/elasticvit/counts.h"

namespace pliant::elasticvit {
namespace {

using Count = std::int64_t;

Count square(Count x) { return x * x; }

Count mobile_flops(const StageSpace& stage, Count side, Count width_in, const StageChoice& choice) {
  Count total = 0, in = width_in;
  for (Count layer = 0; layer < choice.depth; ++layer, in = choice.width) {
    const bool strided = layer == 0 && stage.stride == 2;
    const Count inner = in * choice.expansion(), pixels = square(side);
    total += in * inner * square(strided ? 2 * side : side);
    total += inner * square(choice.kernel()) * pixels + inner * choice.width * pixels;
    if (stage.squeeze) total += 2 * inner * (inner / 4);
    if (strided) total += in * choice.width * pixels;
  }
  return total;
}

Count transformer_flops(const StageSpace& stage, Count side, Count width_in, Count head_dim,
                        const StageChoice& choice) {
  const Count c = choice.width, n = square(side), heads = c / head_dim;
  const Count values = choice.v_scale() * head_dim;  // per head
  const Count reduction =
      reduction_expansion * width_in * (width_in * square(stage.stride * side) + 9 * n + c * n);
  const Count attention = heads * n * n * (head_dim + values + 1) +
                          c * n * heads * (2 * head_dim + values) + values * heads * n * c +
                          values * heads * n;
  const Count feed_forward = 2 * choice.mlp_ratio() * c * c * n;
  return reduction + choice.depth * (attention + feed_forward);
}

// With its norms; without the first convolution.
Count block_parameters(Count in, Count width, Count expansion, Count kernel, bool squeeze,
                       bool stem) {
  const Count inner = in * expansion;
  Count total = inner * square(kernel) + 2 * inner + inner * width + 2 * width;
  if (!stem) total += in * inner + 2 * inner;
  if (squeeze) total += 2 * inner * (inner / 4) + inner / 4 + inner;
  if (in != width) total += in * width;
  return total;
}

Count layer_pair_parameters(Count head_dim, const StageChoice& choice) {
  const Count c = choice.width, heads = c / head_dim, values = choice.v_scale() * head_dim * heads;
  const Count attention = 2 * c + c * (2 * head_dim * heads + values) + 9 * values + values * c + c;
  const Count hidden = choice.mlp_ratio() * c;
  return attention + 2 * c + 2 * hidden * c + hidden + c;
}

template <typename Total, typename OfStage>
Total sum_over_stages(const Architecture& architecture, Total total, const OfStage& of_stage) {
  Count width = 0;
  for (std::size_t i = 0; i < architecture.stages.size(); ++i) {
    total += of_stage(i, width, architecture.stages[i]);
    width = architecture.stages[i].width;
  }
  return total;
}

}  // namespace

std::int64_t stage_flops(const Space& space, std::int64_t resolution, std::size_t stage,
                         std::int64_t input_width, const StageChoice& choice) {
  const StageSpace& of = space.stages[stage];
  const Count side = stage_sides(space, resolution)[stage];
  if (of.kind == StageKind::transformer)
    return transformer_flops(of, side, input_width, space.head_dim, choice);
  if (stage > 0) return mobile_flops(of, side, input_width, choice);
  // The stem's blocks expand by a convolution that is not there and not counted.
  const Count pixels = square(side), c = choice.width;
  return 27 * c * pixels + choice.depth * (c * square(choice.kernel()) * pixels + c * c * pixels);
}

std::int64_t head_flops(const Space& space, std::int64_t resolution, std::int64_t width) {
  const Count inner = space.head.multiplier * width;
  return inner * width * square(stage_sides(space, resolution).back()) + inner * space.head.hidden +
         space.head.hidden * space.head.classes;
}

std::int64_t flops(const Space& space, const Architecture& architecture) {
  const Count resolution = architecture.resolution;
  return sum_over_stages(architecture,
                         head_flops(space, resolution, architecture.stages.back().width),
                         [&](std::size_t stage, Count width, const StageChoice& choice) {
                           return stage_flops(space, resolution, stage, width, choice);
                         });
}

Parameters& Parameters::operator+=(const Parameters& more) {
  without_bias_tables += more.without_bias_tables;
  reachable_bias_rows += more.reachable_bias_rows;
  all_bias_rows += more.all_bias_rows;
  return *this;
}

Parameters stage_parameters(const Space& space, std::int64_t resolution, std::size_t stage,
                            std::int64_t input_width, const StageChoice& choice) {
  const StageSpace& of = space.stages[stage];
  Parameters result;
  if (of.kind == StageKind::transformer) {
    const Count heads = choice.width / space.head_dim;
    const auto rows = [&](Count side) { return square(2 * side - 1) * heads * choice.depth; };
    result.without_bias_tables =
        block_parameters(input_width, choice.width, reduction_expansion, 3, true, false) +
        choice.depth * layer_pair_parameters(space.head_dim, choice);
    result.reachable_bias_rows = rows(stage_sides(space, resolution)[stage]);
    result.all_bias_rows = rows(stage_sides(space, space.resolutions.back())[stage]);
    return result;
  }
  const bool stem = stage == 0;
  if (stem) result.without_bias_tables = 27 * choice.width + 2 * choice.width;
  Count in = stem ? choice.width : input_width;
  for (Count layer = 0; layer < choice.depth; ++layer, in = choice.width)
    result.without_bias_tables +=
        block_parameters(in, choice.width, choice.expansion(), choice.kernel(), of.squeeze, stem);
  return result;
}

Parameters head_parameters(const Space& space, std::int64_t width) {
  const HeadSpace& head = space.head;
  const Count inner = head.multiplier * width;
  return {inner * width + 3 * inner + inner * head.hidden + head.hidden +
              head.hidden * head.classes + head.classes,
          0, 0};
}

Parameters parameters(const Space& space, const Architecture& architecture) {
  return sum_over_stages(architecture, head_parameters(space, architecture.stages.back().width),
                         [&](std::size_t stage, Count width, const StageChoice& choice) {
                           return stage_parameters(space, architecture.resolution, stage, width,
                                                   choice);
                         });
}

}  // namespace pliant::elasticvit
