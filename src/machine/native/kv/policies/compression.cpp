#include "machine/native/kv/policies/compression.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
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
  bool observes() const override {
    const bool unread = rule_.score.by == ScoreBy::random || rule_.score.by == ScoreBy::expected;
    return !unread || rule_.merge || rule_.answer == AnswerRule::lowest;
  }
  std::int64_t observed_rows() const override { return rule_.score.rows; }
  bool by_query_head() const override { return rule_.score.by == ScoreBy::value; }
  bool replays() const override { return rule_.score.by == ScoreBy::replayed; }
  const Expectation* expectation() const override { return rule_.score.expectation.get(); }
  bool sees_all_layers() const override {
    return rule_.budget == BudgetOf::layers_by_prefix || rule_.budget == BudgetOf::chains_by_rank;
  }

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
    std::size_t chain = 0;
    for (const Layer& layer : layers) {
      choose(layer, std::span(budgets).subspan(chain, layer.heads()));
      chain += layer.heads();
    }
  }

  Layer read(std::span<const Chain> chains, std::span<const std::span<Fate>> fates) const {
    Layer layer{chains, fates, {}, {}};
    for (const Chain& chain : chains) {
      std::vector<Entry>& entries = layer.entries.emplace_back();
      for (std::int64_t i = 0; i < chain.size(); ++i) entries.push_back(chain.entry(i));
      layer.scores.push_back(scores_of(chain, rule_.score));
    }
    if (rule_.budget == BudgetOf::layer || rule_.budget == BudgetOf::layers_by_prefix) share(layer);
    for (std::vector<float>& each : layer.scores) smooth(each, rule_.smooth);
    return layer;
  }

  // Heads that keep the same tokens have the same entries.
  static void share(Layer& layer) {
    std::vector<float> all;
    for (const auto& each : layer.scores) append(all, each, layer.widest());
    const std::vector<float> mean = mean_over_heads(all, layer.heads(), 1);
    for (auto& each : layer.scores) each = mean;
  }

  // of each chain
  std::vector<std::int64_t> budgets_of(const std::vector<Layer>& layers) const {
    const Chain& first = layers.front().chains.front();
    const std::int64_t each = prompt_budget(first.size(), first.length());
    if (rule_.budget == BudgetOf::layers_by_prefix) {
      std::vector<std::int64_t> own = shared_out(layers, each, by_prefix);
      for (auto chain = own.begin(); const Layer& layer : layers) {
        std::fill_n(chain, layer.heads(), *std::min_element(chain, chain + layer.heads()));
        chain += layer.heads();
      }
      return own;
    }
    if (rule_.budget == BudgetOf::heads_by_rank || rule_.budget == BudgetOf::chains_by_rank)
      return shared_out(layers, each, by_rank);
    std::int64_t chains = 0;
    for (const Layer& layer : layers) chains += layer.heads();
    return std::vector<std::int64_t>(chains, each);
  }

  // `each` in the mean; layers may differ in heads.
  std::vector<std::int64_t> shared_out(const std::vector<Layer>& layers, std::int64_t each,
                                       decltype(by_rank) share) const {
    std::int64_t widest = 0, chains = 0;
    for (const Layer& layer : layers) {
      widest = std::max(widest, layer.widest());
      chains += layer.heads();
    }
    std::vector<float> all;
    for (const Layer& layer : layers)
      for (const auto& scores : layer.scores) append(all, scores, widest);
    const std::int64_t sure = rule_.protection.first + rule_.protection.last,
                       least = std::min(std::max<std::int64_t>(sure, 1), widest);
    return share(all, chains, each * chains, least, rule_.uniform);
  }

  void choose(const Layer& layer, std::span<const std::int64_t> own) const {
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
  const std::int64_t least =
      std::min({compression.score.rows - 1, compression.smooth, compression.fresh,
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
  check(compression.score.by != ScoreBy::value || compression.score.outputs, "scores by value",
        "say what the model's outputs make of values");
  check((compression.score.by == ScoreBy::expected) == (compression.score.expectation != nullptr),
        "scores by expected attention", "say how the model turns queries");
  if (compression.keep == 1 && compression.room.entries == 0) return full();
  return edited(std::make_shared<Compressor>(compression));
}

Policy elastic(double keep, const Room& room) {
  return compressed({.name = "elastic",
                     .keep = keep,
                     .room = room,
                     .score = {ScoreBy::per_row},
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
                     .score = {.rows = rows},
                     .smooth = 3,
                     .budget = BudgetOf::head,
                     .protection = {0, rows}});
}

Policy value_aware(double keep, std::shared_ptr<const OutputForms> outputs, const Room& room) {
  return compressed({.name = "value aware",
                     .keep = keep,
                     .room = room,
                     .score = {.by = ScoreBy::value, .outputs = std::move(outputs)},
                     .budget = BudgetOf::head,
                     .protection = {4, 8},
                     .answer = AnswerRule::oldest});
}

Policy expected_attention(double keep, std::shared_ptr<const Expectation> expectation,
                          const Room& room) {
  return compressed({.name = "expected attention",
                     .keep = keep,
                     .room = room,
                     .score = {.by = ScoreBy::expected, .expectation = std::move(expectation)},
                     .budget = BudgetOf::head,
                     .protection = {4, 8},
                     .answer = AnswerRule::oldest});
}

Policy replayed_prompt(double keep, const Room& room) {
  return compressed({.name = "replayed prompt",
                     .keep = keep,
                     .room = room,
                     .score = {ScoreBy::replayed},
                     .budget = BudgetOf::chains_by_rank,
                     .uniform = 0,
                     .protection = {4, 8}});
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
                     .score = {.by = ScoreBy::random, .seed = seed},
                     .protection = {1, 1},
                     .answer = AnswerRule::oldest});
}

}  // namespace pliant::kv
