#include "lm/chat/guides.h"

#include <string>

#include "core/error.h"
#include "lm/decode/grammar/grammar.h"
#include "lm/decode/schema/json_schema.h"

namespace pliant::lm {
namespace {

// A draft model's proposer with the sampler it stands on.
class OwnDraft : public Proposer {
 public:
  OwnDraft(const DraftModel& draft, std::int64_t vocabulary)
      : sampler_(draft.sampling, draft.session->config().vocabulary),
        proposer_(*draft.session, draft.session->open(draft.policy), sampler_, vocabulary) {}

  void propose(std::span<const TokenId> history, std::uint64_t index, const Guesses& most,
               Proposal& out) override {
    proposer_.propose(history, index, most, out);
  }
  bool draws() const override { return proposer_.draws(); }

 private:
  Sampler sampler_;
  DraftProposer proposer_;
};

}  // namespace

std::unique_ptr<TokenFilter> make_filter(std::string_view kind, std::string_view text,
                                         std::string_view place, const Tokenizer& tokenizer) {
  const bool schema = kind == "json-schema";
  if (!schema && kind != "grammar")
    throw Error(ErrorKind::usage, std::string(kind), "is no kind of filter",
                "grammar or json-schema");
  const Grammar grammar(schema ? grammar_from_json_schema(text, place) : std::string(text), place);
  return std::make_unique<GrammarFilter>(grammar, std::make_shared<const TokenTrie>(tokenizer));
}

std::unique_ptr<Proposer> make_proposer(std::string_view kind, const DraftModel& draft,
                                        std::int64_t vocabulary) {
  if (kind == "lookup") return std::make_unique<NgramProposer>();
  if (kind != "draft")
    throw Error(ErrorKind::usage, std::string(kind), "is no kind of proposer", "lookup or draft");
  if (draft.session == nullptr) throw Error(ErrorKind::invalid, "draft", "has no model");
  return std::make_unique<OwnDraft>(draft, vocabulary);
}

}  // namespace pliant::lm
