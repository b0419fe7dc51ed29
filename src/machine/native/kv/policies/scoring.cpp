#include "machine/native/kv/policies/scoring.h"

#include <algorithm>
#include <cmath>

#include "core/rng.h"
#include "machine/native/kv/choice/scores.h"

namespace pliant::kv {

namespace {

std::vector<Entry> entries_of(const Chain& chain) {
  std::vector<Entry> entries;
  for (std::int64_t i = 0; i < chain.size(); ++i) entries.push_back(chain.entry(i));
  return entries;
}

std::vector<float> rows_of(const Chain& chain, std::int64_t width,
                           void (Chain::*read)(std::int64_t, std::span<float>) const) {
  std::vector<float> rows(chain.size() * width);
  for (std::int64_t i = 0; i < chain.size(); ++i)
    (chain.*read)(i, std::span(rows).subspan(i * width, width));
  return rows;
}

// Of each query head the mass times the length of what its output makes of the value.
std::vector<float> by_value(const Chain& chain, const OutputForms& outputs) {
  const std::vector<QuadraticForm>& forms = outputs[chain.layer()];
  const std::int64_t shared = chain.masses(), first = chain.head() * shared;
  const std::vector<float> values = rows_of(chain, chain.value_width(), &Chain::value);
  std::vector<float> scores(chain.size());
  for (std::int64_t head = 0; head < shared; ++head) {
    const std::vector<float> squares = forms[first + head].at(values);
    for (std::int64_t i = 0; i < chain.size(); ++i)
      scores[i] += chain.mass(i, head) * std::sqrt(std::max(squares[i], 0.0F));
  }
  return scores;
}

double length_of(std::span<const float> x) {
  double sum = 0;
  for (const float each : x) sum += static_cast<double>(each) * static_cast<double>(each);
  return std::sqrt(sum);
}

// The mean over query heads; sinks have the highest.
std::vector<float> expected(const Chain& chain, const std::vector<Entry>& entries,
                            const Expectation& expectation) {
  const std::int64_t width = chain.key_width(), value_width = chain.value_width();
  const auto is_sink = [&](const Entry& each) { return each.position < expectation.sinks; };
  const std::int64_t sinks = std::ranges::find_if_not(entries, is_sink) - entries.begin();
  const std::vector<float> keys = rows_of(chain, width, &Chain::key),
                           values = rows_of(chain, value_width, &Chain::value);
  std::vector<float> scores(entries.size());
  const std::span<const QuerySums> queries = chain.queries();
  for (const QuerySums& each : queries) {
    const std::vector<float> weights =
        expected_weights(each, std::span(keys).subspan(sinks * width), chain.length(), expectation);
    for (std::size_t i = 0; i < weights.size(); ++i) scores[sinks + i] += weights[i];
  }
  for (std::int64_t i = sinks; i < chain.size(); ++i)
    scores[i] *=
        static_cast<float>(length_of(std::span(values).subspan(i * value_width, value_width)) /
                           static_cast<double>(queries.size()));
  if (!scores.empty()) std::fill_n(scores.begin(), sinks, *std::ranges::max_element(scores));
  return scores;
}

}  // namespace

std::vector<float> scores_of(const Chain& chain, const Scoring& scoring) {
  const std::vector<Entry> entries = entries_of(chain);
  if (scoring.by == ScoreBy::expected) return expected(chain, entries, *scoring.expectation);
  std::vector<float> scores;
  if (scoring.by == ScoreBy::value) scores = by_value(chain, *scoring.outputs);
  else
    for (const Entry& each : entries) {
      Rng rng(scoring.seed, (static_cast<std::uint64_t>(chain.layer()) << 32U) +
                                static_cast<std::uint64_t>(each.position));
      scores.push_back(scoring.by == ScoreBy::random ? static_cast<float>(rng.uniform())
                                                     : each.attention);
    }
  if (scoring.by == ScoreBy::per_row || scoring.by == ScoreBy::value)
    per_row(entries, chain.length(), scoring.rows, scores);
  return scores;
}

}  // namespace pliant::kv
