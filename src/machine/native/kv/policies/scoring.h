// What the entries of a chain are worth.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "machine/native/kv/choice/expected.h"
#include "machine/native/kv/choice/quadratic.h"
#include "machine/native/kv/policy.h"

namespace pliant::kv {

// mass: the attention an entry was given. per_row: by how many rows could give it. value: the same,
// what each query head gave times the length of what the model's output makes of the value.
// expected: what queries like the prompt's will give, times the length of the value. replayed: the
// most that a row gave which read the prompt again. random: none.
enum class ScoreBy { mass, per_row, value, expected, replayed, random };

struct Scoring {
  ScoreBy by = ScoreBy::mass;
  std::int64_t rows = all_rows;  // only the last so many of a prompt are scored by
  std::uint64_t seed = 0;        // random
  std::shared_ptr<const OutputForms> outputs = {};      // value: of every layer
  std::shared_ptr<const Expectation> expectation = {};  // expected
};

// By entry, none below 0.
std::vector<float> scores_of(const Chain& chain, const Scoring& scoring);

}  // namespace pliant::kv
