// Small layers over a cache, and runs of them.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/rng.h"
#include "errors.h"
#include "graph/builder.h"
#include "graph/reference/random_weights.h"
#include "graph/reference/reference.h"
#include "machine/native/program.h"

namespace pliant::kv {

struct Tiny {
  std::int64_t width = 20;
  std::vector<std::int64_t> heads{4, 6}, key_heads{2, 1}, windows{0, 0};
  double cap = 0;
  bool rotate = true, bias = false;
};

inline ValueId linear(Builder& b, ValueId x, std::int64_t out, const std::string& name) {
  return b.einsum("rd,od->ro", {x, b.weight(name, {DType::f32, {out, b.shape(x)[1]}})});
}

// hidden, seq, pos, tag -> hidden. `tree`: an input [rows, rows] says who sees whom (without a
// cache).
inline Graph tiny_graph(const Tiny& tiny, std::int64_t rows, bool cached, bool tree = false) {
  Builder b;
  const auto ids = [&](const char* name) { return b.row_input(name, {DType::i32, {rows}}); };
  ValueId x = b.row_input("hidden", {DType::f32, {rows, tiny.width}});
  const ValueId seq = ids("seq"), pos = ids("pos"), tag = ids("tag");
  const ValueId mask = tree ? b.input("mask", {DType::boolean, {rows, rows}}) : ValueId::none;
  constexpr std::int64_t depth = 12, value_depth = 10;
  for (std::size_t i = 0; i < tiny.heads.size(); ++i) {
    const Builder::Scope scope(b, "layers." + std::to_string(i));
    const auto head = [&](const char* name, std::int64_t heads, std::int64_t size) {
      return b.reshape(linear(b, b.normalize(x, {1}, 1e-5, false), heads * size, name),
                       {rows, heads, size});
    };
    ValueId q = head("q", tiny.heads[i], depth), k = head("k", tiny.key_heads[i], depth);
    if (tiny.rotate) {
      q = b.rotary(q, pos, {depth});
      k = b.rotary(k, pos, {depth});
    }
    kind::Attention attention{0.3, true, tiny.windows[i], cached ? static_cast<int>(i) : -1};
    attention.cap = tiny.cap;
    attention.has_tree = tree;
    attention.has_bias = tiny.bias;
    std::vector<ValueId> operands{q, k, head("v", tiny.key_heads[i], value_depth), seq, pos, tag};
    if (tiny.bias) operands.push_back(b.weight("bias", {DType::f32, {tiny.heads[i], 96, 96}}));
    if (tree) operands.push_back(mask);
    const ValueId mixed =
        b.reshape(b.attention(attention, operands), {rows, tiny.heads[i] * value_depth});
    x = b.map(argument(0) + argument(1), {x, linear(b, mixed, tiny.width, "out")});
  }
  b.output(x, "result");
  return b.finish();
}

struct Row {
  SeqId seq;
  std::int32_t pos, tag = 0;
};

// The hidden state of a token: a function of `kind` alone; below 0: no numbers.
inline std::vector<float> token(std::int64_t kind, std::int64_t width) {
  Rng rng(77, static_cast<std::uint64_t>(kind));
  std::vector<float> result;
  for (std::int64_t i = 0; i < width; ++i)
    result.push_back(kind < 0 ? std::nanf("") : static_cast<float>(rng.normal()));
  return result;
}

using Outputs = std::vector<std::vector<float>>;  // by row

// A program of at most `rows` rows on one cache.
class Runner {
 public:
  Runner(const Tiny& tiny, std::int64_t rows, int threads = 1)
      : tiny_(tiny),
        graph_(std::make_shared<const Graph>(tiny_graph(tiny, rows, true))),
        weights_(std::make_shared<const WeightStore>(random_weights(*graph_, 3))),
        pool_(threads),
        program_(native::Machine(pool_).compile(graph_, weights_)),
        workspace_(program_->need(), pool_) {}

  Cache cache(CacheOptions options) const { return {layers_of(*graph_), options}; }
  const WeightStore& weights() const { return *weights_; }
  const native::Program& program() const { return *program_; }
  Workspace& workspace() { return workspace_; }

  // Appends without reserving.
  Outputs run(Cache* cache, const std::vector<Row>& rows, const std::vector<std::int64_t>& tokens) {
    const auto n = static_cast<std::int64_t>(rows.size());
    Tensor hidden({DType::f32, {n, tiny_.width}}), out({DType::f32, {n, tiny_.width}});
    Tensor seq({DType::i32, {n}}), pos({DType::i32, {n}}), tag({DType::i32, {n}});
    for (std::size_t r = 0; r < rows.size(); ++r) {
      seq.span<std::int32_t>()[r] = rows[r].seq;
      pos.span<std::int32_t>()[r] = rows[r].pos;
      tag.span<std::int32_t>()[r] = rows[r].tag;
      std::ranges::copy(token(tokens[r], tiny_.width),
                        hidden.span<float>().begin() + r * tiny_.width);
    }
    const std::vector<TensorView> in{hidden.view(), seq.view(), pos.view(), tag.view()},
        to{out.view()};
    if (cache == nullptr) program_->run({in, to, n, nullptr}, workspace_);
    else program_->run({in, to, n, nullptr}, workspace_, *cache);
    return split(out);
  }

  // Appends tokens to each sequence in one run. `left`: SequenceRows::left.
  Outputs step(Cache& cache, const std::vector<std::pair<SeqId, std::vector<std::int64_t>>>& what,
               std::int64_t left = -1) {
    std::vector<SequenceRows> reserved;
    std::vector<Row> rows;
    std::vector<std::int64_t> all;
    for (const auto& [seq, tokens] : what) {
      reserved.push_back({seq, static_cast<std::int64_t>(tokens.size()), left});
      auto pos = static_cast<std::int32_t>(cache.length(seq));
      for (const std::int64_t each : tokens) {
        rows.push_back({seq, pos++, 7});
        all.push_back(each);
      }
    }
    cache.reserve(reserved);
    return run(&cache, rows, all);
  }

  // One run after another, `most` tokens each.
  Outputs feed(Cache& cache, SeqId seq, const std::vector<std::int64_t>& tokens,
               std::size_t most = 1) {
    Outputs result;
    for (std::size_t i = 0; i < tokens.size(); i += most) {
      const std::vector<std::int64_t> part(tokens.begin() + i,
                                           tokens.begin() + (std::min(i + most, tokens.size())));
      for (auto& row :
           step(cache, {{seq, part}}, std::ssize(tokens) - std::ssize(part) - std::int64_t(i)))
        result.push_back(std::move(row));
    }
    return result;
  }

  static Outputs split(const Tensor& out) {
    Outputs result;
    const auto width = out.type().shape[1];
    for (std::int64_t r = 0; r < out.type().shape[0]; ++r)
      result.emplace_back(out.span<float>().begin() + r * width,
                          out.span<float>().begin() + (r + 1) * width);
    return result;
  }

  // The oracle: the whole sequence at once, without a cache. sees(i, j) besides causality, if
  // given.
  Outputs oracle(const std::vector<std::int64_t>& tokens,
                 const std::function<bool(std::int64_t, std::int64_t)>& sees = {}) {
    const auto n = static_cast<std::int64_t>(tokens.size());
    const Graph graph = tiny_graph(tiny_, n, false, static_cast<bool>(sees));
    Tensor hidden({DType::f32, {n, tiny_.width}}), mask({DType::boolean, {n, n}});
    Tensor seq({DType::i32, {n}}), pos({DType::i32, {n}}), tag({DType::i32, {n}});
    for (std::int64_t r = 0; r < n; ++r) {
      pos.span<std::int32_t>()[r] = static_cast<std::int32_t>(r);
      std::ranges::copy(token(tokens[r], tiny_.width),
                        hidden.span<float>().begin() + r * tiny_.width);
      for (std::int64_t j = 0; sees && j < n; ++j)
        set_int(mask.view(), r * n + j, sees(r, j) ? 1 : 0);
    }
    std::vector<TensorView> in{hidden.view(), seq.view(), pos.view(), tag.view()};
    if (sees) in.push_back(mask.view());
    return split(evaluate(graph, *weights_, in, pool_)[0]);
  }

 private:
  Tiny tiny_;
  std::shared_ptr<const Graph> graph_;
  std::shared_ptr<const WeightStore> weights_;
  ThreadPool pool_;
  std::unique_ptr<native::Program> program_;
  Workspace workspace_;
};

// Edits each chain by itself.
class ChainEditor : public Editor {
 public:
  void edit(std::span<const Chain> chains, std::span<const std::span<Fate>> fates) const override {
    for (std::size_t i = 0; i < chains.size(); ++i) edit_chain(chains[i], fates[i]);
  }
  virtual void edit_chain(const Chain& chain, std::span<Fate> fates) const = 0;
};

// The second stands for both, each weighed by what it stands for.
inline void merge_into(std::span<Fate> fates, std::int64_t from, std::int64_t into) {
  fates[from].keep = false;
  fates[from].into = static_cast<std::int32_t>(into);
}

inline std::vector<std::int64_t> text(std::int64_t length, std::int64_t seed = 0) {
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < length; ++i) result.push_back((i * 7919 + seed * 104729) % 1000);
  return result;
}

inline double distance(const Outputs& a, const Outputs& b) {
  EXPECT_EQ(a.size(), b.size());
  double most = 0;
  for (std::size_t r = 0; r < std::min(a.size(), b.size()); ++r)
    for (std::size_t i = 0; i < a[r].size(); ++i)
      most = std::max(most, std::abs(static_cast<double>(a[r][i]) - static_cast<double>(b[r][i])));
  return most;
}

inline bool same_bits(const Outputs& a, const Outputs& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t r = 0; r < a.size(); ++r)
    if (std::memcmp(a[r].data(), b[r].data(), a[r].size() * sizeof(float)) != 0) return false;
  return true;
}

inline Outputs tail(const Outputs& all, std::size_t from) {
  return {all.begin() + from, all.end()};
}

}  // namespace pliant::kv
