// What policies read of a language model: scores as the Python package kvpress has them
// (golden/elastic-cache/kvpress_golden.py), prompts that are read twice.
#include <cmath>
#include <map>

#include "formats/safetensors/safetensors.h"
#include "lm/talk.h"
#include "machine/native/kv/policies/compression.h"

namespace pliant::lm {
namespace {

LanguageModel family_model(const std::string& name) {
  return load_language_model("golden/language/" + name);
}

using NotedScores = std::map<std::pair<int, int>, std::vector<float>>;  // by layer and KV head

// Notes what entries are worth when a prompt ends, and keeps all.
class Noting : public kv::Editor {
 public:
  explicit Noting(kv::Scoring scoring) : scoring_(std::move(scoring)) {}
  std::string_view name() const override { return "noting"; }
  bool observes() const override { return true; }
  std::int64_t observed_rows() const override { return scoring_.rows; }
  bool by_query_head() const override { return scoring_.by == kv::ScoreBy::value; }
  bool replays() const override { return scoring_.by == kv::ScoreBy::replayed; }
  const kv::Expectation* expectation() const override { return scoring_.expectation.get(); }
  void edit(std::span<const kv::Chain> chains,
            std::span<const std::span<kv::Fate>>) const override {
    for (const kv::Chain& chain : chains)
      if (chain.prompt_end()) scores[{chain.layer(), chain.head()}] = scores_of(chain, scoring_);
  }
  mutable NotedScores scores;

 private:
  kv::Scoring scoring_;
};

NotedScores noted(Talk& talk, const Ids& ids, kv::Scoring scoring) {
  const auto noting = std::make_shared<Noting>(std::move(scoring));
  const SeqId id = talk.session.open(kv::edited(noting));
  talk.session.feed(id, ids);
  EXPECT_EQ(talk.session.length(id), std::ssize(ids));
  talk.session.close(id);
  return noting->scores;
}

struct Press {
  const char* name;
  kv::Scoring scoring;
  float share;                       // of our sums in its means
  std::size_t first = 0, last = 40;  // of what is scored, not set to the highest
};

TEST(Policies, ScoresAreThoseOfKvpress) {
  const WeightStore golden = load_safetensors("golden/elastic-cache/kvpress.safetensors");
  for (const char* name : {"llama", "qwen3"}) {
    Talk talk(family_model(name), {.context = 128, .by_query_head = true}, 2);
    const Tensor given = decode(golden.at(name + std::string(".ids")));
    const Ids ids(given.span<const std::int32_t>().begin(), given.span<const std::int32_t>().end());
    kv::Expectation mean = *talk.session.expectation();
    mean.covariance = false;
    for (const Press& each :
         {Press{"observed", {kv::ScoreBy::per_row}, 0.5F},
          Press{"window", {.rows = 8}, 1 / 16.0F, 0, 32},
          Press{"value", {.by = kv::ScoreBy::value, .outputs = talk.session.output_forms()}, 0.5F},
          Press{"expected",
                {.by = kv::ScoreBy::expected, .expectation = talk.session.expectation()},
                1,
                4},
          Press{"expected_mean",
                {.by = kv::ScoreBy::expected,
                .expectation = std::make_shared<const kv::Expectation>(mean)},
                1,
                4},
          Press{"kvzip", {kv::ScoreBy::replayed}, 1}}) {
      SCOPED_TRACE(std::string(name) + " " + each.name);
      const NotedScores got = noted(talk, ids, each.scoring);
      const Tensor wanted = decode(golden.at(std::string(name) + "." + each.name));
      ASSERT_EQ(wanted.type().shape, (Shape{2, 2, 40}));
      for (int chain = 0; chain < 4; ++chain) {
        const std::vector<float>& own = got.at({chain / 2, chain % 2});
        const auto theirs = wanted.span<const float>().subspan(chain * 40, 40);
        ASSERT_EQ(own.size(), 40);
        for (std::size_t i = each.first; i < each.last; ++i)
          ASSERT_NEAR(own[i] * each.share, theirs[i], 1e-6F + 1e-4F * theirs[i])
              << chain << " " << i;
      }
    }
  }
}

TEST(Policies, ScoresDoNotDependOnRunsOrThreads) {
  const LanguageModel model = family_model("llama");
  const Ids ids = some_ids(50, model.config.vocabulary);
  for (const kv::ScoreBy by : {kv::ScoreBy::value, kv::ScoreBy::expected}) {
    NotedScores first;
    for (const auto& [rows, threads] : {std::pair{64, 1}, {64, 3}, {20, 2}, {7, 1}}) {
      Talk talk(model, {.context = 64, .prompt_rows = rows, .by_query_head = true}, threads);
      kv::Scoring scoring{.by = by};
      if (by == kv::ScoreBy::value) scoring.outputs = talk.session.output_forms();
      else scoring.expectation = talk.session.expectation();
      const NotedScores got = noted(talk, ids, scoring);
      if (first.empty()) first = got;
      if (rows == 64) {
        EXPECT_EQ(got, first) << threads;
      }
      for (const auto& [chain, scores] : got)
        for (std::size_t i = 0; i < scores.size(); ++i)
          EXPECT_NEAR(scores[i], first.at(chain)[i], 1e-5F);
    }
  }
}

TEST(Policies, APromptThatIsReadTwiceIsThereOnce) {
  const LanguageModel model = family_model("llama");
  const Ids ids = some_ids(40, model.config.vocabulary),
            more = some_ids(6, model.config.vocabulary, 1);
  Talk plain(model, {.context = 96, .sequences = 2, .prompt_rows = 16}),
      twice(model, {.context = 96, .sequences = 2, .prompt_rows = 16});
  const SeqId full = plain.session.open(), id = twice.session.open(kv::replayed_prompt(0.999));
  EXPECT_TRUE(same_bits(twice.feed(id, ids), plain.feed(full, ids)));
  EXPECT_EQ(twice.session.length(id), 40);
  EXPECT_TRUE(std::ranges::equal(twice.session.tokens(id), plain.session.tokens(full)));
  EXPECT_NEAR(twice.session.kept(id), 39, 0.01);
  const SeqId half = twice.session.open(kv::replayed_prompt(0.5));
  twice.session.feed(half, ids);
  EXPECT_EQ(twice.session.kept(half), 20);
  twice.steps(half, more);
  twice.session.feed(half, more);  // a second prompt, read twice
  EXPECT_EQ(twice.session.length(half), 52);
  EXPECT_EQ(twice.session.kept(half), 26);
}

// Stopped while it is read again, a prompt is not there.
TEST(Policies, AReplayThatIsStoppedLeavesNothing) {
  const LanguageModel model = family_model("llama");
  Talk talk(model, {.context = 96, .prompt_rows = 16});
  const SeqId id = talk.session.open(kv::replayed_prompt(0.5));
  const Ids ids = some_ids(12, model.config.vocabulary);
  talk.session.feed(id, ids);
  const double kept = talk.session.kept(id);
  const std::atomic<bool> stop = true;
  EXPECT_EQ(talk.session.feed(id, ids, nullptr, &stop), 0);
  EXPECT_EQ(talk.session.length(id), 12);
  EXPECT_EQ(talk.session.kept(id), kept);
  talk.session.feed(id, ids);
  EXPECT_EQ(talk.session.length(id), 24);
}

// In shorter runs where the context is nearly full.
TEST(Policies, AReplayTakesRoomForOneRowMore) {
  const LanguageModel model = family_model("llama");
  Talk talk(model, {.context = 64, .prompt_rows = 32});
  const SeqId id = talk.session.open(kv::replayed_prompt(0.5));
  EXPECT_EQ(thrown_by([&] { talk.session.feed(id, some_ids(64, model.config.vocabulary)); }).kind(),
            ErrorKind::capacity);
  EXPECT_EQ(talk.session.length(id), 0);
  talk.session.feed(id, some_ids(62, model.config.vocabulary));
  EXPECT_EQ(talk.session.kept(id), 31);
}

// Whose positions were learned cannot read a prompt behind the last of them.
TEST(Policies, AReplayNeedsPositions) {
  const LanguageModel model = family_model("gpt2");
  Talk talk(model, {.context = model.config.context});
  const SeqId id = talk.session.open(kv::replayed_prompt(0.5));
  const Ids ids = some_ids(64, model.config.vocabulary);
  EXPECT_EQ(thrown_by([&] { talk.session.feed(id, ids); }).kind(), ErrorKind::capacity);
  talk.session.feed(id, std::span(ids).first(32));
  EXPECT_EQ(talk.session.kept(id), 16);
}

TEST(Policies, OutputsAreWhatTheProjectionsMakeOfValues) {
  const LanguageModel model = family_model("qwen3");
  Talk talk(model);
  const auto forms = talk.session.output_forms();
  const std::int64_t width = model.config.head_width, heads = model.config.layers[1].heads;
  const Tensor matrix = decode(model.weights->at("layers.1.attention.output.weight"));
  const std::vector<float> value(width, 0.5F);
  for (std::int64_t head = 0; head < heads; ++head) {
    double wanted = 0;
    for (std::int64_t row = 0; row < model.config.width; ++row) {
      double sum = 0;
      for (std::int64_t i = 0; i < width; ++i)
        sum += 0.5 * double{matrix.span<const float>()[(row * heads + head) * width + i]};
      wanted += sum * sum;
    }
    EXPECT_NEAR((*forms)[1][head].at(value)[0], wanted, 1e-5 * wanted);
  }
}

}  // namespace
}  // namespace pliant::lm
