#include "text/load/json/gguf.h"

#include <algorithm>

#include "text/words/bytes.h"
#include "text/words/families.h"

namespace pliant::text {
namespace {

GgufForm refused(std::string why) { return {.refusal = std::move(why)}; }

// The steps of a sequence, or the one that stands alone.
std::vector<JsonNode> steps_of(const JsonNode& root, std::string_view key, std::string_view list) {
  if (!root.has(key)) return {};
  const JsonNode part = root.object(key);
  return part.text("type") == "Sequence" ? part.objects(list) : std::vector<JsonNode>{part};
}

GgufForm byte_level_form(const JsonNode& root, const PreTokenizer& pre,
                         std::span<const Merge> merges) {
  const std::vector<JsonNode> normalizers = steps_of(root, "normalizer", "normalizers");
  const bool nfc = normalizers.size() == 1 && normalizers[0].text("type") == "NFC";
  if (!normalizers.empty() && !nfc)
    return refused("byte-level BPE with a normaliser other than NFC");
  const bool whole = root.object("model").truth("ignore_merges", false);
  const TokenizerFamily* family = pre.plain ? find_family(pre.patterns, nfc, whole) : nullptr;
  if (family == nullptr) return refused("GGUF has no name for its pre-tokenizer");
  GgufForm form{
      .model = "gpt2", .pre = std::string(family->names[0]), .space_prefix = pre.space_prefix};
  for (const Merge& merge : merges) form.merges.emplace_back(merge.left, merge.right);
  return form;
}

struct SpaceRules {
  bool known = true, marks = false, prefix = false;
};

SpaceRules space_rules(const JsonNode& root, const Parts& parts) {
  SpaceRules rules;
  for (const JsonNode& step : steps_of(root, "normalizer", "normalizers")) {
    const std::string type = step.text("type");
    const bool literal = type == "Replace" && step.object("pattern").has("String");
    if (type == "Prepend" && step.text("prepend") == space_mark) rules.prefix = true;
    else if (literal && step.object("pattern").text("String") == " " &&
             step.text("content") == space_mark)
      rules.marks = true;
    else rules.known = false;
  }
  for (const JsonNode& step : steps_of(root, "pre_tokenizer", "pretokenizers")) {
    const bool meta = step.text("type") == "Metaspace" &&
                      step.text("replacement", std::string(space_mark)) == space_mark;
    const bool cuts = step.truth("split", true) && !cuts_at_marks(parts.vocabulary);
    rules.known = rules.known && meta && !cuts;
    rules.marks = true;
    rules.prefix =
        step.text("prepend_scheme", "always") != "never" && step.truth("add_prefix_space", true);
  }
  rules.known = rules.known && rules.marks;
  return rules;
}

// Scores that make SentencePiece's BPE do the merges in their order: minus the first rank that
// gives the piece. Nothing if it would do others as well.
bool score_merges(std::span<const Merge> merges, const Vocabulary& vocabulary,
                  std::vector<float>& scores) {
  std::vector<std::size_t> ways(vocabulary.size(), 0);
  scores.assign(ways.size(), -static_cast<float>(merges.size()));
  for (std::size_t rank = merges.size(); rank-- > 0;) {
    scores[merges[rank].merged] = -static_cast<float>(rank);
    ++ways[merges[rank].merged];
  }
  const auto plain = [&](std::string_view piece) {
    const TokenId id = vocabulary.find(piece);
    return id >= 0 && vocabulary[id].kind == TokenKind::normal;
  };
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary[id].kind != TokenKind::normal) continue;
    const std::string_view piece = vocabulary[id].piece;
    std::size_t possible = 0;
    for (std::size_t at = first_char(piece).size; at < piece.size();
         at += first_char(piece.substr(at)).size)
      possible += plain(piece.substr(0, at)) && plain(piece.substr(at)) ? 1u : 0u;
    if (possible != ways[id]) return false;
  }
  return true;
}

GgufForm spaced_form(const JsonNode& root, std::span<const Merge> merges, const Parts& parts) {
  const bool unigram = parts.algorithm == "unigram";
  const SpaceRules rules = space_rules(root, parts);
  if (!rules.known) return refused("its normaliser or pre-tokenizer is not SentencePiece's");
  GgufForm form{.model = unigram ? "t5" : "llama", .pre = "default", .space_prefix = rules.prefix};
  if (unigram) return form;
  if (!score_merges(merges, parts.vocabulary, form.scores))
    return refused("its merges are not all that its pieces allow");
  return form;
}

// Beginnings of words carry "▁", continuations are bare.
GgufForm wordpiece_form(const JsonNode& root, const Parts& parts) {
  const std::vector<JsonNode> normalizers = steps_of(root, "normalizer", "normalizers");
  const bool bert = normalizers.size() == 1 && normalizers[0].text("type") == "BertNormalizer" &&
                    normalizers[0].truth("lowercase", true) &&
                    normalizers[0].truth("strip_accents", true) &&
                    normalizers[0].truth("clean_text", true) &&
                    normalizers[0].truth("handle_chinese_chars", true);
  const std::vector<JsonNode> cuts = steps_of(root, "pre_tokenizer", "pretokenizers");
  if (!bert || cuts.size() != 1 || cuts[0].text("type") != "BertPreTokenizer")
    return refused("WordPiece other than uncased BERT's");
  const std::string continuing = root.object("model").text("continuing_subword_prefix", "##");
  GgufForm form{.model = "bert", .pre = "default"};
  for (const PieceEntry& entry : parts.vocabulary.entries()) {
    const bool plain = entry.kind == TokenKind::normal;
    if (plain && entry.piece.starts_with(continuing))
      form.pieces.push_back(entry.piece.substr(continuing.size()));
    else form.pieces.push_back(plain ? std::string(space_mark) + entry.piece : entry.piece);
  }
  return form;
}

}  // namespace

GgufForm gguf_form(const JsonNode& root, const PreTokenizer& pre, std::span<const Merge> merges,
                   const Parts& parts) {
  if (parts.prefix.size() > 1 || parts.suffix.size() > 1)
    return refused("it puts more than one token around a text");
  if (parts.algorithm == "wordpiece") return wordpiece_form(root, parts);
  if (parts.algorithm == "bpe" && pre.bytes) return byte_level_form(root, pre, merges);
  return spaced_form(root, merges, parts);
}

}  // namespace pliant::text
