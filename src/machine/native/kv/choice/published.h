// Elastic Cache (2407.18121) as its authors released it, defects and all, for comparison: what is
// kept is not what was given the most attention, and what is merged is not what is dropped.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "machine/native/kv/choice/entry.h"

namespace pliant::kv {

struct PublishedElastic {
  double drop = 0.5;            // share of the tokens, in [0, 1)
  std::int64_t start = 1;       // first entries that stay
  std::int64_t distance = -25;  // where entries are deleted while generating; above 0: there
};

// How many entries are too many.
std::int64_t published_excess(const PublishedElastic& rule, std::int64_t entries,
                              std::int64_t seen);

// For a prompt of as many tokens as scores, of which `excess`, above 1, are too many; one more
// goes. By index of a token: the permutation that sorts the candidates (from `start` to the last
// but one), which stands for their ranks; who is kept of them; whose keys and values are averaged,
// and into whom.
struct PublishedChoice {
  std::vector<std::int32_t> order, selected, thrown, into;
};
PublishedChoice published_choice(std::span<const float> scores, std::int64_t start,
                                 std::int64_t excess);
void published_fates(std::span<const float> scores, std::int64_t start, std::int64_t excess,
                     std::span<Fate> fates);

// The index of what is deleted when one entry is too many, after a prompt of so many tokens. For
// prompts that are too short it lies before the first entry; the released code then fails.
std::int64_t published_place(const PublishedElastic& rule, std::int64_t prompt);

}  // namespace pliant::kv
