#include "machine/native/kv/policies/compression.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/rng.h"
#include "machine/native/kv/choice/scores.h"
#include "machine/native/kv/pages.h"

namespace pliant::kv {

namespace {

// Of a room: a page that is filled in part, and one for what is appended.
constexpr std::int64_t left_free = 2 * page_entries;

// One layer's chains with what is read of them.
struct Layer {
  std::span<const Chain> chains;
  std::span<const std::span<Fate>> fates;
  std::vector<std::vector<Entry>> entries;  // by head
  std::vector<std::vector<float>> scores;   // by head

  std::int64_t heads() const { return std::ssize(chains); }
  std::int64_t widest() const {
    std::int64_t most = 0;
    for (const auto& each : scores) most = std::max<std::int64_t>(most, std::ssize(each));
    return most;
  }
};

// [parts, widest], zeros behind the shorter ones: they are what stays last.
void append(std::vector<float>& all, const std::vector<float>& scores, std::int64_t widest) {
  all.insert(all.end(), scores.begin(), scores.end());
  all.resize(all.size() + widest - scores.size());
}

class Compressor : public Editor {
 public:
  explicit Compressor(const Compression& compression)
      : rule_(compression),
        name_(fmt::format("{} {}", rule_.name, rule_.keep)),
        room_{std::max<std::int64_t>(rule_.room.entries - left_free, 0), rule_.room.chains,
              rule_.room.widest} {}

  std::string_view name() const override { return name_; }
  bool observes() const override { return rule_.score != ScoreBy::random || rule_.merge; }
  std::int64_t observed_rows() const override { return rule_.rows; }
  bool sees_all_layers() const override { return rule_.budget == BudgetOf::layers_by_prefix; }

  std::int64_t most_kept(std::int64_t entries, std::int64_t length) const override {
    const std::int64_t sure = rule_.protection.first + rule_.protection.last;
    return std::min(entries, std::max(prompt_budget(entries, length), sure));
  }

  void edit(std::span<const Chain> chains, std::span<const std::span<Fate>> fates) const override {
    if (chains.empty() || chains.front().in_prompt()) return;
    if (chains.front().prompt_end()) return compress(chains, fates);
    for (std::size_t i = 0; i < chains.size(); ++i) {
      if (rule_.answer == AnswerRule::oldest) drop_oldest(chains[i], fates[i]);
      if (rule_.answer == AnswerRule::lowest) drop_lowest(chains[i], fates[i]);
    }
  }

 private:
  std::int64_t prompt_budget(std::int64_t entries, std::int64_t length) const {
    const std::int64_t share = entries_of(rule_.keep, length, 1);
    if (rule_.room.entries == 0) return share;
    return std::min(share, kept_beside(room_, round_up(entries, page_entries)));
  }

  std::int64_t answer_budget(std::int64_t length) const {
    const std::int64_t share = entries_of(rule_.keep, length, 1);
    return rule_.room.entries == 0 ? share : std::min(share, room_.entries);
  }

  void compress(std::span<const Chain> chains, std::span<const std::span<Fate>> fates) const {
    std::vector<Layer> layers;
    for (std::size_t first = 0; first < chains.size();) {
      std::size_t last = first;
      while (last < chains.size() && chains[last].layer() == chains[first].layer()) ++last;
      layers.push_back(
          read(chains.subspan(first, last - first), fates.subspan(first, last - first)));
      first = last;
    }
    const std::vector<std::int64_t> budgets = budgets_of(layers);
    for (std::size_t i = 0; i < layers.size(); ++i) choose(layers[i], budgets[i]);
  }

  Layer read(std::span<const Chain> chains, std::span<const std::span<Fate>> fates) const {
    Layer layer{chains, fates, {}, {}};
    for (const Chain& chain : chains) {
      std::vector<Entry>& entries = layer.entries.emplace_back();
      for (std::int64_t i = 0; i < chain.size(); ++i) entries.push_back(chain.entry(i));
      std::vector<float>& scores = layer.scores.emplace_back();
      for (const Entry& each : entries) scores.push_back(score(chain, each));
      if (rule_.score == ScoreBy::per_row) per_row(entries, chain.length(), rule_.rows, scores);
    }
    if (rule_.budget == BudgetOf::layer || rule_.budget == BudgetOf::layers_by_prefix) share(layer);
    for (std::vector<float>& each : layer.scores) smooth(each, rule_.smooth);
    return layer;
  }

  float score(const Chain& chain, const Entry& entry) const {
    if (rule_.score != ScoreBy::random) return entry.attention;
    const auto layer = static_cast<std::uint64_t>(chain.layer());
    Rng rng(rule_.seed, (layer << 32U) + static_cast<std::uint64_t>(entry.position));
    return static_cast<float>(rng.uniform());
  }

  // Heads that keep the same tokens have the same entries.
  static void share(Layer& layer) {
    std::vector<float> all;
    for (const auto& each : layer.scores) append(all, each, layer.widest());
    const std::vector<float> mean = mean_over_heads(all, layer.heads(), 1);
    for (auto& each : layer.scores) each = mean;
  }

  // of each layer, for one of its heads
  std::vector<std::int64_t> budgets_of(const std::vector<Layer>& layers) const {
    const Chain& first = layers.front().chains.front();
    const std::int64_t each = prompt_budget(first.size(), first.length());
    if (rule_.budget != BudgetOf::layers_by_prefix)
      return std::vector<std::int64_t>(layers.size(), each);
    std::int64_t widest = 0, chains = 0;
    for (const Layer& layer : layers) {
      widest = std::max(widest, layer.widest());
      chains += layer.heads();
    }
    std::vector<float> all;  // by chain: layers may differ in heads
    for (const Layer& layer : layers)
      for (const auto& scores : layer.scores) append(all, scores, widest);
    const auto own =
        by_prefix(all, chains, each * chains, std::min<std::int64_t>(1, widest), rule_.uniform);
    std::vector<std::int64_t> result;
    for (auto chain = own.begin(); const Layer& layer : layers) {
      result.push_back(*std::min_element(chain, chain + layer.heads()));
      chain += layer.heads();
    }
    return result;
  }

  void choose(const Layer& layer, std::int64_t budget) const {
    std::vector<std::int64_t> own(layer.chains.size(), budget);
    if (rule_.budget == BudgetOf::heads_by_rank) {
      std::vector<float> all;
      for (const auto& each : layer.scores) append(all, each, layer.widest());
      own = by_rank(all, layer.heads(), budget * layer.heads(),
                    std::min<std::int64_t>(1, layer.widest()), rule_.uniform);
    }
    for (std::int64_t head = 0; head < layer.heads(); ++head) {
      const std::vector<Entry>& entries = layer.entries[head];
      Protection protection = rule_.protection;
      protection.last = std::max(protection.last, recent(own[head]));
      keep_highest(layer.scores[head], protected_of(entries, protection), own[head],
                   layer.fates[head]);
      if (rule_.merge) merge_nearest(entries, layer.scores[head], *rule_.merge, layer.fates[head]);
    }
  }

  std::int64_t recent(std::int64_t budget) const {
    return static_cast<std::int64_t>(rule_.recent * static_cast<double>(budget));
  }

  void drop_oldest(const Chain& chain, std::span<Fate> fates) const {
    const std::int64_t most = answer_budget(chain.length());
    if (chain.size() <= most) return;
    std::int64_t answer = 0, end = chain.size();  // where the answer begins
    while (answer < end) {
      const std::int64_t middle = (answer + end) / 2;
      if (chain.entry(middle).position < chain.prompt()) answer = middle + 1;
      else end = middle;
    }
    drop_first(fates, answer, std::max(most, answer + rule_.fresh));
  }

  void drop_lowest(const Chain& chain, std::span<Fate> fates) const {
    const std::int64_t most = answer_budget(chain.length()),
                       end = chain.size() - std::max(rule_.protection.last, recent(most));
    for (std::int64_t over = chain.size() - most; over > 0; --over) {
      std::int64_t lowest = -1;
      for (std::int64_t i = rule_.protection.first; i < end; ++i)
        if (fates[i].keep &&
            (lowest < 0 || chain.entry(i).attention < chain.entry(lowest).attention))
          lowest = i;
      if (lowest < 0) return;
      fates[lowest].keep = false;
    }
  }

  Compression rule_;
  std::string name_;
  Room room_;  // less what is left for appending
};

void check(bool holds, std::string problem, std::string advice) {
  if (!holds)
    throw Error(ErrorKind::invalid, "cache policy", std::move(problem), std::move(advice));
}

}  // namespace

Policy compressed(const Compression& compression) {
  check(compression.keep > 0 && compression.keep <= 1,
        fmt::format("a share of {} to keep", compression.keep),
        "it must be above 0, and 1 at most");
  check(compression.uniform >= 0 && compression.uniform <= 1 && compression.recent >= 0 &&
            compression.recent <= 1,
        fmt::format("shares of {} and {}", compression.uniform, compression.recent),
        "they must be in [0, 1]");
  const std::int64_t least = std::min({compression.rows - 1, compression.smooth, compression.fresh,
                                       compression.protection.first, compression.protection.last});
  check(least >= 0, "a count below its least", "rows must be 1 at least, the others 0");
  const bool heads =
      compression.budget == BudgetOf::head || compression.budget == BudgetOf::heads_by_rank;
  check(compression.answer != AnswerRule::lowest || heads,
        "heads that keep the same tokens cannot drop each its own",
        "ask for budgets of heads, or for the oldest to go");
  const std::int64_t sure = compression.protection.first + compression.protection.last + 1;
  check(
      compression.room.entries == 0 || compression.room.entries - left_free >= sure,
      fmt::format("room for {} entries of each KV head; at least {} are kept, beside {} free ones",
                  compression.room.entries, sure, left_free),
      "give the cache more bytes");
  if (compression.keep == 1 && compression.room.entries == 0) return full();
  return edited(std::make_shared<Compressor>(compression));
}

Policy elastic(double keep, const Room& room) {
  return compressed({.name = "elastic",
                     .keep = keep,
                     .room = room,
                     .score = ScoreBy::per_row,
                     .protection = {4, 8},
                     .merge = MergeRule{},
                     .answer = AnswerRule::oldest});
}

Policy heavy_hitters(double keep, const Room& room) {
  return compressed({.name = "heavy hitters",
                     .keep = keep,
                     .room = room,
                     .budget = BudgetOf::head,
                     .recent = 0.5,
                     .answer = AnswerRule::lowest});
}

Policy last_rows(double keep, std::int64_t rows, const Room& room) {
  return compressed({.name = fmt::format("last {} rows", rows),
                     .keep = keep,
                     .room = room,
                     .rows = rows,
                     .smooth = 3,
                     .budget = BudgetOf::head,
                     .protection = {0, rows}});
}

Policy prefix_layers(double keep, const Room& room) {
  return compressed({.name = "prefix layers",
                     .keep = keep,
                     .room = room,
                     .budget = BudgetOf::layers_by_prefix,
                     .protection = {1, 1},
                     .answer = AnswerRule::oldest});
}

Policy random_tokens(double keep, std::uint64_t seed, const Room& room) {
  return compressed({.name = fmt::format("random {}", seed),
                     .keep = keep,
                     .room = room,
                     .score = ScoreBy::random,
                     .protection = {1, 1},
                     .answer = AnswerRule::oldest,
                     .seed = seed});
}

}  // namespace pliant::kv
