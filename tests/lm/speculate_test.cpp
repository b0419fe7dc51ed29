#include "lm/speculate.h"

#include <cmath>
#include <map>

#include "lm/decode/vocabulary.h"
#include "lm/stream.h"
#include "lm/talk.h"

namespace pliant::lm {
namespace {

// A model, and a draft model with the same vocabulary that says other things.
struct Pair {
  LanguageModel model = tiny("tiny_a"), other = tiny("tiny_c");
  Talk target{model, {.context = 256, .branches = 3}}, draft{other, {.context = 256}};
  Ids prompt = some_ids(12, model.config.vocabulary);
  std::int64_t vocabulary = model.config.vocabulary;
};

struct Generated {
  Ids ids;
  std::vector<Logits> logits;
  SpeculationStats stats;
};

// The sequence as it is after all but the last token of the prompt.
void begin(Pair& pair, SeqId id) {
  const auto kept = static_cast<std::size_t>(pair.target.session.rewind(id, pair.prompt));
  pair.target.session.feed(id, std::span(pair.prompt).subspan(kept, pair.prompt.size() - 1 - kept));
}

Generated plain(Pair& pair, SeqId id, Sampler& sampler, std::int64_t count) {
  begin(pair, id);
  Generated result{pair.prompt, {}, {}};
  for (std::int64_t i = 0; i < count; ++i) {
    result.logits.push_back(pair.target.step({{id, {result.ids.back()}}})[0]);
    result.ids.push_back(
        sampler.sample(result.logits.back(), result.ids, static_cast<std::uint64_t>(i)));
  }
  return result;
}

GenerateOptions guessing(const SamplingOptions& sampling, Proposer& proposer, std::int64_t count,
                         std::int64_t draft_tokens = 4, std::int64_t branches = 1) {
  return {.tokens = count,
          .sampling = sampling,
          .stop = {},
          .logprobs = -1,
          .ignore_end = false,
          .proposer = &proposer,
          .draft_tokens = draft_tokens,
          .draft_branches = branches,
          .adapt = false};
}

// The logits of a stream's draft.
std::vector<Logits> run(Talk& talk, Stream& stream) {
  const Draft draft{stream.sequence(), stream.draft(), stream.parents()};
  const Tensor logits(TensorType{DType::f32, {std::ssize(draft.tokens), talk.vocabulary()}});
  talk.session.step({&draft, 1}, logits.view());
  return talk.split(logits);
}

Stream::News take(Stream& stream, const std::vector<Logits>& logits) {
  Logits all;
  for (const Logits& row : logits) all.insert(all.end(), row.begin(), row.end());
  return stream.take(all);
}

Generated speculative(Pair& pair, SeqId id, const GenerateOptions& options) {
  begin(pair, id);
  Stream stream(pair.target.session, id, nullptr, pair.prompt, options);
  std::vector<Logits> logits;
  while (!stream.done()) {
    const std::vector<Logits> rows = run(pair.target, stream);
    const Ids draft(stream.draft().begin(), stream.draft().end());
    const std::vector<std::int32_t> parents(stream.parents().begin(), stream.parents().end());
    std::int32_t row = 0;
    for (const TokenId id : take(stream, rows).ids) {
      logits.push_back(rows[row]);
      const std::int32_t before = row++;
      while (!parents.empty() && row < std::ssize(draft) &&
             (parents[row] != before || draft[row] != id))
        ++row;
    }
    EXPECT_EQ(pair.target.session.length(id), std::ssize(stream.tokens()) - 1);
  }
  EXPECT_EQ(std::ssize(stream.ids()), options.tokens);
  return {{stream.tokens().begin(), stream.tokens().end()}, logits, stream.speculation()};
}

TEST(Speculation, GreedyOutputIsThatOfPlainDecodingBitForBit) {
  Pair pair;
  const SamplingOptions greedy{.temperature = 0};
  Sampler sampler(greedy, pair.vocabulary), own(greedy, pair.vocabulary);
  Talk twin(pair.model, {.context = 256});
  NgramProposer ngrams;
  DraftProposer stranger(pair.draft.session, pair.draft.session.open(), own, pair.vocabulary);
  DraftProposer same(twin.session, twin.session.open(), own, pair.vocabulary);
  for (const kv::Policy& policy : {kv::full(), kv::sink_window(3, 40)}) {
    const SeqId id = pair.target.session.open(policy);
    const Generated wanted = plain(pair, id, sampler, 80);
    for (Proposer* proposer : std::initializer_list<Proposer*>{&ngrams, &stranger, &same})
      for (const auto& [tokens, branches] :
           {std::pair{0, 1}, {1, 1}, {4, 1}, {15, 1}, {2, 2}, {6, 3}, {15, 4}}) {
        const Generated got =
            speculative(pair, id, guessing(greedy, *proposer, 80, tokens, branches));
        EXPECT_EQ(got.ids, wanted.ids);
        EXPECT_TRUE(same_bits(got.logits, wanted.logits));
        if (proposer == &same && policy.window == 0 && branches == 1) {
          EXPECT_EQ(got.stats.accepted, got.stats.proposed);
        } else if (proposer == &ngrams && tokens == 4) {
          EXPECT_GT(got.stats.accepted, 0);  // greedy text repeats itself
        }
      }
    pair.target.session.close(id);
  }
}

// The upper tail of chi-square by Wilson and Hilferty: a standard normal value.
double normal_value(double chi, double freedom) {
  const double part = 2 / (9 * freedom);
  return (std::cbrt(chi / freedom) - (1 - part)) / std::sqrt(part);
}

constexpr double p_of_one_percent = 2.326;
constexpr std::int64_t length = 3;

// What the model says of every text of `length` tokens after the prompt.
void enumerate(Pair& pair, SeqId id, Sampler& sampler, const Ids& text, double chance,
               std::map<Ids, double>& out) {
  if (std::ssize(text) == length) {
    out[text] += chance;
    return;
  }
  Ids history = pair.prompt;
  history.insert(history.end(), text.begin(), text.end());
  pair.target.session.truncate(id, 0);
  const Logits logits = pair.target.feed(id, history).back();
  const auto chances = sampler.distribution(logits, history);
  for (const TokenProbability& each : std::vector(chances.begin(), chances.end())) {
    Ids longer = text;
    longer.push_back(each.id);
    enumerate(pair, id, sampler, longer, chance * each.probability, out);
  }
}

// How far the texts that `make(seed)` gives are from `wanted`.
template <typename Make>
double surprise(const std::map<Ids, double>& wanted, std::int64_t runs, const Make& make) {
  std::map<Ids, std::int64_t> seen;
  for (std::int64_t seed = 0; seed < runs; ++seed) ++seen[make(static_cast<std::uint64_t>(seed))];
  double chi = 0, cells = 0, rest = 0, rest_seen = static_cast<double>(runs);
  for (const auto& [text, chance] : wanted) {
    const double expected = chance * static_cast<double>(runs),
                 found = static_cast<double>(seen[text]);
    if (expected < 8) {
      rest += expected;
      continue;
    }
    chi += (found - expected) * (found - expected) / expected;
    rest_seen -= found;
    ++cells;
  }
  if (rest >= 8) {
    chi += (rest_seen - rest) * (rest_seen - rest) / rest;
    ++cells;
  } else {
    EXPECT_LT(rest_seen, 40) << "texts that the model does not say";
  }
  return normal_value(chi, cells - 1);
}

TEST(Speculation, SampledTextsHaveTheModelsDistribution) {
  Pair pair;
  constexpr std::int64_t runs = 1000;
  SamplingOptions options{.temperature = 0.9, .top_k = 4};
  // The draft is the same model, hotter and with more tokens to choose from: close enough to be
  // accepted at times.
  Talk draft(pair.model, {.context = 256});
  const SeqId id = pair.target.session.open(), guess = draft.session.open();
  std::map<Ids, double> wanted;
  {
    Sampler sampler(options, pair.vocabulary);
    enumerate(pair, id, sampler, {}, 1, wanted);
  }
  const auto texts = [&](auto&& generate) {
    return [&, generate](std::uint64_t seed) {
      options.seed = seed + 1000;
      SamplingOptions hotter = options;
      hotter.temperature = 1.8;
      hotter.top_k = 7;
      Sampler sampler(options, pair.vocabulary), own(hotter, pair.vocabulary);
      const Ids ids = generate(sampler, own).ids;
      return Ids(ids.end() - length, ids.end());
    };
  };
  EXPECT_LT(surprise(wanted, runs,
                     texts([&](Sampler& s, Sampler&) { return plain(pair, id, s, length); })),
            p_of_one_percent);
  std::int64_t accepted = 0, proposed = 0;
  EXPECT_LT(surprise(wanted, runs, texts([&](Sampler& s, Sampler& own) {
                       DraftProposer proposer(draft.session, guess, own, pair.vocabulary);
                       const Generated made =
                           speculative(pair, id, guessing(s.options(), proposer, length));
                       accepted += made.stats.accepted;
                       proposed += made.stats.proposed;
                       return made;
                     })),
            p_of_one_percent);
  EXPECT_GT(accepted, proposed / 10);
  EXPECT_LT(accepted, proposed * 9 / 10);
  // The test sees a difference: half as hot a sampler is far off.
  options.temperature = 0.45;
  EXPECT_GT(surprise(wanted, runs,
                     texts([&](Sampler& s, Sampler&) { return plain(pair, id, s, length); })),
            5);
}

// Guesses the tokens that the model finds likely, without chance.
class Likely : public Proposer {
 public:
  explicit Likely(Ids tokens) : tokens_(std::move(tokens)) {}
  void propose(std::span<const TokenId>, std::uint64_t index, const Guesses& most,
               Proposal& out) override {
    for (std::int64_t i = 0; i < most.depth; ++i)
      out.add(tokens_[(static_cast<std::size_t>(index) + static_cast<std::size_t>(i)) %
                      tokens_.size()]);
  }

 private:
  Ids tokens_;
};

TEST(Speculation, GuessesWithoutChanceKeepTheDistributionToo) {
  Pair pair;
  SamplingOptions options{.temperature = 0.9, .top_k = 4};
  const SeqId id = pair.target.session.open();
  Sampler enumerator(options, pair.vocabulary);
  std::map<Ids, double> wanted;
  enumerate(pair, id, enumerator, {}, 1, wanted);
  const Ids likely =
      std::ranges::max_element(wanted, {}, [](const auto& each) { return each.second; })->first;
  std::int64_t accepted = 0;
  EXPECT_LT(surprise(wanted, 1000,
                     [&](std::uint64_t seed) {
                       options.seed = seed;
                       Likely proposer(likely);
                       const Generated made =
                           speculative(pair, id, guessing(options, proposer, length));
                       accepted += made.stats.accepted;
                       return Ids(made.ids.end() - length, made.ids.end());
                     }),
            p_of_one_percent);
  EXPECT_GT(accepted, 100);
}

TEST(Speculation, GuessesWithoutChanceLeaveSampledTextsAsTheyAre) {
  Pair pair;
  Talk twin(pair.model, {.context = 256});
  const SeqId id = pair.target.session.open();
  NgramProposer ngrams;
  std::int64_t chain = 0, tree = 0;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const SamplingOptions options{.temperature = 0.9, .top_k = 5, .seed = seed};
    Sampler sampler(options, pair.vocabulary), own(options, pair.vocabulary);
    DraftProposer draft(twin.session, twin.session.open(), own, pair.vocabulary);
    const Generated wanted = plain(pair, id, sampler, 60);
    for (const std::int64_t branches : {1, 4})
      EXPECT_EQ(speculative(pair, id, guessing(options, ngrams, 60, 12, branches)).ids, wanted.ids);
    for (const std::int64_t branches : {2, 4}) {
      const Generated got =
          speculative(pair, id, guessing(options, draft, 60, branches + 3, branches));
      EXPECT_EQ(got.ids, wanted.ids);
      (branches == 2 ? chain : tree) += got.stats.accepted;
    }
    twin.session.close(twin.session.sequences()[0]);
  }
  EXPECT_GT(chain, 60);
  EXPECT_GT(tree, chain);  // what is not the likeliest may stand beside it
}

TEST(Speculation, AdaptingChangesNoText) {
  Pair pair;
  const SeqId id = pair.target.session.open();
  NgramProposer ngrams;
  for (const double temperature : {0.0, 0.9}) {
    const SamplingOptions options{.temperature = temperature, .top_k = 3, .seed = 5};
    Sampler sampler(options, pair.vocabulary), own(options, pair.vocabulary);
    const Generated wanted = plain(pair, id, sampler, 120);
    GenerateOptions guesses = guessing(options, ngrams, 120, 12, 3);
    guesses.adapt = true;
    const Generated got = speculative(pair, id, guesses);
    EXPECT_EQ(got.ids, wanted.ids);
    EXPECT_LT(got.stats.runs, 121);
    // Drawn guesses do not depend on the clock.
    DraftProposer draft(pair.draft.session, pair.draft.session.open(), own, pair.vocabulary);
    guesses = guessing(options, draft, 120, 4);
    guesses.adapt = true;
    EXPECT_EQ(speculative(pair, id, guesses).ids, speculative(pair, id, guesses).ids);
    pair.draft.session.close(pair.draft.session.sequences()[0]);
  }
}

TEST(NgramLookup, BranchesAreWhatFollowedAtOtherPlaces) {
  NgramProposer lookup(1, 2);
  const Ids history{1, 2, 3, 4, 9, 1, 2, 5, 6, 9, 1, 2, 3, 7, 8, 1, 2};
  const auto proposed = [&](const Guesses& most) {
    Proposal out;
    lookup.propose(history, 0, most, out);
    std::string text;
    for (std::size_t i = 0; i < out.tokens().size(); ++i)
      text += std::to_string(out.tokens()[i]) + "<" + std::to_string(out.parents()[i]) + " ";
    return text;
  };
  EXPECT_EQ(proposed({9, 3, 1}), "3<-1 7<0 8<1 ");
  EXPECT_EQ(proposed({9, 3, 2}), "3<-1 7<0 8<1 5<-1 6<3 9<4 ");
  EXPECT_EQ(proposed({9, 3, 3}), "3<-1 7<0 8<1 5<-1 6<3 9<4 4<0 9<6 ");
  EXPECT_EQ(proposed({5, 3, 3}), "3<-1 7<0 8<1 5<-1 6<3 ");
  EXPECT_EQ(proposed({0, 0, 3}), "");
}

TEST(NgramLookup, ProposesWhatFollowedTheLatestLongestMatch) {
  NgramProposer lookup(2, 3);
  const auto proposed = [&](const Ids& history, std::int64_t most) {
    Proposal out;
    lookup.propose(history, 0, {most, most}, out);
    return Ids(out.tokens().begin(), out.tokens().end());
  };
  // three tokens match before two
  EXPECT_EQ(proposed({1, 2, 3, 4, 9, 2, 3, 5, 1, 2, 3}, 2), (Ids{4, 9}));
  EXPECT_EQ(proposed({2, 3, 4, 9, 2, 3, 5, 7, 2, 3}, 2), (Ids{5, 7}));  // the latest place
  EXPECT_EQ(proposed({1, 1, 1, 1}, 5), (Ids{1}));                       // up to the end
  EXPECT_EQ(proposed({1, 2, 3, -7, 4, 1, 2}, 3), Ids{3});               // no names of rows
  EXPECT_EQ(proposed({1, 2, 3}, 5), Ids{});
  EXPECT_EQ(proposed({1}, 5), Ids{});
  EXPECT_EQ(thrown_by([] { NgramProposer(0, 2); }).kind(), ErrorKind::usage);
  EXPECT_EQ(thrown_by([] { NgramProposer(3, 2); }).kind(), ErrorKind::usage);
}

// Only even tokens; three of them.
class Even : public TokenFilter {
 public:
  void mask(std::span<float> logits) const override {
    for (std::size_t i = 1; i < logits.size(); i += 2) logits[i] = -INFINITY;
  }
  void accept(TokenId id) override {
    EXPECT_EQ(id % 2, 0);
    ++count;
  }
  bool done() const override { return count >= 3; }
  std::unique_ptr<TokenFilter> copy() const override { return std::make_unique<Even>(*this); }
  int count = 0;
};

TEST(Speculation, AFilterRulesEveryTokenAndEndsTheStream) {
  Pair pair;
  Talk twin(pair.model, {.context = 256});
  const SamplingOptions greedy{.temperature = 0};
  Sampler own(greedy, pair.vocabulary);
  DraftProposer proposer(twin.session, twin.session.open(), own, pair.vocabulary);
  const SeqId id = pair.target.session.open();
  begin(pair, id);
  Even even;
  Stream stream(pair.target.session, id, nullptr, pair.prompt, guessing(greedy, proposer, 50),
                &even);
  while (!stream.done()) take(stream, run(pair.target, stream));
  EXPECT_EQ(even.count, 3);
  EXPECT_EQ(stream.ids().size(), 3u);
  EXPECT_EQ(stream.finish(), Finish::end_token);
}

TEST(Speculation, NothingIsVerifiedBehindAnEnd) {
  Pair pair;
  Talk twin(pair.model, {.context = 256});
  const SamplingOptions greedy{.temperature = 0};
  Sampler own(greedy, pair.vocabulary), sampler(greedy, pair.vocabulary);
  const SeqId id = pair.target.session.open();
  const Generated wanted = plain(pair, id, sampler, 3);
  DraftProposer proposer(twin.session, twin.session.open(), own, pair.vocabulary);
  begin(pair, id);
  const ListTokenizer tokenizer(std::vector<std::string>(511, "x"), wanted.ids[13]);
  Stream stream(pair.target.session, id, &tokenizer, pair.prompt,
                guessing(greedy, proposer, 50, 8));
  const auto found = take(stream, run(pair.target, stream)).ids;
  EXPECT_LE(found.size(), 2u);
  EXPECT_EQ(found.back(), wanted.ids[13]);
  EXPECT_EQ(stream.finish(), Finish::end_token);
  EXPECT_EQ(pair.target.session.length(id), std::ssize(stream.tokens()) - 1);
}

TEST(Speculation, ContextsEndWithoutTrouble) {
  Pair pair;
  const SamplingOptions greedy{.temperature = 0};
  Sampler own(greedy, pair.vocabulary);
  Talk target(pair.model, {.context = 40}), draft(pair.other, {.context = 20});
  DraftProposer proposer(draft.session, draft.session.open(), own, pair.vocabulary);
  const SeqId id = target.session.open();
  target.session.feed(id, std::span(pair.prompt).first(11));
  Stream stream(target.session, id, nullptr, pair.prompt, guessing(greedy, proposer, 100));
  while (target.session.room(id) > 0) take(stream, run(target, stream));
  EXPECT_EQ(stream.tokens().size(), 41u);
  EXPECT_FALSE(stream.done());
  stream.refuse(thrown_by([&] { run(target, stream); }));  // without guesses from now on
  EXPECT_FALSE(stream.done());
  stream.refuse(thrown_by([&] { run(target, stream); }));
  EXPECT_EQ(stream.finish(), Finish::context);
  EXPECT_TRUE(stream.draft().empty());
}

TEST(Speculation, WrongUseIsRefusedAndChangesNothing) {
  Pair pair;
  const SamplingOptions greedy{.temperature = 0};
  Sampler sampler(greedy, pair.vocabulary);
  NgramProposer ngrams;
  Session& session = pair.target.session;
  const SeqId id = session.open();
  const auto stream_of = [&](const Ids& tokens, std::int64_t draft_tokens = 4) {
    return Stream(session, id, nullptr, tokens, guessing(greedy, ngrams, 50, draft_tokens));
  };
  for (const std::int64_t tokens : {std::int64_t{-1}, session.decode_rows()})
    EXPECT_EQ(thrown_by([&] { stream_of(pair.prompt, tokens); }).kind(), ErrorKind::usage);
  EXPECT_EQ(thrown_by([&] {
              DraftProposer(pair.draft.session, pair.draft.session.open(), sampler, 7);
            }).kind(),
            ErrorKind::invalid);
  Stream stream = stream_of(pair.prompt);
  EXPECT_EQ(stream.prompt().size(), 11u);
  // of a prompt that was not fed
  EXPECT_EQ(thrown_by([&] { stream.draft(); }).kind(), ErrorKind::invalid);
  session.feed(id, stream.prompt());
  EXPECT_EQ(thrown_by([&] { stream_of(Ids(pair.prompt.begin(), pair.prompt.end() - 1)); }).kind(),
            ErrorKind::invalid);
  Logits wrong = run(pair.target, stream)[0];
  EXPECT_EQ(thrown_by([&] { stream.take(std::span(wrong).first(7)); }).kind(), ErrorKind::invalid);
  run(pair.target, stream);
  wrong[5] = NAN;
  EXPECT_EQ(thrown_by([&] { stream.take(wrong); }).kind(), ErrorKind::invalid);  // the sampler's
  EXPECT_EQ(session.length(id), 11);
  EXPECT_EQ(stream.tokens().size(), 12u);
  EXPECT_FALSE(stream.done());
}

}  // namespace
}  // namespace pliant::lm
