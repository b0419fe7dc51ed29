// How fast a session takes prompts and gives tokens, and what that asks of the processor.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "lm/session.h"

namespace pliant::eval {

struct SpeedOptions {
  std::int64_t prompt = 512, tokens = 32;  // of one run
  std::int64_t depth = 0;                  // tokens in the cache before
  std::uint64_t seed = 1;                  // of the tokens
};

struct Sample {  // seconds, of all threads together and by the clock
  double processor = 0, wall = 0;
};

struct Speed {
  std::vector<Sample> prompts;              // by run
  std::vector<Sample> tokens;               // of all runs, one after another
  std::vector<Sample> first, first_cached;  // measure_prefix(): until the first token, by run
};

// One run more: a prompt behind `depth` tokens, then single tokens from there. `step` is called
// between the parts; false ends the run early, and nothing of it is added. `stop`, which may be
// null, ends a prompt within; step() is to give false from then on. Throws as Session does.
void measure_speed(lm::Session& session, const SpeedOptions& options,
                   const std::function<bool()>& step, Speed& speed,
                   const std::atomic<bool>* stop = nullptr);

inline constexpr std::int64_t tokens_behind_prefix = 16;

// How long the first token takes behind a prompt of `prefix` tokens and tokens_behind_prefix more,
// and where a sequence of the session with the same prefix was closed before: it must have been
// opened to keep so many.
void measure_prefix(lm::Session& session, std::int64_t prefix, std::uint64_t seed, Speed& speed);

// What one decoded token reads: each weight once, but of the table of embeddings a row where it is
// not the head's too.
std::int64_t weight_bytes_per_token(const LanguageModel& model);
// Multiply-adds of the products with weights in the layers, for each token of a prompt. Attention
// is not counted.
std::int64_t prompt_multiply_adds(const LanguageConfig& config);
// how most bytes of the weights are written
Encoding main_encoding(const LanguageModel& model);

double median(std::vector<double> values);                    // 0 of none
double percentile(std::vector<double> values, double share);  // the nearest rank; 0 of none

}  // namespace pliant::eval
