// What loaders share: pieces by id, merges by name, special tokens of tokenizer_config.json,
// finished tokenizers.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/pipeline.h"
#include "text/words/families.h"

namespace pliant::text {

// Pieces as files name them, in any order.
class PieceTable {
 public:
  // Throws Error{format} naming `where` for an id below 0 or one that has another piece already.
  void set(std::int64_t id, const std::string& piece, const std::string& where);
  // Throws Error{format} for an id without a piece or two ids with one piece.
  std::vector<PieceEntry> take(std::string_view place);

 private:
  std::map<std::int64_t, std::string> pieces_;
};

using NamedMerge = std::pair<std::string_view, std::string_view>;

// Throws Error{format} naming the merge's number for one with a part or a result that is no piece.
std::vector<Merge> resolve_merges(const Vocabulary& vocabulary,
                                  const std::vector<NamedMerge>& merges, std::string_view place);
// "a b"; throws Error{format} naming `where`.
NamedMerge split_merge(std::string_view line, const std::string& where);

// What tokenizer_config.json says; everything absent if the text is empty. Throws Error{format}
// naming the key.
struct TokenizerConfig {
  std::map<std::string, std::string, std::less<>> tokens;  // "bos_token" to "<s>" ...
  std::optional<bool> add_bos, add_eos, add_prefix_space;
  std::vector<AddedToken> added;
  ChatSource chat;
  std::string tokenizer_class;
};
// `chat`: see tokenizer.h.
TokenizerConfig read_config(std::string_view text, std::string_view place, const ChatSource& chat);

// Special tokens by the config's names for them.
void name_special(SpecialTokens& special, const TokenizerConfig& config,
                  const Vocabulary& vocabulary);

// Kinds of pieces that are added tokens: control if special, else user_defined.
void mark_added(std::vector<PieceEntry>& entries, const std::vector<AddedToken>& added);
// Added tokens for all pieces of kind control, unknown (both special) and user_defined.
std::vector<AddedToken> added_by_kind(const Vocabulary& vocabulary);

// prefix and suffix from special.add_bos and add_eos.
void surround(Parts& parts);

struct ByteBpe {
  std::vector<PieceEntry> entries{};
  std::vector<NamedMerge> merges{};
  const TokenizerFamily* family = nullptr;
  std::vector<AddedToken> added{};  // empty: by kind
  bool space_prefix = false;
};
// Byte-level BPE with a family's splitting: everything but special tokens and what depends on them.
std::unique_ptr<Parts> byte_bpe_parts(ByteBpe source, std::string_view place);

std::shared_ptr<const Tokenizer> finish(std::unique_ptr<Parts> parts);

}  // namespace pliant::text
