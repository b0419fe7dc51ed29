// A trained decoder end to end under the policies of golden/elastic-cache/e2e.safetensors, the
// choices made by machine/native/kv/choice.
#include <functional>

#include "formats/safetensors/safetensors.h"
#include "lm/talk.h"
#include "machine/native/kv/choice/scores.h"
#include "machine/native/kv/policies/compression.h"

namespace pliant::lm {
namespace {

LanguageModel trained_decoder() {
  LanguageConfig config;
  config.vocabulary = 56;
  config.width = 64;
  config.head_width = 16;
  config.context = 128;
  config.layers.assign(3, {.heads = 4, .kv_heads = 4, .ffn = 176});
  config.norm_eps = 1e-6;
  return {config, std::make_shared<const WeightStore>(
                      load_safetensors("golden/elastic-cache/e2e.safetensors"))};
}

constexpr std::int64_t prompt_tokens = 71, half = 36;

// Half of a prompt stays, by `choose`; then one entry goes from a place when there is one too many.
class Halving : public kv::Editor {
 public:
  using Choose =
      std::function<void(std::span<const kv::Entry>, std::span<const float>, std::span<kv::Fate>)>;
  Halving(Choose choose, std::int64_t place) : choose_(std::move(choose)), place_(place) {}
  std::string_view name() const override { return "halving"; }
  bool observes() const override { return true; }
  void edit(std::span<const kv::Chain> chains,
            std::span<const std::span<kv::Fate>> fates) const override {
    const std::int64_t size = chains.front().size(), length = chains.front().length();
    if (chains.front().prompt_end()) return cut(chains, fates);
    for (const auto& each : fates)
      for (std::int64_t i = 0; i < kv::published_excess({0.5}, size, length); ++i)
        each[place_ + i].keep = false;
  }

 private:
  void cut(std::span<const kv::Chain> chains, std::span<const std::span<kv::Fate>> fates) const {
    std::vector<float> masses;
    for (const kv::Chain& chain : chains)
      for (std::int64_t i = 0; i < chain.size(); ++i) masses.push_back(chain.entry(i).attention);
    const std::vector<float> scores = kv::mean_over_heads(masses, std::ssize(chains), 1);
    std::vector<kv::Entry> entries;
    for (std::int64_t i = 0; i < chains.front().size(); ++i)
      entries.push_back(chains.front().entry(i));
    for (const auto& each : fates) choose_(entries, scores, each);
  }

  Choose choose_;
  std::int64_t place_;
};

kv::Policy halving(Halving::Choose choose, std::int64_t place) {
  return kv::edited(std::make_shared<Halving>(std::move(choose), place));
}

// The highest, first and last entry kept, and what becomes of the others.
kv::Policy highest(const std::optional<kv::MergeRule>& merge) {
  return halving(
      [merge](std::span<const kv::Entry> entries, std::span<const float> scores,
              std::span<kv::Fate> fates) {
        kv::keep_highest(scores, kv::protected_of(entries, {1, 1}), half, fates);
        if (merge) kv::merge_nearest(entries, scores, *merge, fates);
      },
      half - 10);
}

kv::Policy reference_policy(const std::string& name) {
  using kv::BiasBy, kv::MeanBy;
  if (name == "full") return kv::full();
  if (name == "elastic_off") return kv::published_elastic({0.5, 1, -10});
  if (name == "fix_evict") return highest({});
  if (name == "fix_mergekv")
    return highest(kv::MergeRule{MeanBy::equal, MeanBy::equal, BiasBy::none});
  if (name == "sum_mergekv_logn")
    return highest(kv::MergeRule{MeanBy::equal, MeanBy::equal, BiasBy::count});
  EXPECT_EQ(name, "local");  // the first entry and the last ones
  return halving([](auto, auto, std::span<kv::Fate> fates) { kv::drop_first(fates, 1, half); }, 1);
}

TEST(ElasticGolden, LogitsAreThoseOfTheReference) {
  const LanguageModel model = trained_decoder();
  const Tensor embeds = decode(model.weights->at("prompt_embeds")),
               ids = decode(model.weights->at("answer_ids"));
  const auto answer = ids.span<const std::int32_t>();
  for (const char* name :
       {"full", "local", "elastic_off", "fix_evict", "fix_mergekv", "sum_mergekv_logn"}) {
    SCOPED_TRACE(name);
    Talk talk(model, {.context = 128});
    const SeqId id = talk.session.open(reference_policy(name));
    const Piece piece{.rows = embeds.span<const float>()};
    talk.session.feed(id, std::span(&piece, 1));
    const std::string mode = std::string("__") + name + "__true";
    const Tensor lengths = decode(model.weights->at("len" + mode)),
                 logits = decode(model.weights->at("logits" + mode));
    const auto length = lengths.span<const std::int32_t>();
    EXPECT_EQ(talk.session.kept(id), length[0]);
    EXPECT_EQ(talk.session.length(id), prompt_tokens);
    for (std::size_t i = 0; i + 1 < length.size(); ++i) {
      const Logits got = talk.steps(id, {answer[i]})[0];
      EXPECT_EQ(talk.session.kept(id), length[i + 1]) << i;
      const auto wanted = logits.span<const float>().subspan(i * got.size(), got.size());
      for (std::size_t j = 0; j < got.size(); ++j)
        ASSERT_NEAR(got[j], wanted[j], 1e-4F) << "step " << i << ", token " << j;
    }
  }
}

}  // namespace
}  // namespace pliant::lm
