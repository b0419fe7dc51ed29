#include "lm/generate.h"

#include "core/time/clock.h"
#include "lm/batch.h"

namespace pliant::lm {
namespace {

class Stopwatch {
 public:
  double seconds() const { return steady_seconds() - start_; }

 private:
  double start_ = steady_seconds();
};

// The part of a stream's text that was not shown yet.
class Shown {
 public:
  explicit Shown(const Show& show) : show_(show) {}
  void update(Stream& stream) {
    const std::string_view fresh = std::string_view(stream.text()).substr(size_);
    size_ = stream.text().size();
    if (!fresh.empty() && show_ && !show_(fresh)) stream.interrupt();
  }

 private:
  const Show& show_;
  std::size_t size_ = 0;
};

Generated result_of(const Stream& stream) {
  return {.ids = {stream.ids().begin(), stream.ids().end()},
          .text = stream.text(),
          .finish = *stream.finish(),
          .logprobs = stream.logprobs(),
          .speculation = stream.speculation()};
}

// Feeds the stream's prompt by `feed` and runs it to its end.
Generated run(Stream& stream, std::vector<TokenId>& tokens,
              const std::function<std::int64_t()>& feed, const Show& show,
              const std::atomic<bool>* stop) {
  const Stopwatch watch;
  const auto stopped = [&] { return stop != nullptr && *stop; };
  // All but the last token of the prompt; the last one goes through the decode program, as all that
  // follow it.
  const std::int64_t behind = std::ssize(stream.prompt()), fed = feed();
  Batch batch(stream.session(), stream.most_rows());
  batch.join(stream);
  Shown shown(show);
  if (fed < behind) stream.interrupt();
  double prompt_seconds = 0;
  std::vector<double> token_seconds;
  for (bool first = true; first || !stream.done(); first = false) {
    const double begin = watch.seconds();
    const std::size_t before = stream.ids().size();
    if (stopped()) stream.interrupt();
    else batch.step();
    shown.update(stream);
    const double now = watch.seconds();
    const std::size_t made = stream.ids().size() - before;
    if (first) prompt_seconds = now;
    else token_seconds.insert(token_seconds.end(), made, (now - begin) / static_cast<double>(made));
  }
  shown.update(stream);
  tokens.insert(tokens.end(), stream.ids().begin(), stream.ids().end());
  if (stream.error()) throw *stream.error();
  Generated result = result_of(stream);
  result.prompt_tokens = fed < behind ? fed : behind + 1;
  result.prompt_seconds = prompt_seconds;
  result.token_seconds = std::move(token_seconds);
  result.decode_seconds = watch.seconds() - prompt_seconds;
  return result;
}

}  // namespace

Generated generate(Session& session, SeqId sequence, const Tokenizer* tokenizer,
                   std::vector<TokenId>& tokens, const GenerateOptions& options,
                   TokenFilter* filter, const Show& show, const std::atomic<bool>* stop) {
  Stream stream(session, sequence, tokenizer, tokens, options, filter);
  return run(
      stream, tokens, [&] { return session.feed(sequence, stream.prompt(), nullptr, stop); }, show,
      stop);
}

Generated generate(Session& session, SeqId sequence, const Tokenizer* tokenizer,
                   std::vector<TokenId>& tokens, std::span<const Piece> pieces,
                   const GenerateOptions& options, TokenFilter* filter, const Show& show,
                   const std::atomic<bool>* stop) {
  Stream stream(session, sequence, tokenizer, tokens, options, filter);
  return run(
      stream, tokens, [&] { return session.feed(sequence, pieces, nullptr, stop); }, show, stop);
}

}  // namespace pliant::lm
