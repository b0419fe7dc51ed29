#include "search/evolution/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/json.h"
#include "search/evolution/changes.h"

namespace pliant::search {

using elasticvit::Architecture;

namespace {

Bound bound_of(const JsonNode& parent, const std::string& key, bool latency) {
  Bound bound{key, latency, 0, 0};
  const JsonNode node = parent.at(key);
  if (node.json().is_array()) {
    const std::vector<double> ends = parent.numbers(key);
    if (ends.size() != 2) node.fail(fmt::format("has {} numbers, not from and to", ends.size()));
    bound.low = ends[0];
    bound.high = ends[1];
  } else {
    bound.high = node.number();
  }
  if (!(bound.low >= 0 && bound.low <= bound.high))
    node.fail(fmt::format("from {} to {} is no range", bound.low, bound.high));
  return bound;
}

}  // namespace

std::vector<Bound> bounds_from_json(std::string_view text, std::string_view place) {
  const nlohmann::json json = parse_json(text, place);
  const JsonNode root(json, place);
  root.object().only(std::array<std::string_view, 3>{"flops", "parameters", "latency_ms"});
  std::vector<Bound> bounds;
  for (const char* key : {"flops", "parameters"})
    if (root.has(key)) bounds.push_back(bound_of(root, key, false));
  if (const auto phones = root.find("latency_ms"))
    for (const auto& [phone, value] : phones->object().json().items())
      bounds.push_back(bound_of(*phones, phone, true));
  if (bounds.empty())
    root.fail("bounds nothing; name flops, parameters or latency_ms with what is allowed");
  return bounds;
}

double excess(const std::vector<Constraint>& constraints, const Architecture& architecture) {
  double sum = 0;
  for (const Constraint& each : constraints) {
    const double cost = each.predictor->predict(architecture);
    if (cost > each.high) sum += (cost - each.high) / std::max(each.high, 1e-9);
    if (cost < each.low) sum += (each.low - cost) / each.low;
  }
  return sum;
}

Architecture nearest(const elasticvit::Space& space, const std::vector<Constraint>& constraints,
                     Rng& rng) {
  std::vector<Architecture> beginnings{smallest(space), largest(space)};
  const Flops flops(space);
  const Windows all(flops, 1 << 12);
  for (int i = 0; i < 8; ++i) beginnings.push_back(all.within(0, all.most()).draw(rng));
  Architecture best = beginnings.front();
  double least = HUGE_VAL;
  for (Architecture& at : beginnings) {
    double value = excess(constraints, at);
    for (bool nearer = true; nearer && value > 0;) {
      nearer = false;
      for (Architecture& other : neighbours(space, at)) {
        const double its = excess(constraints, other);
        if (its >= value) continue;
        value = its;
        at = std::move(other);
        nearer = true;
        break;
      }
    }
    if (value >= least) continue;
    least = value;
    best = at;
  }
  return best;
}

}  // namespace pliant::search
