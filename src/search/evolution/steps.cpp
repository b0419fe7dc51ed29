#include "search/evolution/steps.h"

#include <algorithm>
#include <functional>

#include "search/evolution/changes.h"

namespace pliant::search {

using elasticvit::Architecture;
using elasticvit::Inner;
using elasticvit::StageChoice;

namespace {

// The values nearest to `now` below and above it.
std::vector<std::int64_t> beside(std::vector<std::int64_t> values, std::int64_t now) {
  std::sort(values.begin(), values.end());
  std::vector<std::int64_t> result;
  const auto here = std::lower_bound(values.begin(), values.end(), now);
  if (here != values.begin()) result.push_back(*std::prev(here));
  const auto above = std::upper_bound(here, values.end(), now);
  if (above != values.end()) result.push_back(*above);
  return result;
}

class Steps {
 public:
  explicit Steps(const Architecture& architecture) : architecture_(architecture) {}

  using Change = std::function<void(Architecture& other, std::int64_t value)>;
  void add(const std::string& choice, const std::vector<std::int64_t>& values, std::int64_t now,
           const Change& change) {
    for (const std::int64_t value : beside(values, now)) {
      Step step{choice, now, value, architecture_};
      change(step.architecture, value);
      if (is_legal(step.architecture)) result.push_back(std::move(step));
    }
  }

  std::vector<Step> result;

 private:
  const Architecture& architecture_;
};

}  // namespace

std::vector<Step> single_steps(const elasticvit::Space& space, const Architecture& architecture) {
  Steps steps(architecture);
  steps.add("resolution", space.resolutions, architecture.resolution,
            [](Architecture& other, std::int64_t value) { other.resolution = value; });
  for (std::size_t i = 0; i < space.stages.size(); ++i) {
    const elasticvit::StageSpace& stage = space.stages[i];
    const StageChoice& now = architecture.stages[i];
    const bool mobile = stage.kind == elasticvit::StageKind::mobile;
    steps.add(stage.name + " width", stage.widths, now.width,
              [i](Architecture& other, std::int64_t value) { other.stages[i].width = value; });
    steps.add(stage.name + " depth", stage.depths, now.depth,
              [i](Architecture& other, std::int64_t value) { other.stages[i].depth = value; });
    std::vector<std::int64_t> firsts, seconds;  // that go together with the other one
    for (const Inner& each : inner_choices(stage)) {
      if (each.second == now.inner.second) firsts.push_back(each.first);
      if (each.first == now.inner.first) seconds.push_back(each.second);
    }
    steps.add(
        stage.name + (mobile ? " expansion" : " MLP ratio"), firsts, now.inner.first,
        [i](Architecture& other, std::int64_t value) { other.stages[i].inner.first = value; });
    steps.add(
        stage.name + (mobile ? " kernel" : " V scale"), seconds, now.inner.second,
        [i](Architecture& other, std::int64_t value) { other.stages[i].inner.second = value; });
  }
  return steps.result;
}

}  // namespace pliant::search
