// How far to guess: as far as it pays, by how often guesses came true and what runs took.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pliant::lm {

// What a proposer may guess: tokens in all, how many of them follow one another, and how many
// continuations stand side by side (1: a chain).
struct Guesses {
  std::int64_t tokens = 0, depth = 0, branches = 1;
  bool drawn = true;  // by chance, if the proposer can: of a chain alone
};

// Guesses cost time before it is known whether they help. So the time by which runs with guesses
// exceeded what their tokens take without is kept below a fiftieth of all: where guesses do not
// come true a stream is hardly slower than without them. Within that it plans what the last runs
// say gives the most tokens a second.
class Pace {
 public:
  explicit Pace(const Guesses& most);

  // For the next run.
  Guesses plan();

  // What a run found.
  struct Run {
    std::int64_t depth = 0;                     // tokens of its first branch that were guessed
    std::int64_t accepted = 0;                  // tokens that came true
    std::int64_t common = 0;                    // of them, in the first branch
    std::int64_t branch = 0;                    // the one that they end in
    std::span<const std::int64_t> tokens = {};  // guessed, by branch
    double seconds = 0;                         // guessing included
  };
  void ran(const Run& run);

 private:
  struct Mean {  // of late
    double value = 0;
    std::int64_t count = 0;
    void add(double each, std::int64_t memory);
  };
  double seconds(std::int64_t rows) const;
  bool affordable() const;
  double follows(std::int64_t depth) const;
  void forget(const Guesses& planned);

  Guesses most_;
  // By depth: the chance that a guess comes true if those before did. Of what was never tried, and
  // by and by of what is not any more, that of the depth before.
  std::vector<double> follows_;
  std::int64_t tried_ = 0;       // depths
  std::vector<double> gains_;    // by branch but the first: tokens that a run owes to it
  std::vector<double> widths_;   // by branch: its tokens
  std::vector<Mean> seconds_;    // by rows
  double total_ = 0, lost_ = 0;  // seconds
  std::int64_t since_plain_ = 0;
};

}  // namespace pliant::lm
