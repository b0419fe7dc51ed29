#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "core/error.h"
#include "core/json.h"
#include "models/elasticvit/architecture.h"

namespace pliant::elasticvit {
namespace {

constexpr std::array<std::string_view, 10> keys{
    "res",        "widths", "depths",  "conv_expansions", "kernels",
    "mlp_ratios", "heads",  "windows", "qk_scales",       "v_scales"};

// Lists with one entry per layer, of the stages of one kind.
class LayerLists {
 public:
  LayerLists(const Space& space, const Architecture& architecture, const JsonNode& node)
      : space_(space), architecture_(architecture), node_(node) {}

  // The value that each stage of `kind` has; 0 for the others.
  std::vector<std::int64_t> read(std::string_view key, StageKind kind) const {
    const std::vector<std::int64_t> list = node_.integers(key);
    check_count(key, kind, list.size());
    std::vector<std::int64_t> of_stage(space_.stages.size(), 0);
    std::size_t at = 0;
    for (std::size_t i = 0; i < space_.stages.size(); ++i) {
      if (space_.stages[i].kind != kind) continue;
      of_stage[i] = list[at];
      for (std::int64_t layer = 0; layer < architecture_.stages[i].depth; ++layer, ++at)
        if (list[at] != of_stage[i])
          node_.fail(fmt::format("{}[{}]", key, at),
                     fmt::format("is {}, but the layers of {} are alike and it begins with {}",
                                 list[at], space_.stages[i].name, of_stage[i]));
    }
    return of_stage;
  }

  // A list whose values follow from the rest.
  void derived(std::string_view key, const std::function<std::int64_t(std::size_t)>& value) const {
    if (!node_.has(key)) return;
    const std::vector<std::int64_t> given = read(key, StageKind::transformer);
    for (std::size_t i = 0; i < given.size(); ++i)
      if (space_.stages[i].kind == StageKind::transformer && given[i] != value(i))
        node_.fail(key, fmt::format("is {} in {}, where only {} is possible", given[i],
                                    space_.stages[i].name, value(i)));
  }

 private:
  void check_count(std::string_view key, StageKind kind, std::size_t count) const {
    std::int64_t layers = 0;
    std::vector<std::string> each;
    for (std::size_t i = 0; i < space_.stages.size(); ++i) {
      if (space_.stages[i].kind != kind) continue;
      layers += architecture_.stages[i].depth;
      each.push_back(fmt::format("{} {}", space_.stages[i].name, architecture_.stages[i].depth));
    }
    if (std::cmp_not_equal(count, layers))
      node_.fail(key, fmt::format("has {} entries, but there are {} such layers: {}", count, layers,
                                  fmt::join(each, ", ")));
  }

  const Space& space_;
  const Architecture& architecture_;
  const JsonNode& node_;
};

std::vector<std::int64_t> per_stage(const Space& space, const JsonNode& node,
                                    std::string_view key) {
  std::vector<std::int64_t> list = node.integers(key);
  if (list.size() != space.stages.size()) {
    std::vector<std::string> names;
    for (const StageSpace& each : space.stages) names.push_back(each.name);
    node.fail(key, fmt::format("has {} entries, not one per stage: {}", list.size(),
                               fmt::join(names, ", ")));
  }
  return list;
}

}  // namespace

Architecture architecture_from_json(const Space& space, std::string_view text,
                                    std::string_view place) {
  const nlohmann::json document = parse_json(text, place);
  const JsonNode node(document, place);
  node.only(keys);
  Architecture result{node.integer("res"), std::vector<StageChoice>(space.stages.size())};
  const std::vector<std::int64_t> widths = per_stage(space, node, "widths"),
                                  depths = per_stage(space, node, "depths");
  for (std::size_t i = 0; i < widths.size(); ++i) {
    // before it counts the layers of other lists
    const Choices& choices = space.stages[i].depths;
    if (std::find(choices.begin(), choices.end(), depths[i]) == choices.end())
      node.fail(fmt::format("depths[{}]", i),
                fmt::format("{} is no choice of {}", depths[i], space.stages[i].name),
                fmt::format("choose one of {}", fmt::join(choices, ", ")));
    result.stages[i].width = widths[i];
    result.stages[i].depth = depths[i];
  }
  const LayerLists lists(space, result, node);
  const auto expansions = lists.read("conv_expansions", StageKind::mobile),
             kernels = lists.read("kernels", StageKind::mobile),
             ratios = lists.read("mlp_ratios", StageKind::transformer),
             scales = lists.read("v_scales", StageKind::transformer);
  lists.derived("heads", [&](std::size_t i) { return widths[i] / space.head_dim; });
  lists.derived("windows", [](std::size_t) { return std::int64_t{1}; });
  lists.derived("qk_scales", [](std::size_t) { return std::int64_t{1}; });
  for (std::size_t i = 0; i < space.stages.size(); ++i)
    result.stages[i].inner = space.stages[i].kind == StageKind::mobile
                                 ? Inner{expansions[i], kernels[i]}
                                 : Inner{ratios[i], scales[i]};
  check(space, result, place);
  return result;
}

std::string to_json(const Space& space, const Architecture& architecture) {
  nlohmann::ordered_json json{{"res", architecture.resolution}};
  for (const std::string_view key : keys)
    if (key != "res") json[key] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < space.stages.size(); ++i) {
    const StageChoice& stage = architecture.stages[i];
    json["widths"].push_back(stage.width);
    json["depths"].push_back(stage.depth);
    for (std::int64_t layer = 0; layer < stage.depth; ++layer) {
      if (space.stages[i].kind == StageKind::mobile) {
        json["conv_expansions"].push_back(stage.expansion());
        json["kernels"].push_back(stage.kernel());
      } else {
        json["mlp_ratios"].push_back(stage.mlp_ratio());
        json["heads"].push_back(stage.width / space.head_dim);
        json["windows"].push_back(1);
        json["qk_scales"].push_back(1);
        json["v_scales"].push_back(stage.v_scale());
      }
    }
  }
  return json.dump();
}

}  // namespace pliant::elasticvit
