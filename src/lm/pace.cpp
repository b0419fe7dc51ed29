#include "lm/pace.h"

#include <algorithm>

namespace pliant::lm {
namespace {

// Before anything was measured: three guesses of five come true, a run of n + 1 rows takes n
// quarters longer, a branch gives a token in five runs.
constexpr double unknown_follows = 0.6, unknown_row = 0.25, unknown_gain = 0.2;
constexpr double learning = 1.0 / 8, forgetting = 1.0 / 256;
constexpr double most_lost = 0.02;          // of all time
constexpr double first_loss = 1;            // runs without guesses: what may be lost at first
constexpr double most_won = 4;              // and what may be lost of what was won
constexpr std::int64_t plain_at_first = 2;  // runs that show what one without guesses takes
constexpr std::int64_t plain_again = 64;    // runs after which that is measured again

void approach(double& value, double target, double rate) { value += rate * (target - value); }

}  // namespace

void Pace::Mean::add(double each, std::int64_t memory) {
  // A run that others disturbed says little.
  if (count > 0) each = std::min(each, 2 * value);
  count = std::min(count + 1, memory);
  value += (each - value) / static_cast<double>(count);
}

Pace::Pace(const Guesses& most)
    : most_(most),
      follows_(most.tokens, unknown_follows),
      gains_(most.branches, unknown_gain),
      widths_(most.branches, 1.0),
      seconds_(most.tokens + 1) {}

// Of a run: what was measured, else by the nearest number of rows that was.
double Pace::seconds(std::int64_t rows) const {
  const auto known = [&](std::int64_t n) { return seconds_[n - 1].count > 0; };
  const std::int64_t all = std::ssize(seconds_);
  rows = std::min(rows, all);
  std::int64_t below = rows, above = rows;
  while (below > 1 && !known(below)) --below;
  while (above <= all && !known(above)) ++above;
  const double low = seconds_[below - 1].value;
  if (below == rows) return low;
  const double plain = seconds_[0].value, more = static_cast<double>(rows - below);
  if (above > all && below == 1) return plain + unknown_row * plain * more;
  if (above > all)  // each further row as those before
    return low + std::max(low - plain, 0.0) / static_cast<double>(below - 1) * more;
  const double share = static_cast<double>(rows - below) / static_cast<double>(above - below);
  return low + share * std::max(seconds_[above - 1].value - low, 0.0);
}

double Pace::follows(std::int64_t depth) const {
  return follows_[std::min(depth, std::max<std::int64_t>(tried_ - 1, 0))];
}

bool Pace::affordable() const {
  return lost_ <= most_lost * total_ + first_loss * seconds_[0].value;
}

Guesses Pace::plan() {
  if (most_.tokens == 0 || seconds_[0].count < plain_at_first || since_plain_ >= plain_again)
    return {};
  Guesses best;
  double fastest = 1 / seconds(1);
  double chain = 1, chance = 1;
  for (std::int64_t depth = 1; depth <= most_.depth; ++depth) {
    chance *= follows(depth - 1);
    chain += chance;
    double tokens = chain, width = static_cast<double>(depth);
    for (std::int64_t branches = 1; branches <= most_.branches; ++branches) {
      if (branches > 1) {
        tokens += gains_[branches - 1];
        width += widths_[branches - 1];
      }
      const auto guessed = static_cast<std::int64_t>(width + 0.5);
      if (guessed > most_.tokens) break;
      const double speed = tokens / seconds(guessed + 1);
      if (speed <= fastest) continue;
      fastest = speed;
      best = {guessed, depth, branches, most_.drawn};
    }
  }
  forget(best);
  return affordable() ? best : Guesses{};
}

// What is not tried any more is hoped for again, by and by.
void Pace::forget(const Guesses& planned) {
  for (std::int64_t i = planned.depth; i < tried_; ++i)
    approach(follows_[i], i == 0 ? unknown_follows : std::max(follows_[i - 1], unknown_follows),
             forgetting);
  for (std::int64_t i = planned.branches; i < std::ssize(gains_); ++i)
    approach(gains_[i], unknown_gain, forgetting);
}

void Pace::ran(const Run& run) {
  std::int64_t guessed = 0;
  for (const std::int64_t each : run.tokens) guessed += each;
  total_ += run.seconds;
  seconds_[guessed].add(run.seconds, 8);
  since_plain_ = guessed == 0 ? 0 : since_plain_ + 1;
  if (guessed == 0) return;
  const double plain = seconds_[0].value;
  lost_ += run.seconds - plain * static_cast<double>(run.accepted + 1);
  lost_ = std::max(lost_, -most_won * plain);
  for (std::int64_t i = 0; i < std::min(run.depth, run.common + 1); ++i) {
    if (i == tried_ && i > 0) follows_[i] = follows_[i - 1];
    tried_ = std::max(tried_, i + 1);
    approach(follows_[i], i < run.common ? 1 : 0, learning);
  }
  for (std::int64_t i = 1; i < std::ssize(run.tokens); ++i) {
    const bool taken = i == run.branch;
    approach(gains_[i], taken ? static_cast<double>(run.accepted - run.common) : 0.0, learning);
    approach(widths_[i], static_cast<double>(run.tokens[i]), learning);
  }
}

}  // namespace pliant::lm
