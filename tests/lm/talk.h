// A session and what tests do with it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "errors.h"
#include "lm/session.h"
#include "open/language_model.h"

namespace pliant::lm {

using Ids = std::vector<TokenId>;
using Logits = std::vector<float>;  // [vocabulary] of one token

struct Talk {
  ThreadPool pool;
  Session session;

  explicit Talk(const LanguageModel& model, const SessionOptions& options = {}, int threads = 1)
      : pool(threads), session(model, pool, options) {}

  std::int64_t vocabulary() const { return session.config().vocabulary; }

  std::vector<Logits> split(const Tensor& logits) const {
    std::vector<Logits> result;
    for (std::int64_t r = 0; r < logits.type().shape[0]; ++r) {
      const auto from = logits.span<float>().begin() + r * vocabulary();
      result.emplace_back(from, from + vocabulary());
    }
    return result;
  }

  std::vector<Logits> step(const std::vector<std::pair<SeqId, Ids>>& what) {
    std::vector<Draft> drafts;
    std::int64_t rows = 0;
    for (const auto& [id, tokens] : what) {
      drafts.push_back({id, tokens});
      rows += std::ssize(tokens);
    }
    const Tensor logits(TensorType{DType::f32, {rows, vocabulary()}});
    session.step(drafts, logits.view());
    return split(logits);
  }

  // One token after another.
  std::vector<Logits> steps(SeqId id, const Ids& tokens) {
    std::vector<Logits> result;
    for (const TokenId each : tokens) result.push_back(step({{id, {each}}})[0]);
    return result;
  }

  std::vector<Logits> feed(SeqId id, const Ids& tokens) {
    const Tensor logits(TensorType{DType::f32, {std::ssize(tokens), vocabulary()}});
    const TensorView view = logits.view();
    session.feed(id, tokens, &view);
    return split(logits);
  }

  // The likeliest `count` tokens after a prompt, whose last token is run by a step.
  Ids greedy(SeqId id, const Ids& prompt, std::int64_t count) {
    session.feed(id, std::span(prompt).first(prompt.size() - 1));
    Ids result = prompt;
    for (std::int64_t i = 0; i < count; ++i) {
      const Logits logits = step({{id, {result.back()}}})[0];
      result.push_back(static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin()));
    }
    return result;
  }
};

inline Ids some_ids(std::int64_t count, std::int64_t vocabulary, std::int64_t seed = 0) {
  Ids result;
  for (std::int64_t i = 0; i < count; ++i)
    result.push_back(
        static_cast<TokenId>((i * 7919 + (seed + 1) * 104729 + i * i * 31) % vocabulary));
  return result;
}

inline bool same_bits(const std::vector<Logits>& a, const std::vector<Logits>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(float)) != 0) return false;
  return true;
}

inline double distance(const std::vector<Logits>& a, const std::vector<Logits>& b) {
  EXPECT_EQ(a.size(), b.size());
  double most = 0;
  for (std::size_t r = 0; r < std::min(a.size(), b.size()); ++r)
    for (std::size_t i = 0; i < a[r].size(); ++i)
      most = std::max(most, std::abs(static_cast<double>(a[r][i]) - static_cast<double>(b[r][i])));
  return most;
}

inline LanguageModel tiny(const std::string& name = "tiny_a") {
  return load_language_model("golden/openelm/" + name);
}

}  // namespace pliant::lm
