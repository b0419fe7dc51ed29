#include "models/elasticvit/space.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "core/checked.h"
#include "core/error.h"

namespace pliant::elasticvit {
namespace {

// The largest values that a space may have: no count of operations in it overflows.
constexpr std::int64_t most_resolution = 1024, most_width = 8192, most_depth = 32, most_ratio = 16,
                       most_kernel = 15, most_head = 1 << 20;
constexpr std::size_t most_stages = 16;

Choices steps(std::int64_t first, std::int64_t last, std::int64_t step = 1) {
  Choices choices;
  for (std::int64_t each = first; each <= last; each += step) choices.push_back(each);
  return choices;
}

StageSpace mobile(std::string name, std::int64_t stride, Choices widths, Choices depths,
                  Choices expansions, bool squeeze) {
  return {.name = std::move(name),
          .kind = StageKind::mobile,
          .stride = stride,
          .widths = std::move(widths),
          .depths = std::move(depths),
          .expansions = std::move(expansions),
          .kernels = {3, 5},
          .squeeze = squeeze,
          .mlp_ratios = {},
          .v_scales = {}};
}

StageSpace transformer(std::string name, std::int64_t stride, Choices widths, Choices depths) {
  return {.name = std::move(name),
          .kind = StageKind::transformer,
          .stride = stride,
          .widths = std::move(widths),
          .depths = std::move(depths),
          .expansions = {},
          .kernels = {},
          .mlp_ratios = steps(2, 5),
          .v_scales = steps(2, 4)};
}

class Checker {
 public:
  Checker(const Space& space, std::string_view place) : space_(space), place_(place) {}

  void run() const {
    choices("resolutions", space_.resolutions, most_resolution);
    number("head_dim", space_.head_dim, most_width);
    number("head.multiplier", space_.head.multiplier, most_ratio);
    number("head.hidden", space_.head.hidden, most_head);
    number("head.classes", space_.head.classes, most_head);
    const std::size_t count = space_.stages.size();
    if (count < 2 || count > most_stages)
      fail("stages", fmt::format("has {} entries, not 2 to {}", count, most_stages));
    for (std::size_t i = 0; i < count; ++i) stage(i);
    if (space_.stages.back().kind != StageKind::transformer)
      fail(fmt::format("stages[{}]", count - 1), "is no transformer, but the last one must be");
    strides();
    size(space_);  // overflows
  }

 private:
  [[noreturn]] void fail(const std::string& field, const std::string& problem) const {
    throw Error(ErrorKind::invalid, fmt::format("{}: {}", place_, field), problem);
  }

  void number(const std::string& field, std::int64_t value, std::int64_t most) const {
    if (value < 1 || value > most) fail(field, fmt::format("{} is not in 1 to {}", value, most));
  }

  void choices(const std::string& field, const Choices& list, std::int64_t most) const {
    if (list.empty()) fail(field, "has no choices");
    for (const std::int64_t each : list) number(field, each, most);
    if (std::adjacent_find(list.begin(), list.end(), std::greater_equal<>()) != list.end())
      fail(field, fmt::format("{} does not ascend", fmt::join(list, ", ")));
  }

  void stage(std::size_t index) const {
    const StageSpace& stage = space_.stages[index];
    const std::string at = fmt::format("stages[{}].", index);
    if (stage.name.empty()) fail(at + "name", "is empty");
    for (std::size_t other = 0; other < index; ++other)
      if (space_.stages[other].name == stage.name)
        fail(at + "name", fmt::format("'{}' is taken", stage.name));
    choices(at + "widths", stage.widths, most_width);
    choices(at + "depths", stage.depths, most_depth);
    number(at + "stride", stage.stride, 2);
    if (stage.kind == StageKind::mobile) check_mobile(index, at);
    else check_transformer(index, at);
    if (index > 0 && stage.widths.back() < space_.stages[index - 1].widths.back())
      fail(at + "widths",
           fmt::format("none reaches the {} of {}, which could never be chosen: widths never fall",
                       space_.stages[index - 1].widths.back(), space_.stages[index - 1].name));
  }

  void check_mobile(std::size_t index, const std::string& at) const {
    const StageSpace& stage = space_.stages[index];
    choices(at + "expansions", stage.expansions, most_ratio);
    choices(at + "kernels", stage.kernels, most_kernel);
    for (const std::int64_t kernel : stage.kernels)
      if (kernel % 2 == 0) fail(at + "kernels", fmt::format("{} is even", kernel));
    if (index == 0) {
      if (stage.expansions != Choices{1}) fail(at + "expansions", "must be 1 alone in the stem");
      if (stage.stride != 1) fail(at + "stride", "must be 1 in the stem");
      if (stage.squeeze) fail(at + "se", "must be false in the stem");
    } else if (space_.stages[index - 1].kind != StageKind::mobile) {
      fail(at + "kind", "is mb, but transformers stand before it");
    }
  }

  void check_transformer(std::size_t index, const std::string& at) const {
    const StageSpace& stage = space_.stages[index];
    if (index == 0) fail(at + "kind", "is transformer, but the first stage is the stem");
    choices(at + "mlp_ratios", stage.mlp_ratios, most_ratio);
    choices(at + "v_scales", stage.v_scales, most_ratio);
    for (const std::int64_t width : stage.widths)
      if (width % space_.head_dim != 0)
        fail(at + "widths",
             fmt::format("{} is no multiple of head_dim, {}", width, space_.head_dim));
  }

  void strides() const {
    std::int64_t divisor = 2;  // the first convolution's
    for (const StageSpace& stage : space_.stages)
      if (stage.kind == StageKind::mobile) divisor *= stage.stride;
    for (const std::int64_t each : space_.resolutions)
      if (each % divisor != 0)
        fail("resolutions", fmt::format("{} is no multiple of {}, the strides of the mobile stages",
                                        each, divisor));
  }

  const Space& space_;
  std::string_view place_;
};

}  // namespace

const Space& published_space() {
  static const Space space{
      .resolutions = {128, 160, 176, 192, 224, 256},
      .stages = {mobile("stem", 1, {16, 24}, {1, 2}, {1}, false),
                 mobile("C0", 2, {16, 24, 32}, steps(2, 5), steps(3, 6), false),
                 mobile("C1", 2, steps(16, 48, 8), steps(2, 6), steps(3, 6), true),
                 transformer("T0", 2, steps(48, 96, 16), steps(1, 5)),
                 transformer("T1", 1, steps(80, 160, 16), steps(1, 6)),
                 transformer("T2", 2, steps(144, 288, 16), steps(1, 6)),
                 transformer("T3", 2, steps(160, 320, 16), steps(1, 6))},
      .head = {}};
  return space;
}

void check(const Space& space, std::string_view place) { Checker(space, place).run(); }

std::vector<std::int64_t> stage_sides(const Space& space, std::int64_t resolution) {
  std::vector<std::int64_t> sides;
  std::int64_t side = resolution / 2;
  for (const StageSpace& stage : space.stages) {
    side = ceil_div(side, stage.stride);
    sides.push_back(side);
  }
  return sides;
}

std::vector<Inner> inner_choices(const StageSpace& stage) {
  const bool mobile = stage.kind == StageKind::mobile;
  std::vector<Inner> pairs;
  for (const std::int64_t first : mobile ? stage.expansions : stage.mlp_ratios)
    for (const std::int64_t second : mobile ? stage.kernels : stage.v_scales)
      pairs.push_back({first, second});
  return pairs;
}

std::int64_t size(const Space& space) {
  constexpr std::string_view place = "the number of architectures";
  std::map<std::int64_t, std::int64_t> beginnings{
      {0, std::int64_t(space.resolutions.size())}};  // by the width they end with
  for (const StageSpace& stage : space.stages) {
    const auto free = std::int64_t(stage.depths.size() * inner_choices(stage).size());
    std::map<std::int64_t, std::int64_t> longer;
    for (const auto& [before, count] : beginnings)
      for (const std::int64_t width : stage.widths)
        if (width >= before)
          longer[width] = checked_add(longer[width], checked_multiply(count, free, place), place);
    beginnings = std::move(longer);
  }
  std::int64_t total = 0;
  for (const auto& [width, count] : beginnings) total = checked_add(total, count, place);
  return total;
}

}  // namespace pliant::elasticvit
