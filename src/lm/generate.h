// Generation: a sequence continued token by token until an end token, a stop string, or a limit.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lm/stream.h"

namespace pliant::lm {

struct Generated {
  std::vector<TokenId> ids;
  std::string text;
  Finish finish = Finish::tokens;
  std::vector<TokenReport> logprobs;  // per token, if asked for
  SpeculationStats speculation;
  std::int64_t prompt_tokens = 0;  // fed by this call
  double prompt_seconds = 0;       // of feeding them and choosing the first token
  double decode_seconds = 0;       // of all further tokens
  // Of each of them; those that one run gave share its time.
  std::vector<double> token_seconds = {};
};

// What is shown while generation goes on; false ends it.
using Show = std::function<bool(std::string_view text)>;

// Continues `tokens`, of which the sequence's cache holds the first session.length(sequence): feeds
// the others (at least one) and appends what is generated. The last token is appended to `tokens`
// but not yet fed. `filter` may be null; `stop` and, for a model without one, `tokenizer` too (then
// there is no text and no end token). Ids that the tokenizer lacks are not generated. Once `stop`
// is true it ends after the token or prompt run in hand: what was generated until then is returned,
// and the sequence holds the beginning of `tokens`, to go on from. Throws Error{invalid} if there
// is nothing to feed, and as Session::feed().
Generated generate(Session& session, SeqId sequence, const Tokenizer* tokenizer,
                   std::vector<TokenId>& tokens, const GenerateOptions& options,
                   TokenFilter* filter = nullptr, const Show& show = {},
                   const std::atomic<bool>* stop = nullptr);
// The same of a prompt with rows in it. `pieces`: what the sequence lacks of it, but its last
// token; what `tokens` has where they have rows is looked at by penalties and proposers alone.
Generated generate(Session& session, SeqId sequence, const Tokenizer* tokenizer,
                   std::vector<TokenId>& tokens, std::span<const Piece> pieces,
                   const GenerateOptions& options, TokenFilter* filter = nullptr,
                   const Show& show = {}, const std::atomic<bool>* stop = nullptr);

}  // namespace pliant::lm
