#include "eval/predictor.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "lm/decode/stop.h"
#include "lm/generate.h"

namespace pliant::eval {
namespace {

constexpr std::int64_t rows_at_once = 32;  // whose logits are held

void give(const Tensor& logits, std::int64_t rows, const Predictor::Take& take) {
  const std::int64_t vocabulary = logits.type().shape[1];
  for (std::int64_t row = 0; row < rows; ++row)
    take({logits.view().as<float>() + row * vocabulary, static_cast<std::size_t>(vocabulary)});
}

TensorView first_rows(const Tensor& tensor, std::int64_t first, std::int64_t rows) {
  const std::int64_t width = tensor.type().shape[1];
  return {{DType::f32, {rows, width}},
          reinterpret_cast<std::byte*>(tensor.view().as<float>() + first * width)};
}

Tensor integers(std::int64_t rows) { return Tensor({DType::i32, {rows}}); }

}  // namespace

SessionPredictor::SessionPredictor(lm::Session& session, const kv::Policy& policy)
    : session_(session),
      policy_(policy),
      sequence_(session.open(policy)),
      logits_({DType::f32, {rows_at_once, session.config().vocabulary}}) {}

SessionPredictor::~SessionPredictor() { session_.close(sequence_); }

void SessionPredictor::predict(std::span<const TokenId> tokens, std::int64_t first,
                               const Take& take) {
  const std::int64_t known = session_.rewind(sequence_, tokens.first(first + 1));
  if (known < first) session_.feed(sequence_, tokens.subspan(known, first - known));
  for (std::int64_t at = first; at < std::ssize(tokens); at += rows_at_once) {
    const std::int64_t n = std::min(rows_at_once, std::ssize(tokens) - at);
    const TensorView view = first_rows(logits_, 0, n);
    session_.feed(sequence_, tokens.subspan(at, n), &view);
    give(logits_, n, take);
  }
}

std::string SessionPredictor::write(const Tokenizer& tokenizer, std::span<const TokenId> prompt,
                                    std::int64_t tokens, const std::atomic<bool>* stop) {
  const lm::SeqId sequence = session_.open(policy_);
  std::vector<TokenId> all(prompt.begin(), prompt.end());
  lm::GenerateOptions how;
  how.tokens = tokens;
  how.sampling.temperature = 0;
  try {
    std::string text =
        lm::generate(session_, sequence, &tokenizer, all, how, nullptr, {}, stop).text;
    session_.close(sequence);
    return text;
  } catch (...) {
    session_.close(sequence);
    throw;
  }
}

MachinePredictor::MachinePredictor(LanguageModel model, Machine& machine, ThreadPool& pool,
                                   std::int64_t context)
    : model_(std::move(model)), workspace_({}, pool) {
  LanguageConfig& config = model_.config;
  if (context == 0) context = std::min(config.context, lm::default_context);
  context_ = config.context = context;  // of which long contexts' rotary factors depend
  const auto prepared = [&](Graph graph) {
    return machine.prepare(std::make_shared<const Graph>(std::move(graph)), model_.weights);
  };
  embed_ = prepared(embed_graph(config, context));
  const auto layers = static_cast<int>(config.layers.size());
  layers_ = prepared(layers_graph(config, 0, layers, context, false));
  head_ = prepared(head_graph(config, rows_at_once));
  Need need;
  for (const auto* each : {&embed_, &layers_, &head_})
    need.arena_bytes = std::max(need.arena_bytes, (*each)->need().arena_bytes);
  workspace_ = Workspace(need, pool);
}

void MachinePredictor::run(const Program& program, std::span<const TensorView> inputs,
                           const TensorView& output) {
  program.run({inputs, {&output, 1}, output.type.shape[0], nullptr}, workspace_);
}

void MachinePredictor::predict(std::span<const TokenId> tokens, std::int64_t first,
                               const Take& take) {
  const std::int64_t rows = std::ssize(tokens), width = model_.config.width;
  if (rows > context_)
    throw Error(ErrorKind::capacity, "text",
                std::to_string(rows) + " tokens, and the context " + std::to_string(context_),
                "a larger --context");
  const Tensor ids = integers(rows), seq = integers(rows), pos = integers(rows),
               tag = integers(rows);
  std::ranges::copy(tokens, ids.view().as<std::int32_t>());
  const std::span<std::int32_t> positions = pos.view().span<std::int32_t>();
  std::iota(positions.begin(), positions.end(), 0);
  const Tensor embedded({DType::f32, {rows, width}}), hidden({DType::f32, {rows, width}});
  std::vector<TensorView> leaves{ids.view()};
  if (model_.config.learned_positions) leaves.push_back(pos.view());
  run(*embed_, leaves, embedded.view());
  run(*layers_, std::vector{embedded.view(), seq.view(), pos.view(), tag.view()}, hidden.view());
  const Tensor logits({DType::f32, {rows_at_once, model_.config.vocabulary}});
  for (std::int64_t at = first; at < rows; at += rows_at_once) {
    const std::int64_t n = std::min(rows_at_once, rows - at);
    run(*head_, std::vector{first_rows(hidden, at, n)}, first_rows(logits, 0, n));
    give(logits, n, take);
  }
}

std::string MachinePredictor::write(const Tokenizer& tokenizer, std::span<const TokenId> prompt,
                                    std::int64_t tokens, const std::atomic<bool>* stop) {
  const std::vector<TokenId>& ends = tokenizer.special().end_of_generation;
  std::vector<TokenId> all(prompt.begin(), prompt.end());
  std::string text;
  lm::StopMatcher characters({});
  for (std::int64_t i = 0; i < tokens && (stop == nullptr || !*stop); ++i) {
    TokenId next = 0;
    predict(all, std::ssize(all) - 1, [&](std::span<const float> logits) {
      const auto known = logits.first(std::min<std::size_t>(logits.size(), tokenizer.size()));
      next = static_cast<TokenId>(std::ranges::max_element(known) - known.begin());
    });
    if (std::ranges::binary_search(ends, next)) break;
    all.push_back(next);
    text += characters.push(tokenizer.bytes(next));
    if (std::ssize(all) > context_) break;
  }
  return text + characters.finish();
}

}  // namespace pliant::eval
