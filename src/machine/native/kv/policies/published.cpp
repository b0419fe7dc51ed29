// Elastic Cache as released, over a cache.
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "machine/native/kv/choice/scores.h"
#include "machine/native/kv/policies/compression.h"

namespace pliant::kv {

namespace {

class Published : public Editor {
 public:
  explicit Published(const PublishedElastic& rule)
      : rule_(rule),
        name_(fmt::format("elastic as published {} {} {}", rule.drop, rule.start, rule.distance)) {}

  std::string_view name() const override { return name_; }
  bool observes() const override { return true; }

  std::int64_t most_kept(std::int64_t entries, std::int64_t length) const override {
    return entries - std::max<std::int64_t>(published_excess(rule_, entries, length), 0);
  }

  void edit(std::span<const Chain> chains, std::span<const std::span<Fate>> fates) const override {
    if (chains.empty() || chains.front().in_prompt()) return;
    const std::int64_t size = chains.front().size(), length = chains.front().length(),
                       excess = published_excess(rule_, size, length);
    if (excess < 1) return;
    // Released code knows one prompt; behind a later one entries go as while an answer grows.
    if (chains.front().prompt_end() && size == length && excess > 1) {
      const std::vector<float> scores = scores_of(chains);
      for (const auto& each : fates) published_fates(scores, rule_.start, excess, each);
      return;
    }
    std::int64_t place = published_place(rule_, chains.front().prompt());
    if (place < 0) place = std::max<std::int64_t>(size + place, 0);
    for (const auto& each : fates)
      for (std::int64_t i = place; i < std::min(size, place + excess); ++i) each[i].keep = false;
  }

 private:
  static std::vector<float> scores_of(std::span<const Chain> chains) {
    std::vector<float> masses;
    for (const Chain& chain : chains)
      for (std::int64_t i = 0; i < chain.size(); ++i) masses.push_back(chain.entry(i).attention);
    return mean_over_heads(masses, std::ssize(chains), 1);
  }

  PublishedElastic rule_;
  std::string name_;
};

}  // namespace

Policy published_elastic(const PublishedElastic& rule) {
  if (!(rule.drop >= 0 && rule.drop < 1) || rule.start < 0)
    throw Error(ErrorKind::invalid, "cache policy",
                fmt::format("a share of {} to drop behind {} entries", rule.drop, rule.start),
                "the share must be 0 at least and below 1, the entries 0 at least");
  if (rule.drop == 0) return full();
  return edited(std::make_shared<Published>(rule));
}

}  // namespace pliant::kv
