// Caches after a prompt and after an answer, as the reference has them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "machine/native/kv/golden.h"
#include "machine/native/kv/policies/compression.h"
#include "machine/native/kv/policies/entries.h"

namespace pliant::kv {
namespace {

void expect_near(std::span<const float> got, std::span<const float> wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], wanted[i], 1e-6F * std::max(1.0F, std::abs(wanted[i]))) << i;
}

// [.., heads, tokens, width]: token t of part `i` of what stands before the heads, [heads, width]
std::vector<float> token(const std::vector<float>& all, std::int64_t i, std::int64_t heads,
                         std::int64_t tokens, std::int64_t width, std::int64_t t) {
  std::vector<float> result;
  for (std::int64_t head = 0; head < heads; ++head) {
    const auto from = all.begin() + ((i * heads + head) * tokens + t) * width;
    result.insert(result.end(), from, from + width);
  }
  return result;
}

struct Published {
  const char* name;
  PublishedElastic rule;
};

// One case of the released class through a cache.
class Replay {
 public:
  explicit Replay(const Published& each)
      : golden_(each.name),
        shape_(golden_.shape("k")),
        cache_(std::vector<CacheLayer>(shape_[0], {shape_[2], shape_[4], shape_[4]}),
               {.context = shape_[3] + golden_.shape("step_k")[0]}),
        id_(cache_.open(published_elastic(each.rule))) {}

  void prompt() {
    const auto k = golden_.floats("k"), v = golden_.floats("v"),
               scores = golden_.floats("score_sum");
    std::vector<std::vector<Written>> layers(shape_[0]);
    for (std::int64_t layer = 0; layer < shape_[0]; ++layer)
      for (std::int64_t t = 0; t < shape_[3]; ++t)
        layers[layer].push_back({token(k, layer, shape_[2], shape_[3], shape_[4], t),
                                 token(v, layer, shape_[2], shape_[3], shape_[4], t),
                                 std::vector<float>(shape_[2], scores[layer * shape_[3] + t])});
    append(cache_, id_, layers, 0);
    cache_.check();
    expect_equal("_prefill");
  }

  void answer() {
    const auto k = golden_.floats("step_k"), v = golden_.floats("step_v");
    const auto lengths = golden_.ints("len_after");
    for (std::int64_t step = 0; step + 1 < std::ssize(lengths); ++step) {
      std::vector<std::vector<Written>> layers(shape_[0]);
      for (std::int64_t layer = 0; layer < shape_[0]; ++layer) {
        const std::int64_t part = step * shape_[0] + layer;
        layers[layer].push_back({token(k, part, shape_[2], 1, shape_[4], 0),
                                 token(v, part, shape_[2], 1, shape_[4], 0),
                                 std::vector<float>(shape_[2], 1)});
      }
      append(cache_, id_, layers, -1);
      EXPECT_EQ(cache_.entries(id_, 0, 0), lengths[step + 1]) << step;
    }
    cache_.check();
    expect_equal("_final");
  }

 private:
  void expect_equal(const std::string& when) {
    const auto k = golden_.floats("k" + when), v = golden_.floats("v" + when);
    const std::int64_t size = golden_.shape("k" + when)[3] * shape_[4];
    for (int layer = 0; layer < shape_[0]; ++layer)
      for (int head = 0; head < shape_[2]; ++head) {
        const Held got = held(cache_, id_, layer, head);
        const std::int64_t from = (layer * shape_[2] + head) * size;
        expect_near(got.keys, std::span(k).subspan(from, size));
        expect_near(got.values, std::span(v).subspan(from, size));
        for (const float each : got.log_weights) EXPECT_EQ(each, 0);
      }
  }

  Golden golden_;
  Shape shape_;
  Cache cache_;
  SeqId id_;
};

TEST(PublishedPolicy, CachesAreThoseOfTheReleasedClass) {
  for (const Published& each :
       {Published{"elastic_r20", {0.2}}, Published{"elastic_r50", {0.5}},
        Published{"elastic_r80", {0.8}}, Published{"elastic_gqa_r50", {0.5}},
        Published{"elastic_start4_r50", {0.5, 4}}, Published{"elastic_dist30_r50", {0.5, 1, 30}},
        Published{"elastic_tiny_forget1", {0.2}}, Published{"elastic_long_r60", {0.6}}}) {
    SCOPED_TRACE(each.name);
    Replay replay(each);
    replay.prompt();
    replay.answer();
  }
}

struct Corrected {
  const char* name;
  double keep;
  Protection protection;
};

// Rotated at each token's position, in halves.
void rotate(std::vector<float>& rows, std::int64_t tokens, std::int64_t width) {
  for (std::int64_t row = 0; row < std::ssize(rows) / width; ++row)
    for (std::int64_t i = 0; i < width / 2; ++i) {
      float &a = rows[row * width + i], &b = rows[row * width + i + width / 2];
      const double angle = static_cast<double>(row % tokens) *
                           std::pow(10000.0, -2 * static_cast<double>(i) / double(width)),
                   c = std::cos(angle), s = std::sin(angle), x = a, y = b;
      a = static_cast<float>(x * c - y * s);
      b = static_cast<float>(y * c + x * s);
    }
}

void expect_corrected(const Corrected& each, const std::optional<MergeRule>& merge,
                      const std::string& key, const std::string& value) {
  const Golden golden(each.name);
  const Shape shape = golden.shape("k_pre");  // [1, heads, tokens, width]
  Cache cache({{shape[1], shape[3], shape[3]}}, {.context = shape[2]});
  const SeqId id = cache.open(compressed({.name = "test",
                                          .keep = each.keep,
                                          .budget = BudgetOf::head,
                                          .protection = each.protection,
                                          .merge = merge}));
  auto k = golden.floats("k_pre");
  rotate(k, shape[2], shape[3]);
  const auto v = golden.floats("v"), scores = golden.floats("score");
  std::vector<std::vector<Written>> layers(1);
  for (std::int64_t t = 0; t < shape[2]; ++t)
    layers[0].push_back({token(k, 0, shape[1], shape[2], shape[3], t),
                         token(v, 0, shape[1], shape[2], shape[3], t),
                         token(scores, 0, shape[1], shape[2], 1, t)});
  append(cache, id, layers, 0);
  cache.check();
  const auto keep = golden.ints("keep");
  const auto keys = golden.floats(key), values = golden.floats(value);
  const std::int64_t kept = golden.shape("keep")[2], size = kept * shape[3];
  for (int head = 0; head < shape[1]; ++head) {
    const Held got = held(cache, id, 0, head);
    EXPECT_EQ(got.positions,
              std::vector(keep.begin() + head * kept, keep.begin() + (head + 1) * kept));
    expect_near(got.keys, std::span(keys).subspan(head * size, size));
    expect_near(got.values, std::span(values).subspan(head * size, size));
  }
}

TEST(CorrectedPolicy, CachesAreThoseOfTheReference) {
  for (const Corrected& each :
       {Corrected{"fixed_layer_r50", 0.5, {1, 1}}, Corrected{"fixed_kvhead_gqa_r50", 0.5, {4, 8}},
        Corrected{"fixed_kvhead_norm_gqa_r20", 0.2, {4, 8}},
        Corrected{"fixed_window16_gqa_r30", 0.3, {4, 8}}}) {
    SCOPED_TRACE(each.name);
    expect_corrected(each, {}, "k_evict", "v_evict");
    expect_corrected(each, MergeRule{MeanBy::equal, MeanBy::equal, BiasBy::none}, "k_mean_postrope",
                     "v_mean");
    expect_corrected(each, MergeRule{MeanBy::mass, MeanBy::mass, BiasBy::none}, "k_wmean_postrope",
                     "v_wmean");
    expect_corrected(each, MergeRule{MeanBy::anchor, MeanBy::mass, BiasBy::mass}, "k_evict",
                     "v_wmean");
  }
}

// The first query head's output makes nothing of a value's second number, the second one's nothing
// of its first.
TEST(ValueAware, WeighsWhatEachQueryHeadMakesOfAValue) {
  const std::vector<float> matrix{3, 0, 0, 0, 0, 0, 0, 5};  // [rows 2, heads 2 x 2]
  const auto outputs = std::make_shared<const OutputForms>(
      OutputForms{{squared_length(matrix, 4, 0, 2), squared_length(matrix, 4, 2, 2)}});
  Cache cache({{1, 2, 2, 2}}, {.context = 32, .by_query_head = true});
  const SeqId id = cache.open(compressed({.name = "test",
                                          .keep = 0.5,
                                          .score = {.by = ScoreBy::value, .outputs = outputs},
                                          .budget = BudgetOf::head}));
  // times the rows that saw each: 4, 3, 2, 1
  const std::vector<std::vector<Written>> layer{{{{0, 0}, {1, 0}, {4 * 1.F, 4 * 9.F}},
                                                 {{0, 0}, {0, 1}, {3 * 9.F, 3 * 1.F}},
                                                 {{0, 0}, {2, 1}, {2 * 1.F, 2 * 1.F}},
                                                 {{0, 0}, {1, 1}, {1.F, 1.F}}}};
  append(cache, id, layer, 0);  // 3, 5, 11, 8
  EXPECT_EQ(held(cache, id, 0, 0).positions, (std::vector<std::int32_t>{2, 3}));
  cache.check();
}

}  // namespace
}  // namespace pliant::kv
