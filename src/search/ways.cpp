#include "search/ways.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace pliant::search {
namespace {

using elasticvit::Architecture;
using elasticvit::StageChoice;
using elasticvit::StageSpace;

std::vector<Option> options_of(const StagePredictor& predictor, std::int64_t resolution,
                               std::size_t index, std::int64_t input_width) {
  const elasticvit::Space& space = predictor.space();
  const StageSpace& stage = space.stages[index];
  const bool last = index + 1 == space.stages.size();
  std::vector<Option> options;
  for (std::size_t w = 0; w < stage.widths.size(); ++w) {
    const std::int64_t width = stage.widths[w];
    if (width < input_width) continue;
    const double head = last ? predictor.head(resolution, width) : 0;
    for (const std::int64_t depth : stage.depths)
      for (const elasticvit::Inner inner : inner_choices(stage)) {
        const StageChoice choice{width, depth, inner};
        options.push_back(
            {choice, w, predictor.stage(resolution, index, input_width, choice) + head});
      }
  }
  return options;
}

Entries entries_of(const StagePredictor& predictor, std::int64_t resolution) {
  const elasticvit::Space& space = predictor.space();
  Entries entries;
  for (std::size_t i = 0; i < space.stages.size(); ++i) {
    const elasticvit::Choices before = i == 0 ? elasticvit::Choices{0} : space.stages[i - 1].widths;
    entries.emplace_back();
    for (const std::int64_t width : before)
      entries.back().push_back({options_of(predictor, resolution, i, width), {}});
  }
  return entries;
}

Ends ends_of(const Entries& entries) {
  std::vector<Ends> behind;
  for (std::size_t i = entries.size(); i-- > 0;) {
    std::vector<Ends> here(entries[i].size());
    for (std::size_t w = 0; w < here.size(); ++w)
      for (const Option& each : entries[i][w].options) {
        const Ends rest = behind.empty() ? Ends{0, 0} : behind[each.width];
        here[w].least = std::min(here[w].least, each.cost + rest.least);
        here[w].most = std::max(here[w].most, each.cost + rest.most);
      }
    behind = std::move(here);
  }
  return behind[0];
}

// Counts of single sums, until they are added up.
Tail counts_of(const std::vector<Option>& options, const std::vector<Entry>* behind) {
  static const Tail end{0, {1}};
  const auto rest = [&](const Option& option) -> const Tail& {
    return behind ? (*behind)[option.width].tail : end;
  };
  Tail tail{std::numeric_limits<std::int64_t>::max(), {}};
  std::int64_t last = -1;
  for (const Option& each : options) {
    if (rest(each).upto.empty()) continue;
    const std::int64_t from = each.bin + rest(each).first;
    tail.first = std::min(tail.first, from);
    last = std::max(last, from + static_cast<std::int64_t>(rest(each).upto.size()) - 1);
  }
  if (last < 0) return {};
  tail.upto.resize(static_cast<std::size_t>(last - tail.first + 1));
  for (std::size_t i = 0; i < options.size();) {
    // Neighbours that differ in little often share a bin.
    std::int64_t alike = 1;
    const Option& each = options[i++];
    for (; i < options.size() && options[i].bin == each.bin && options[i].width == each.width; ++i)
      ++alike;
    const std::vector<std::int64_t>& from = rest(each).upto;
    std::int64_t* to = tail.upto.data() + (each.bin + rest(each).first - tail.first);
    for (std::size_t k = 0; k < from.size(); ++k) to[k] += alike * from[k];
  }
  return tail;
}

}  // namespace

std::int64_t Tail::count(std::int64_t from, std::int64_t last) const {
  const auto up_to = [&](std::int64_t sum) -> std::int64_t {
    if (sum < first || upto.empty()) return 0;
    return upto[std::min(static_cast<std::size_t>(sum - first), upto.size() - 1)];
  };
  return up_to(last) - up_to(from - 1);
}

Ways::Ways(const StagePredictor& predictor, std::int64_t bins) : predictor_(predictor) {
  for (const std::int64_t each : predictor.space().resolutions)
    resolutions_.push_back(entries_of(predictor, each));
  for (const Entries& each : resolutions_) {
    const Ends here = ends_of(each);
    ends_ = {std::min(ends_.least, here.least), std::max(ends_.most, here.most)};
  }
  if (ends_.most > 0) bin_ = ends_.most / static_cast<double>(bins);
  for (Entries& each : resolutions_) count(each);
}

void Ways::count(Entries& entries) const {
  for (std::size_t i = entries.size(); i-- > 0;)
    for (Entry& entry : entries[i]) {
      for (Option& each : entry.options) each.bin = bin_of(each.cost);
      std::vector<Option> sorted = entry.options;
      std::sort(sorted.begin(), sorted.end(), [](const Option& a, const Option& b) {
        return std::pair(a.width, a.bin) < std::pair(b.width, b.bin);
      });
      entry.tail = counts_of(sorted, i + 1 < entries.size() ? &entries[i + 1] : nullptr);
    }
  for (std::vector<Entry>& stage : entries)
    for (Entry& entry : stage)
      for (std::size_t k = 1; k < entry.tail.upto.size(); ++k)
        entry.tail.upto[k] += entry.tail.upto[k - 1];
}

std::int64_t Ways::count(std::int64_t from, std::int64_t last) const {
  std::int64_t total = 0;
  if (from <= last)
    for (const Entries& each : resolutions_) total += each[0][0].tail.count(from, last);
  return total;
}

Architecture Ways::pick(std::int64_t number, std::int64_t from, std::int64_t last) const {
  std::size_t r = 0;
  for (;; ++r) {
    const std::int64_t here = resolutions_[r][0][0].tail.count(from, last);
    if (number < here) break;
    number -= here;
  }
  Architecture result{predictor_.space().resolutions[r], {}};
  const Entries& entries = resolutions_[r];
  std::size_t width = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bool end = i + 1 == entries.size();
    for (const Option& each : entries[i][width].options) {
      const std::int64_t low = from - each.bin, high = last - each.bin;
      const std::int64_t here =
          end ? (low <= 0 && high >= 0) : entries[i + 1][each.width].tail.count(low, high);
      if (number >= here) {
        number -= here;
        continue;
      }
      result.stages.push_back(each.choice);
      from = low;
      last = high;
      width = each.width;
      break;
    }
  }
  return result;
}

}  // namespace pliant::search
