#include "text/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <functional>

#include "core/error.h"
#include "text/words/bytes.h"

namespace pliant::text {
namespace {

// Ids of words met before in one text; a word's place is overwritten by the next that falls on it.
class WordCache {
 public:
  WordCache(std::size_t words, std::vector<TokenId>& ids)
      : ids_(ids), slots_(words < 64 ? 0 : std::min<std::size_t>(std::bit_ceil(words), 1 << 14)) {}

  void encode(std::string_view word, const SubwordModel& model) {
    if (slots_.empty() || word.size() > 64) return model.encode(word, ids_);
    Slot& slot = slots_[std::hash<std::string_view>()(word) & (slots_.size() - 1)];
    const std::size_t begin = ids_.size();
    if (slot.word == word) {
      ids_.resize(begin + slot.count);
      std::copy_n(ids_.begin() + slot.begin, slot.count, ids_.begin() + begin);
      return;
    }
    model.encode(word, ids_);
    slot = {word, begin, ids_.size() - begin};
  }

 private:
  struct Slot {
    std::string_view word;  // empty: free
    std::size_t begin = 0, count = 0;
  };
  std::vector<TokenId>& ids_;
  std::vector<Slot> slots_;
};

constexpr std::array<std::string_view, 20> end_names = {"<|eot_id|>",
                                                        "<|im_end|>",
                                                        "<|end|>",
                                                        "<end_of_turn>",
                                                        "<|endoftext|>",
                                                        "<|end_of_text|>",
                                                        "<EOT>",
                                                        "<|eom_id|>",
                                                        "<|return|>",
                                                        "<|call|>",
                                                        "<|end_of_turn|>",
                                                        "<|EOT|>",
                                                        "<|END_OF_TURN_TOKEN|>",
                                                        "</s>",
                                                        "_<EOT>",
                                                        "<|endofprompt|>",
                                                        "<|eot|>",
                                                        "<|eom|>",
                                                        "<｜end▁of▁sentence｜>",
                                                        "<end_of_utterance>"};

}  // namespace

Pipeline::Pipeline(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {
  std::vector<AddedToken> raw, normalized;
  for (const AddedToken& token : parts_->added) {
    if (token.normalized && parts_->normalizer) {
      normalized.push_back(token);
      normalized.back().content = parts_->normalizer->apply(token.content);
    } else {
      raw.push_back(token);
    }
  }
  raw_ = AddedFinder(std::move(raw));
  normalized_ = AddedFinder(std::move(normalized));
}

TokenId Pipeline::checked(TokenId id) const {
  if (id < 0 || id >= size())
    throw Error(ErrorKind::invalid, "token id",
                fmt::format("{} is outside of the vocabulary of {}", id, size()));
  return id;
}

std::vector<TokenId> Pipeline::encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<TokenId> ids;
  if (options.add_special) ids = parts_->prefix;
  for (const Segment& segment : raw_.split(text, options.parse_special)) {
    if (segment.id >= 0) ids.push_back(segment.id);
    else encode_plain(segment.text, segment.text.data() == text.data(), options.parse_special, ids);
  }
  if (options.add_special) ids.insert(ids.end(), parts_->suffix.begin(), parts_->suffix.end());
  return ids;
}

void Pipeline::encode_plain(std::string_view text, bool leading, bool parse_special,
                            std::vector<TokenId>& ids) const {
  if (!parts_->normalizer) return encode_words(text, leading, ids);
  const std::string normal = parts_->normalizer->apply(std::string(text));
  for (const Segment& segment : normalized_.split(normal, parse_special)) {
    if (segment.id >= 0) ids.push_back(segment.id);
    else encode_words(segment.text, leading && segment.text.data() == normal.data(), ids);
  }
}

void Pipeline::encode_words(std::string_view text, bool leading, std::vector<TokenId>& ids) const {
  Words words{std::string(text)};
  words.leading = leading;
  for (const auto& step : parts_->splitters) step->apply(words);
  WordCache cache(words.words.size(), ids);
  for (const Word& word : words.words) cache.encode(words.view(word), *parts_->model);
}

std::string Pipeline::decode(std::span<const TokenId> ids, bool special) const {
  std::string text;
  bool leading = parts_->drop_first_space;
  for (const TokenId id : ids) {
    if (kind(id) == TokenKind::control) {
      if (special) text += piece(id);
      continue;
    }
    std::string_view more = parts_->texts[id];
    const bool drop = leading && text.empty() && more.starts_with(' ') &&
                      !(parts_->drop_first_spaces && kind(id) == TokenKind::unknown);
    if (drop) more.remove_prefix(1);
    leading = leading && drop && parts_->drop_first_spaces;
    text += more;
  }
  return text;
}

std::string Pipeline::bytes(TokenId id) const {
  return kind(id) == TokenKind::control ? "" : parts_->texts[id];
}

std::optional<TokenId> Pipeline::find(std::string_view piece) const {
  const TokenId id = parts_->vocabulary.find(piece);
  return id < 0 ? std::nullopt : std::optional(id);
}

void find_ends(SpecialTokens& special, const Vocabulary& vocabulary) {
  std::vector<TokenId>& ends = special.end_of_generation;
  if (special.eos >= 0) ends.push_back(special.eos);
  for (const std::string_view name : end_names) {
    const TokenId id = vocabulary.find(name);
    if (id < 0) continue;
    const TokenKind kind = vocabulary[id].kind;
    if (kind == TokenKind::control || kind == TokenKind::user_defined) ends.push_back(id);
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
}

std::vector<std::string> byte_level_texts(const Vocabulary& vocabulary) {
  std::vector<std::string> texts;
  texts.reserve(vocabulary.size());
  for (const PieceEntry& entry : vocabulary.entries()) {
    const bool plain = entry.kind == TokenKind::control || entry.kind == TokenKind::user_defined;
    texts.push_back(plain ? entry.piece : bytes_of_characters(entry.piece).value_or(entry.piece));
  }
  return texts;
}

std::vector<std::string> sentencepiece_texts(const Vocabulary& vocabulary,
                                             std::string_view unknown) {
  std::vector<std::string> texts;
  texts.reserve(vocabulary.size());
  for (const PieceEntry& entry : vocabulary.entries()) {
    std::string& text = texts.emplace_back(entry.piece);
    const auto byte = byte_of_piece(entry.piece);
    if (entry.kind == TokenKind::unknown) text = unknown;
    else if (entry.kind == TokenKind::byte && byte) text = std::string(1, static_cast<char>(*byte));
    else replace_all(text, space_mark, " ");
  }
  return texts;
}

}  // namespace pliant::text
