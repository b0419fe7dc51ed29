#include "text/load/spm.h"

#include "core/error.h"
#include "text/words/bytes.h"

namespace pliant::text {
namespace {

std::vector<AddedToken> added_of_source(const SentencePieceSource& source,
                                        const Vocabulary& vocabulary) {
  std::vector<AddedToken> added;
  for (AddedToken& token : added_by_kind(vocabulary))
    if (token.special || source.whole_before) added.push_back(std::move(token));
  for (const AddedToken& token : source.added) {
    std::erase_if(added, [&](const AddedToken& each) { return each.id == token.id; });
    added.push_back(token);
  }
  return added;
}

std::vector<std::string> user_defined(const Vocabulary& vocabulary) {
  std::vector<std::string> pieces;
  for (const PieceEntry& entry : vocabulary.entries())
    if (entry.kind == TokenKind::user_defined) pieces.push_back(entry.piece);
  return pieces;
}

}  // namespace

std::unique_ptr<Parts> sentencepiece_parts(SentencePieceSource source, std::string_view place) {
  auto parts = std::make_unique<Parts>();
  parts->algorithm = source.unigram ? "unigram" : "spm";
  parts->vocabulary = Vocabulary(std::move(source.entries), place);
  const Vocabulary& vocabulary = parts->vocabulary;
  parts->added = added_of_source(source, vocabulary);
  parts->normalizer = normalize_sentencepiece(Charsmap(source.charsmap, place),
                                              user_defined(vocabulary), source.normalization);
  Unknown unknown{.fuse = true};
  for (TokenId id = 0; id < vocabulary.size() && unknown.id < 0; ++id)
    if (vocabulary[id].kind == TokenKind::unknown) unknown.id = id;
  if (source.byte_fallback) unknown.bytes = byte_ids(vocabulary, place);
  parts->special.unknown = unknown.id;
  if (!source.unigram && cuts_at_marks(vocabulary)) parts->splitters.push_back(split_at_marks());
  parts->model = source.unigram ? unigram_model(vocabulary, std::move(unknown))
                                : score_model(vocabulary, std::move(unknown));
  parts->texts = sentencepiece_texts(vocabulary, source.unknown_text);
  parts->drop_first_space =
      source.normalization.dummy_prefix || source.normalization.remove_extra_spaces;
  parts->drop_first_spaces = source.normalization.remove_extra_spaces;
  parts->gguf = {.model = source.unigram ? "t5" : "llama",
                 .pre = "default",
                 .space_prefix = source.normalization.dummy_prefix,
                 .remove_extra_spaces = source.normalization.remove_extra_spaces,
                 .charsmap = source.charsmap};
  if (source.normalization.suffix || !source.normalization.escape_spaces)
    parts->gguf.refusal = "spaces are written as suffixes or not at all";
  return parts;
}

}  // namespace pliant::text
