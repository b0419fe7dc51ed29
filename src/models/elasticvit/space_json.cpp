#include <array>

#include "core/error.h"
#include "core/json.h"
#include "models/elasticvit/space.h"

namespace pliant::elasticvit {
namespace {

using Keys = std::span<const std::string_view>;

constexpr std::array<std::string_view, 6> space_keys{
    "resolutions", "monotonic_widths", "head_dim", "stages", "head", "stage_sides"};
constexpr std::array<std::string_view, 8> mobile_keys{"name",   "kind",       "stride",  "widths",
                                                      "depths", "expansions", "kernels", "se"};
constexpr std::array<std::string_view, 10> transformer_keys{
    "name",       "kind",     "stride",    "widths",  "depths",
    "mlp_ratios", "v_scales", "qk_scales", "windows", "bias_table_side"};
constexpr std::array<std::string_view, 3> head_keys{"multiplier", "hidden", "classes"};

// The published space has more fields than choices: these have one value only.
void demand_one(const JsonNode& node, std::string_view key) {
  if (node.has(key) && node.integers(key) != std::vector<std::int64_t>{1})
    node.fail(key, "can be [1] only");
}

StageSpace stage_from(const JsonNode& node) {
  StageSpace stage;
  stage.name = node.text("name");
  const std::string kind = node.text("kind");
  if (kind != "mb" && kind != "transformer")
    node.fail("kind", "'" + kind + "' is neither mb nor transformer");
  stage.kind = kind == "mb" ? StageKind::mobile : StageKind::transformer;
  node.only(stage.kind == StageKind::mobile ? Keys(mobile_keys) : Keys(transformer_keys));
  stage.stride = node.integer("stride");
  stage.widths = node.integers("widths");
  stage.depths = node.integers("depths");
  if (stage.kind == StageKind::mobile) {
    stage.expansions = node.integers("expansions");
    stage.kernels = node.integers("kernels");
    stage.squeeze = node.truth("se");
  } else {
    stage.mlp_ratios = node.integers("mlp_ratios");
    stage.v_scales = node.integers("v_scales");
    demand_one(node, "qk_scales");
    demand_one(node, "windows");
  }
  return stage;
}

// What follows from the rest may be said, but not said wrongly.
void check_derived(const JsonNode& node, const Space& space) {
  if (!node.truth("monotonic_widths", true)) node.fail("monotonic_widths", "can be true only");
  const std::vector<std::int64_t> largest = stage_sides(space, space.resolutions.back());
  const std::vector<JsonNode> stages = node.objects("stages");
  for (std::size_t i = 0; i < stages.size(); ++i)
    if (stages[i].integer("bias_table_side", largest[i]) != largest[i])
      stages[i].fail("bias_table_side",
                     "is not " + std::to_string(largest[i]) + ", the largest side of the stage");
  if (!node.has("stage_sides")) return;
  const JsonNode sides = node.object("stage_sides");
  for (const std::int64_t each : space.resolutions) {
    std::vector<std::int64_t> behind_stem = stage_sides(space, each);
    behind_stem.erase(behind_stem.begin());
    if (sides.integers(std::to_string(each)) != behind_stem)
      sides.fail(std::to_string(each), "does not follow from the strides");
  }
}

}  // namespace

Space space_from_json(std::string_view text, std::string_view place) {
  const nlohmann::json document = parse_json(text, place);
  const JsonNode node(document, place);
  node.only(space_keys);
  Space space;
  space.resolutions = node.integers("resolutions");
  space.head_dim = node.integer("head_dim", space.head_dim);
  for (const JsonNode& each : node.objects("stages")) space.stages.push_back(stage_from(each));
  const JsonNode head = node.object("head");
  head.only(head_keys);
  space.head = {head.integer("multiplier"), head.integer("hidden"), head.integer("classes")};
  check(space, place);
  check_derived(node, space);
  return space;
}

std::string to_json(const Space& space) {
  nlohmann::ordered_json json{{"resolutions", space.resolutions}, {"head_dim", space.head_dim}};
  auto& stages = json["stages"] = nlohmann::ordered_json::array();
  for (const StageSpace& each : space.stages) {
    const bool mobile = each.kind == StageKind::mobile;
    nlohmann::ordered_json stage{{"name", each.name},
                                 {"kind", mobile ? "mb" : "transformer"},
                                 {"stride", each.stride},
                                 {"widths", each.widths},
                                 {"depths", each.depths}};
    if (mobile)
      stage.update(
          {{"expansions", each.expansions}, {"kernels", each.kernels}, {"se", each.squeeze}});
    else stage.update({{"mlp_ratios", each.mlp_ratios}, {"v_scales", each.v_scales}});
    stages.push_back(std::move(stage));
  }
  json["head"] = {{"multiplier", space.head.multiplier},
                  {"hidden", space.head.hidden},
                  {"classes", space.head.classes}};
  return json.dump(1);
}

}  // namespace pliant::elasticvit
