// What future queries, spread as those of a prompt, will give its tokens (Expected Attention,
// arXiv 2510.00636).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "machine/native/kv/choice/quadratic.h"
#include "machine/native/kv/choice/rotation.h"

namespace pliant::kv {

// What a model does with queries, and which are expected.
struct Expectation {
  Rotation rotation;
  double scale = 1;              // of products of queries and keys
  std::int64_t positions = 512;  // behind the prompt
  std::int64_t sinks = 4;        // first tokens, which are not looked at and always stay
  bool covariance = true;
};

// Sums over queries of one head, turned back to position 0.
struct QuerySums {
  std::int64_t rows = 0;
  std::vector<double> sum;      // [width]
  std::vector<float> products;  // [width, width], what is on and above the diagonal
  explicit QuerySums(std::int64_t width) : sum(width), products(width * width) {}
  void clear();
  void add(std::span<const float> queries);  // [any, width]
};

// The weights that are expected of one query head, over `keys` [entries, width], from queries at
// positions from `length` on: [entries], their sum 1.
std::vector<float> expected_weights(const QuerySums& sums, std::span<const float> keys,
                                    std::int64_t length, const Expectation& expectation);

}  // namespace pliant::kv
