// Policies that keep a share of the tokens: what stays when a prompt ends, what the rest is merged
// into, and what goes while an answer grows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "machine/native/kv/choice/budget.h"
#include "machine/native/kv/choice/keep.h"
#include "machine/native/kv/choice/merge.h"
#include "machine/native/kv/choice/published.h"
#include "machine/native/kv/policies/scoring.h"
#include "machine/native/kv/policy.h"

namespace pliant::kv {

// Who has a budget of its own. layer: each layer the same, one set of tokens for all its heads.
// layers_by_prefix: layers share by_prefix() (budget.h); head: each KV head the same, of its own
// tokens. heads_by_rank: the KV heads of a layer share by_rank(). chains_by_rank: those of all.
enum class BudgetOf { layer, layers_by_prefix, head, heads_by_rank, chains_by_rank };
// What an answer's tokens do to entries beyond the budget. keep_all: nothing. oldest: its first
// entries go. lowest: those that were given the least attention go, wherever; for budgets of heads.
enum class AnswerRule { keep_all, oldest, lowest };

struct Compression {
  std::string name;  // stands in saved states, with `keep`
  double keep = 1;   // share of the tokens seen, in (0, 1]; 1: what full() gives, bit for bit
  // What bounds the kept entries too; two pages of each chain are left for what is appended. Of
  // policies that see all layers the whole prompt has to fit in.
  Room room = {};
  Scoring score = {};
  std::int64_t smooth = 0;  // a score becomes the highest of so many on either side
  BudgetOf budget = BudgetOf::layer;
  double uniform = 0.8;  // of a shared budget, what is shared out evenly
  Protection protection = {};
  double recent = 0;                    // share of the budget that is for the last entries
  std::optional<MergeRule> merge = {};  // none: what does not stay is forgotten
  AnswerRule answer = AnswerRule::keep_all;
  std::int64_t fresh = 16;  // oldest: the last so many entries of an answer stay
};

// Throws Error{invalid} for a share outside (0, 1], a negative count, rows, `lowest` without
// budgets of heads, a room that is too small for what is protected, or scores without
// what they take of the model.
Policy compressed(const Compression& compression);

// The default: scores by row, anchors with their own keys and true positions, values and log weight
// by mass, none across segments, the tail of the question protected, the answer's oldest go.
Policy elastic(double keep, const Room& room = {});
// H2O (2306.14048): for each KV head half of the budget for the last, half for those with the
// highest sum, which goes on.
Policy heavy_hitters(double keep, const Room& room = {});
// SnapKV (2404.14469): for each KV head by the attention of the prompt's last `rows`.
Policy last_rows(double keep, std::int64_t rows = 32, const Room& room = {});
// For each KV head by what its tokens bring into the hidden states: attention by row, times the
// length of what the output projection makes of the value (as 2502.03805, by query head).
Policy value_aware(double keep, std::shared_ptr<const OutputForms> outputs, const Room& room = {});
// Expected Attention (2510.00636): for each KV head by what queries like the prompt's will give.
Policy expected_attention(double keep, std::shared_ptr<const Expectation> expectation,
                          const Room& room = {});
// KVzip (2505.23416): all KV heads share one budget by the most that rows gave which read the
// prompt again. Prompts take twice as long.
Policy replayed_prompt(double keep, const Room& room = {});
// PrefixKV (2412.03409): layers keep what holds the same share of their attention.
Policy prefix_layers(double keep, const Room& room = {});
Policy random_tokens(double keep, std::uint64_t seed, const Room& room = {});

// Elastic Cache (2407.18121) as released: choice/published.h. Positions stay true. Throws
// Error{invalid} for a share outside [0, 1).
Policy published_elastic(const PublishedElastic& rule);

}  // namespace pliant::kv
