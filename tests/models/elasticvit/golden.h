// Reference data of the published supernet: tests/golden/elasticvit/README.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/files.h"
#include "models/elasticvit/architecture.h"

namespace pliant::elasticvit {

inline nlohmann::json golden(const std::string& name) {
  return nlohmann::json::parse(read_file("golden/elasticvit/" + name));
}

// The scaled-down supernets; b has the full one's strides.
inline Space toy_space(const std::string& name) {
  const std::string stride = name == "toy_b" ? "2" : "1";
  return space_from_json(
      R"({"resolutions": [32, 48, 64], "head": {"multiplier": 2, "hidden": 64, "classes": 10}, "stages": [
      {"name": "stem", "kind": "mb", "stride": 1, "widths": [16, 24], "depths": [1, 2], "expansions": [1],
       "kernels": [3, 5], "se": false},
      {"name": "C0", "kind": "mb", "stride": 2, "widths": [16, 24], "depths": [1, 2], "expansions": [2, 3],
       "kernels": [3, 5], "se": false},
      {"name": "C1", "kind": "mb", "stride": )" +
          stride +
          R"(, "widths": [16, 24], "depths": [1, 2], "expansions": [2, 3], "kernels": [3, 5], "se": true},
      {"name": "T0", "kind": "transformer", "stride": 2, "widths": [16, 32], "depths": [1], "mlp_ratios": [2, 3],
       "v_scales": [2, 3]},
      {"name": "T1", "kind": "transformer", "stride": 1, "widths": [16, 32], "depths": [1, 2], "mlp_ratios": [2, 3],
       "v_scales": [2, 3]},
      {"name": "T2", "kind": "transformer", "stride": 2, "widths": [32], "depths": [1], "mlp_ratios": [2, 3],
       "v_scales": [2, 3]},
      {"name": "T3", "kind": "transformer", "stride": 2, "widths": [32, 48], "depths": [1, 2], "mlp_ratios": [2, 3],
       "v_scales": [2, 3]}]})",
      name);
}

// One field of a document changed, and what its reader says then.
struct Broken {
  const char *pointer, *value, *error;
};

inline Architecture from(const Space& space, const nlohmann::json& arch) {
  return architecture_from_json(space, arch.dump(), "arch");
}

}  // namespace pliant::elasticvit
