// What guides a generation, by name: filters that say what may come, proposers that guess what
// will.
#pragma once

#include <memory>
#include <string_view>

#include "lm/decode/filter.h"
#include "lm/decode/sampling.h"
#include "lm/session.h"
#include "lm/speculate.h"

namespace pliant::lm {

// `kind`: "grammar" (GBNF) or "json-schema"; `text`: its source. Throws Error{usage} for another
// kind, and as Grammar and grammar_from_json_schema() do, at `place`.
std::unique_ptr<TokenFilter> make_filter(std::string_view kind, std::string_view text,
                                         std::string_view place, const Tokenizer& tokenizer);

// A smaller model that guesses.
struct DraftModel {
  Session* session = nullptr;  // must outlive the proposer, which opens a sequence in it
  kv::Policy policy = kv::full();
  SamplingOptions sampling = {};  // of the generation that verifies
};

// `kind`: "lookup" (repetitions in the text) or "draft". `vocabulary`: of the model that verifies.
// Throws Error{usage} for another kind, Error{invalid} for a draft without a session or with
// another vocabulary, Error{capacity} as Session::open().
std::unique_ptr<Proposer> make_proposer(std::string_view kind, const DraftModel& draft = {},
                                        std::int64_t vocabulary = 0);

}  // namespace pliant::lm
