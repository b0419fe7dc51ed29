// One subnet of the space: what every stage has chosen.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/elasticvit/space.h"

namespace pliant::elasticvit {

struct StageChoice {
  std::int64_t width = 0, depth = 0;
  // expansion and kernel of a mobile stage; MLP ratio and V scale of a transformer stage
  Inner inner;

  std::int64_t expansion() const { return inner.first; }
  std::int64_t kernel() const { return inner.second; }
  std::int64_t mlp_ratio() const { return inner.first; }
  std::int64_t v_scale() const { return inner.second; }
  bool operator==(const StageChoice& other) const {
    return width == other.width && depth == other.depth && inner.first == other.inner.first &&
           inner.second == other.inner.second;
  }
};

struct Architecture {
  std::int64_t resolution = 0;
  std::vector<StageChoice> stages;
  bool operator==(const Architecture&) const = default;
};

// Throws Error{invalid} at `place`, naming the field and its choices, for what is not in the space.
void check(const Space& space, const Architecture& architecture, std::string_view place);

// The published form: "res", "widths" and "depths" per stage, "conv_expansions" and "kernels" per
// mobile layer, "mlp_ratios", "heads", "windows", "qk_scales" and "v_scales" per transformer layer.
// The layers of a stage are alike; heads, windows and qk_scales may be left out and are otherwise
// width / head_dim, 1 and 1. Throws Error{format} for another form, and as check().
Architecture architecture_from_json(const Space& space, std::string_view text,
                                    std::string_view place);
std::string to_json(const Space& space, const Architecture& architecture);

// The least and the most of every choice.
Architecture smallest(const Space& space);
Architecture largest(const Space& space);

// The part of the space where no choice is below the one of `floor`. Throws as check().
Space space_above(const Space& space, const Architecture& floor);

// The nine subnets of the paper, of published_space().
struct Published {
  std::string_view name;  // "T1" to "L3"
  Architecture architecture;
};
const std::vector<Published>& published_architectures();

}  // namespace pliant::elasticvit
