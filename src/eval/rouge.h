// ROUGE-L: how much of a reference's words a text has, in their order.
#pragma once

#include <string_view>

namespace pliant::eval {

struct Rouge {
  double precision = 0, recall = 0, f = 0;  // f: harmonic mean
};

// Lin, "ROUGE: A Package for Automatic Evaluation of Summaries" (2004), section 3, one reference
// and one longest common subsequence for the whole text. Words are runs of ASCII letters and
// digits, small; the words are not stemmed.
Rouge rouge_l(std::string_view text, std::string_view reference);

}  // namespace pliant::eval
