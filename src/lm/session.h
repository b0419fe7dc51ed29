// A session: one language model with its programs, workspace and KV cache; all memory is taken when it opens.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "machine/native/kv/policy.h"
#include "models/language/language.h"
#include "text/tokenizer.h"

namespace pliant::lm {

using SeqId = std::int32_t;

struct SessionOptions {
  std::int64_t context = 0;       // entries per sequence and layer; 0: the model's context
  std::int64_t sequences = 1;     // open at one time
  std::int64_t prompt_rows = 64;  // rows of one prompt run
  DType cache_type = DType::f32;  // f32, f16 or bf16
  std::int64_t memory_limit = 0;  // bytes of weights, cache and arena together; 0: none
};

struct SessionMemory {  // bytes
  std::int64_t weights = 0, cache = 0, arena = 0;
};

struct Draft {  // the tokens to append to one sequence in one decode run: one, or several to be verified
  SeqId sequence = 0;
  std::span<const TokenId> tokens;
};

class Session {
 public:
  // Throws Error{capacity} naming the bytes needed and the cap.
  Session(LanguageModel model, Pool& pool, const SessionOptions& options = {});
  ~Session();

  SeqId open(const kv::Policy& policy = kv::full());  // throws Error{capacity}
  void close(SeqId sequence);
  std::int64_t length(SeqId sequence) const;  // tokens appended so far (positions 0 to length - 1)

  // Appends a prompt, in prompt runs. Throws Error{invalid} for an id out of range, Error{capacity} for a prompt longer
  // than the context; then nothing has changed. `logits`: null, or [tokens, vocabulary] f32 for every token.
  void feed(SeqId sequence, std::span<const TokenId> tokens, const TensorView* logits = nullptr);
  // One decode run over all drafts; `logits` [sum of tokens, vocabulary] f32, in order. At most 16 tokens together.
  // A row's logits depend on its sequence alone, bit for bit: not on the other drafts, their number, or threads.
  void step(std::span<const Draft> drafts, const TensorView& logits);
  void truncate(SeqId sequence, std::int64_t length);  // forgets the tokens from `length` on (rejected drafts)
  SeqId fork(SeqId sequence);                          // a copy of the sequence's cache: prefix reuse

  std::vector<std::byte> save(SeqId sequence) const;  // versioned; docs/formats.md
  SeqId restore(std::span<const std::byte> state);    // throws Error{format}; the model must be the one that saved it

  const LanguageConfig& config() const;
  SessionMemory memory() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pliant::lm
