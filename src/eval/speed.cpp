#include "eval/speed.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/log/progress.h"
#include "core/rng.h"
#include "models/language/weights.h"

namespace pliant::eval {
namespace {

std::vector<TokenId> random_tokens(std::int64_t count, std::uint64_t seed, std::int64_t vocabulary,
                                   std::uint64_t stream) {
  Rng rng(seed, stream);
  std::vector<TokenId> tokens(count);
  for (TokenId& each : tokens) each = static_cast<TokenId>(rng.below(vocabulary));
  return tokens;
}

template <typename Work>
Sample timed(const Work& work) {
  const Clock processor = processor_clock(), wall = steady_clock();
  const double ran = processor(), began = wall();
  work();
  return {processor() - ran, wall() - began};
}

class SequenceHolder {
 public:
  explicit SequenceHolder(lm::Session& session) : SequenceHolder(session, session.open()) {}
  SequenceHolder(lm::Session& session, lm::SeqId opened) : session_(session), id(opened) {}
  ~SequenceHolder() { session_.close(id); }
  SequenceHolder(const SequenceHolder&) = delete;

 private:
  lm::Session& session_;

 public:
  const lm::SeqId id;
};

}  // namespace

void measure_speed(lm::Session& session, const SpeedOptions& options,
                   const std::function<bool()>& step, Speed& speed, const std::atomic<bool>* stop) {
  const std::int64_t vocabulary = session.config().vocabulary;
  const SequenceHolder sequence(session);
  session.feed(sequence.id, random_tokens(options.depth, options.seed, vocabulary, 0), nullptr,
               stop);
  if (!step()) return;
  const std::vector<TokenId> prompt = random_tokens(options.prompt, options.seed, vocabulary, 1),
                             text = random_tokens(options.tokens, options.seed, vocabulary, 2);
  const Sample whole = timed([&] { session.feed(sequence.id, prompt, nullptr, stop); });
  if (!step()) return;
  session.truncate(sequence.id, options.depth);
  const Tensor logits({DType::f32, {1, vocabulary}});
  std::vector<Sample> tokens;
  for (std::int64_t i = 0; i < options.tokens; ++i) {
    if (!step()) return;
    const lm::Draft draft{sequence.id, {&text[i], 1}};
    tokens.push_back(timed([&] { session.step({&draft, 1}, logits.view()); }));
  }
  speed.prompts.push_back(whole);
  speed.tokens.insert(speed.tokens.end(), tokens.begin(), tokens.end());
}

void measure_prefix(lm::Session& session, std::int64_t prefix, std::uint64_t seed, Speed& speed) {
  const std::int64_t vocabulary = session.config().vocabulary;
  const Tensor logits({DType::f32, {1, vocabulary}});
  std::vector<TokenId> prompt = random_tokens(prefix, seed, vocabulary, 3);
  prompt.resize(prompt.size() + tokens_behind_prefix);
  const std::span whole(prompt);
  const auto until_first = [&](bool cached, std::uint64_t stream) {
    std::ranges::copy(random_tokens(tokens_behind_prefix, seed, vocabulary, stream),
                      prompt.end() - tokens_behind_prefix);
    return timed([&] {
      const SequenceHolder sequence(
          session, cached ? session.open(kv::full(), whole) : session.open(kv::full()));
      const auto held = static_cast<std::size_t>(session.length(sequence.id));
      session.feed(sequence.id, whole.subspan(held, whole.size() - 1 - held));
      const lm::Draft last{sequence.id, whole.last(1)};
      session.step({&last, 1}, logits.view());
    });
  };
  speed.first.push_back(until_first(false, 4));
  speed.first_cached.push_back(until_first(true, 5));
}

std::int64_t weight_bytes_per_token(const LanguageModel& model) {
  std::int64_t total = 0;
  for (const WeightSpec& spec : weight_table(model.config)) {
    if (spec.part == Part::positions || (spec.part == Part::embedding && !model.config.tied))
      continue;
    total += std::ssize(model.weights->at(spec.name()).bytes);
  }
  return total;
}

std::int64_t prompt_multiply_adds(const LanguageConfig& config) {
  std::int64_t total = 0;
  for (std::size_t layer = 0; layer < config.layers.size(); ++layer)
    for (int part = static_cast<int>(Part::attention_norm); part < part_count; ++part)
      if (const auto shape = weight_shape(config, static_cast<Part>(part), static_cast<int>(layer));
          shape && shape->size() == 2)
        total += elements(*shape);
  return total;
}

Encoding main_encoding(const LanguageModel& model) {
  std::map<Encoding, std::int64_t> sizes;
  model.weights->for_each([&](const std::string&, const Stored& stored) {
    sizes[stored.encoding] += std::ssize(stored.bytes);
  });
  const auto most =
      std::ranges::max_element(sizes, {}, [](const auto& each) { return each.second; });
  return most == sizes.end() ? Encoding::plain : most->first;
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto rank =
      static_cast<std::int64_t>(std::ceil(share * static_cast<double>(values.size())));
  const auto at = values.begin() + std::clamp<std::int64_t>(rank - 1, 0, std::ssize(values) - 1);
  std::ranges::nth_element(values, at);
  return *at;
}

double median(std::vector<double> values) { return percentile(std::move(values), 0.5); }

}  // namespace pliant::eval
