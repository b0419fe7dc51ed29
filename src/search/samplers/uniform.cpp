#include "search/samplers/uniform.h"

#include <fmt/format.h>

#include <array>

#include "core/error.h"
#include "core/json.h"

namespace pliant::search {

UniformSampler::UniformSampler(const elasticvit::Space& space, const UniformOptions& options)
    : space_(space),
      options_(options),
      flops_(space),
      windows_(flops_, options.bins),
      all_(windows_.within(windows_.least(), windows_.most())) {
  if (options.random < 0)
    throw Error(ErrorKind::invalid, "sampler", fmt::format("{} subnets a step", options.random));
}

std::vector<Drawn> UniformSampler::next() {
  Rng rng(options_.seed, static_cast<std::uint64_t>(step_++));
  std::vector<Drawn> step;
  if (options_.largest) step.push_back({largest(space_), Part::largest});
  for (int i = 0; i < options_.random; ++i) step.push_back({all_.draw(rng), Part::random});
  step.push_back({smallest(space_), Part::smallest});
  return step;
}

void UniformSampler::told(std::span<const double> scores) {
  if (!scores.empty())
    throw Error(ErrorKind::invalid, "sampler", fmt::format("{} scores for none", scores.size()));
}

std::string UniformSampler::state() const { return nlohmann::json{{"step", step_}}.dump(); }

void UniformSampler::restore(std::string_view json, std::string_view place) {
  const nlohmann::json document = parse_json(json, place);
  const JsonNode node(document, place);
  node.only(std::array<std::string_view, 1>{"step"});
  step_ = node.at("step").integer(0);
}

}  // namespace pliant::search
