// Losses against distributions: soft labels, or what a teacher says. logits and target are f32
// [R, classes], each row of target adds up to 1; the result is f32 [R].
#pragma once

#include <string>

#include "graph/builder.h"

namespace pliant::blocks {

// -sum of target * log softmax(logits)
ValueId soft_cross_entropy(Builder& b, ValueId logits, ValueId target, std::string name = "");

// D_alpha(p, q) = sum of q ((p / q)^alpha - 1) / (alpha (alpha - 1)), and of p log(p / q) where
// alpha is 1, for p = target and q = softmax(logits).
struct AlphaOptions {
  double low = -1, high = 1;
  double clip = 5;  // of (p / q)^alpha, except where alpha is 1
};

// Row by row the larger of two alpha-divergences (AlphaNet, arXiv 2102.07954, algorithm 1): one
// minds what q has and p has not, the other the opposite. Its gradient is that of -sum of
// q (p / q)^alpha / alpha * log q with all but the logarithm held fixed, which is exact where
// nothing is clipped. Throws Error{invalid} for an alpha of 0 and for low above high.
ValueId alpha_divergence(Builder& b, ValueId logits, ValueId target,
                         const AlphaOptions& options = {}, std::string name = "");

}  // namespace pliant::blocks
