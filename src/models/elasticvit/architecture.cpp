#include "models/elasticvit/architecture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"

namespace pliant::elasticvit {
namespace {

void demand(std::int64_t value, const Choices& choices, std::string_view place,
            const std::string& field, std::string_view of) {
  if (!std::binary_search(choices.begin(), choices.end(), value))
    throw Error(ErrorKind::invalid, fmt::format("{}: {}", place, field),
                fmt::format("{} is no choice of {}", value, of),
                fmt::format("choose one of {}", fmt::join(choices, ", ")));
}

Architecture extreme(const Space& space, bool most) {
  const auto pick = [&](const Choices& choices) { return most ? choices.back() : choices.front(); };
  Architecture result{pick(space.resolutions), {}};
  std::int64_t width = 0;
  for (const StageSpace& stage : space.stages) {
    width = *std::find_if(stage.widths.begin(), stage.widths.end(), [&](std::int64_t each) {
      return each >= (most ? stage.widths.back() : width);
    });
    const std::vector<Inner> inner = inner_choices(stage);
    result.stages.push_back({width, pick(stage.depths), most ? inner.back() : inner.front()});
  }
  return result;
}

}  // namespace

void check(const Space& space, const Architecture& architecture, std::string_view place) {
  demand(architecture.resolution, space.resolutions, place, "res", "the space");
  if (architecture.stages.size() != space.stages.size())
    throw Error(ErrorKind::invalid, std::string(place),
                fmt::format("has {} stages, but the space {}", architecture.stages.size(),
                            space.stages.size()));
  for (std::size_t i = 0; i < space.stages.size(); ++i) {
    const StageSpace& stage = space.stages[i];
    const StageChoice& choice = architecture.stages[i];
    demand(choice.width, stage.widths, place, fmt::format("widths[{}]", i), stage.name);
    demand(choice.depth, stage.depths, place, fmt::format("depths[{}]", i), stage.name);
    if (i > 0 && choice.width < architecture.stages[i - 1].width)
      throw Error(ErrorKind::invalid, fmt::format("{}: widths[{}]", place, i),
                  fmt::format("{} of {} is below the {} of {}", choice.width, stage.name,
                              architecture.stages[i - 1].width, space.stages[i - 1].name),
                  "widths never fall from stage to stage");
    const bool mobile = stage.kind == StageKind::mobile;
    demand(choice.inner.first, mobile ? stage.expansions : stage.mlp_ratios, place,
           mobile ? "conv_expansions" : "mlp_ratios", stage.name);
    demand(choice.inner.second, mobile ? stage.kernels : stage.v_scales, place,
           mobile ? "kernels" : "v_scales", stage.name);
  }
}

Architecture smallest(const Space& space) { return extreme(space, false); }
Architecture largest(const Space& space) { return extreme(space, true); }

Space space_above(const Space& space, const Architecture& floor) {
  check(space, floor, "smallest subnet");
  Space result = space;
  const auto cut = [](Choices& choices, std::int64_t least) {
    std::erase_if(choices, [&](std::int64_t each) { return each < least; });
  };
  cut(result.resolutions, floor.resolution);
  for (std::size_t i = 0; i < result.stages.size(); ++i) {
    StageSpace& stage = result.stages[i];
    const StageChoice& choice = floor.stages[i];
    const bool mobile = stage.kind == StageKind::mobile;
    cut(stage.widths, choice.width);
    cut(stage.depths, choice.depth);
    cut(mobile ? stage.expansions : stage.mlp_ratios, choice.inner.first);
    cut(mobile ? stage.kernels : stage.v_scales, choice.inner.second);
  }
  return result;
}

const std::vector<Published>& published_architectures() {
  // width, depth, {expansion, kernel} or {MLP ratio, V scale}
  static const std::vector<Published> all{{"T1",
                                           {128,
                                            {{16, 1, {1, 3}},
                                             {24, 2, {3, 3}},
                                             {32, 3, {3, 3}},
                                             {64, 1, {2, 2}},
                                             {96, 1, {2, 2}},
                                             {176, 1, {3, 2}},
                                             {272, 1, {4, 2}}}}},
                                          {"T2",
                                           {160,
                                            {{16, 1, {1, 3}},
                                             {24, 2, {3, 3}},
                                             {40, 3, {3, 3}},
                                             {48, 1, {3, 2}},
                                             {96, 1, {4, 2}},
                                             {176, 2, {3, 2}},
                                             {256, 2, {2, 2}}}}},
                                          {"S1",
                                           {192,
                                            {{16, 1, {1, 3}},
                                             {24, 3, {3, 3}},
                                             {40, 3, {3, 3}},
                                             {64, 2, {2, 2}},
                                             {96, 2, {2, 2}},
                                             {192, 2, {3, 2}},
                                             {272, 2, {4, 2}}}}},
                                          {"S2",
                                           {224,
                                            {{16, 1, {1, 3}},
                                             {24, 3, {3, 3}},
                                             {48, 3, {3, 3}},
                                             {64, 2, {2, 2}},
                                             {96, 2, {2, 2}},
                                             {192, 2, {2, 2}},
                                             {256, 2, {4, 2}}}}},
                                          {"M",
                                           {224,
                                            {{16, 1, {1, 5}},
                                             {32, 3, {3, 3}},
                                             {48, 5, {3, 3}},
                                             {64, 2, {2, 2}},
                                             {96, 2, {4, 2}},
                                             {192, 2, {4, 2}},
                                             {288, 2, {5, 2}}}}},
                                          {"L1",
                                           {256,
                                            {{16, 1, {1, 5}},
                                             {24, 3, {3, 5}},
                                             {40, 3, {6, 5}},
                                             {64, 2, {4, 2}},
                                             {96, 2, {3, 2}},
                                             {192, 2, {4, 2}},
                                             {320, 2, {4, 2}}}}},
                                          {"L1.5",
                                           {256,
                                            {{16, 2, {1, 3}},
                                             {24, 4, {3, 3}},
                                             {48, 4, {4, 5}},
                                             {64, 2, {4, 2}},
                                             {96, 2, {5, 2}},
                                             {256, 2, {3, 2}},
                                             {320, 2, {5, 2}}}}},
                                          {"L2",
                                           {256,
                                            {{16, 1, {1, 3}},
                                             {24, 3, {6, 3}},
                                             {40, 4, {6, 3}},
                                             {80, 2, {3, 2}},
                                             {128, 2, {2, 2}},
                                             {256, 2, {3, 2}},
                                             {304, 2, {5, 3}}}}},
                                          {"L3",
                                           {256,
                                            {{16, 1, {1, 5}},
                                             {32, 3, {5, 3}},
                                             {48, 4, {5, 5}},
                                             {80, 2, {4, 2}},
                                             {128, 2, {4, 2}},
                                             {256, 2, {3, 2}},
                                             {320, 2, {5, 2}}}}}};
  return all;
}

}  // namespace pliant::elasticvit
