// A session: one language model with its programs, workspace and KV cache. All memory is taken when
// it opens, but for the cache's: that is reserved, and taken as sequences grow.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "machine/native/kv/choice/expected.h"
#include "machine/native/kv/choice/quadratic.h"
#include "machine/native/kv/policy.h"
#include "machine/native/kv/row_code.h"
#include "models/language/language.h"
#include "text/tokenizer.h"

namespace pliant {
class Trace;
}

namespace pliant::lm {

using kv::SeqId;

inline constexpr std::int64_t default_decode_rows = 16;
inline constexpr std::int64_t default_context = 4096;  // at most, unless a longer one is asked for

struct SessionOptions {
  // entries per sequence and layer; 0: the model's, at most default_context
  std::int64_t context = 0;
  std::int64_t sequences = 1;      // open at one time
  std::int64_t prompt_rows = 256;  // rows of one prompt run
  // Prompts meet weights in blocks as f32, not rounded to 8 bits: native::Options::round_tall.
  bool exact_prompts = false;
  // tokens of one step, over all drafts; above 16 sums round otherwise
  std::int64_t decode_rows = default_decode_rows;
  std::int64_t branches = 0;        // of the trees in one step, beside the first of each
  kv::CacheTypes cache_types = {};  // of keys and values
  // Bytes of the cache beyond what open sequences need: for beginnings of those that were closed or
  // rewound, which others that begin alike take over; the least recently used goes first.
  std::int64_t prefix_bytes = 0;
  // Bytes of the cache's pages, which open sequences share; 0: what all their contexts take. Runs
  // that find none free throw Error{capacity}.
  std::int64_t cache_bytes = 0;
  // For policies whose Editor asks for attention by query head: kv::CacheOptions::by_query_head.
  bool by_query_head = false;
  // Prompts of sequences whose Editor drops tokens layer by layer go through one layer after the
  // other, so that what it drops makes room for the next: their hidden states are held meanwhile.
  bool by_layer = false;
  // bytes of weights, full cache and arena together; 0: none
  std::int64_t memory_limit = 0;
};

struct SessionMemory {  // bytes
  // cache: reserved; what it takes when all contexts are full
  std::int64_t weights = 0, cache = 0, arena = 0;
  std::int64_t cache_touched = 0;  // of it, so far
  std::int64_t cache_used = 0;     // of that, what sequences hold now
  std::int64_t kept = 0;           // of that, beginnings that are kept
  // KV heads of all layers, and of the widest; entries of each if all pages are shared out evenly
  std::int64_t chains = 0, widest_layer = 0, cache_entries = 0;
};

// The tokens to append to one sequence in one decode run: one, or several to be verified. They may
// be a tree of continuations.
struct Draft {
  SeqId sequence = 0;
  std::span<const TokenId> tokens;
  // Of each token which one it follows: an earlier one, but none (-1) for the first, and for no
  // other. Empty: each follows the one before.
  std::span<const std::int32_t> parents = {};
};

// A part of a prompt: tokens, or rows that stand where their embeddings would (an image's, say).
struct Piece {
  // With rows: nothing, or what each of them is known by, a number below 0 that is another row's
  // only if the two are equal. What has neither token nor name ends what is known of a text.
  std::span<const TokenId> tokens = {};
  // [count, width]: what embed_graph() gives for a token
  std::span<const float> rows = {};
  // one for each token or row, kept in the cache; empty: 0
  std::span<const std::int32_t> tags = {};
};

// Every function throws Error{invalid} for a sequence that is not open; whatever is thrown, nothing
// has changed then. One thread at a time. Decode runs allocate nothing.
class Session {
 public:
  // Throws Error{capacity} naming the bytes needed and the cap, Error{invalid} for options out of
  // range.
  Session(LanguageModel model, ThreadPool& pool, const SessionOptions& options = {});
  ~Session();

  SeqId open(const kv::Policy& policy = kv::full());  // throws Error{capacity}
  // One that holds what is known of the beginning of `tokens`: of sequences with such a policy that
  // are open, or were closed and are kept (SessionOptions::prefix_bytes). Its length() says how
  // much; the others are fed next, the last one of them at least. Only what prompt runs computed
  // is taken, so whatever follows has the bits that it would have without.
  SeqId open(const kv::Policy& policy, std::span<const TokenId> tokens);
  void close(SeqId sequence);
  std::int64_t length(SeqId sequence) const;  // tokens appended so far (positions 0 to length - 1)
  // The first of them, and names of rows, up to what has neither, and as far as the context goes:
  // others are not kept. Valid until the sequence changes.
  std::span<const TokenId> tokens(SeqId sequence) const;
  std::int64_t room(SeqId sequence) const;  // tokens that may still be appended
  // of its tokens, how many entries the cache holds: the mean over all KV heads
  double kept(SeqId sequence) const;
  // its policy drops or merges entries by what it observes
  bool edits(SeqId sequence) const;
  std::vector<SeqId> sequences() const;  // that are open, ascending

  // Appends a prompt, in prompt runs. Throws Error{invalid} for an id out of range, Error{capacity}
  // for a prompt longer than the context. `logits`: null, or [tokens, vocabulary] f32 for every
  // token. `stop`, which may be null: ends it between two runs once it is true, or, layer by layer,
  // an empty sequence's before anything is appended. Returns how many tokens were appended. Where
  // the policy's Editor replays(), the prompt is read a second time behind itself, in runs that see
  // all of it and 8 tokens before their own; stopped then, nothing is appended.
  std::int64_t feed(SeqId sequence, std::span<const TokenId> tokens,
                    const TensorView* logits = nullptr, const std::atomic<bool>* stop = nullptr);
  // The same of pieces one after another. Throws Error{invalid} for parts of a row, another number
  // of names or tags, or a name that is not below 0.
  std::int64_t feed(SeqId sequence, std::span<const Piece> pieces,
                    const TensorView* logits = nullptr, const std::atomic<bool>* stop = nullptr);
  // One decode run over all drafts; `logits` [sum of tokens, vocabulary] f32, in order. At most
  // decode_rows() tokens together. A row's logits depend on its sequence alone, bit for bit: not on
  // the other drafts, their number, or threads; in a tree, on the tokens that lead to it. The
  // sequence then holds the tree's first branch: from the first token on, what first follows each.
  // Their tags are that of the last entry that the sequence holds: an answer is of its turn.
  // Throws as feed() does, Error{capacity} for more branches() than the session has, Error{invalid}
  // for parents that are no tree, and for a tree if the sequence edits().
  void step(std::span<const Draft> drafts, const TensorView& logits);
  // Of the draft of the last step, makes the sequence hold what leads to this one of its tokens,
  // and forgets the others. For a tree, before anything else is done with the sequence: whatever is
  // forgets all but the first branch. Throws Error{invalid} if the step had no such token.
  void choose(SeqId sequence, std::int64_t token);
  // Forgets the tokens from `length` on (rejected drafts). Throws Error{invalid} below
  // least_length() but for 0.
  void truncate(SeqId sequence, std::int64_t length);
  // Makes the sequence hold as much as is known of the beginning of `tokens`, but the last one:
  // what the two have in common, or what open() would find if that is a page (32 tokens) more. What
  // it held and loses is kept as when it is closed. Returns its length.
  std::int64_t rewind(SeqId sequence, std::span<const TokenId> tokens);
  // 0 unless the policy dropped tokens that a shorter one would see
  std::int64_t least_length(SeqId sequence) const;
  // A copy for prefix reuse; the two share memory until one changes. Throws Error{capacity}.
  SeqId fork(SeqId sequence);

  std::vector<std::byte> save(SeqId sequence) const;  // versioned; docs/formats.md
  // Throws Error{format}, Error{invalid} for a state of another model, Error{capacity}. `editor`:
  // of the policy that the sequence had.
  SeqId restore(std::span<const std::byte> state,
                std::shared_ptr<const kv::Editor> editor = nullptr);

  // Told of every run from now on; null: no more. Must outlive what it is told of.
  void trace(Trace* trace);

  const LanguageConfig& config() const;
  // Of each layer, for policies that weigh values; it takes a moment.
  std::shared_ptr<const kv::OutputForms> output_forms() const;
  // For policies that expect queries.
  std::shared_ptr<const kv::Expectation> expectation() const;
  std::int64_t decode_rows() const;
  std::int64_t branches() const;  // SessionOptions::branches
  SessionMemory memory() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pliant::lm
