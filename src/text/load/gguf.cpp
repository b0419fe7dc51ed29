// tokenizer.ggml.* of GGUF files.
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "text/load/load.h"
#include "text/load/spm.h"
#include "text/words/bytes.h"

namespace pliant {
namespace text {
namespace {

constexpr std::string_view prefix = "tokenizer.ggml.";
const std::string none = "none";  // how a model says that it has no tokenizer

class GgufTokenizer {
 public:
  GgufTokenizer(const Gguf& file, std::string_view place) : file_(file), place_(place) {}

  std::shared_ptr<const Tokenizer> load() {
    const bool given = file_.find(key("model")) != nullptr;
    const std::string& model = given ? file_.text(key("model")) : none;
    if (model == none)
      throw Error(ErrorKind::not_found, place_, "holds no tokenizer (key 'tokenizer.ggml.model')",
                  "name a tokenizer file or folder");
    auto parts = model == "gpt2"    ? byte_level()
                 : model == "llama" ? sentencepiece(false)
                 : model == "t5"    ? sentencepiece(true)
                 : model == "bert"  ? wordpiece()
                                    : nullptr;
    if (!parts)
      throw Error(
          ErrorKind::unsupported, place_,
          fmt::format("tokenizer.ggml.model '{}': gpt2, llama, t5 and bert are known", model));
    constexpr std::string_view chat = "tokenizer.chat_template";
    if (file_.find(chat) != nullptr)
      parts->chat = {file_.text(chat), fmt::format("{}: key '{}'", place_, chat)};
    return finish(std::move(parts));
  }

 private:
  static std::string key(std::string_view name) { return fmt::format("{}{}", prefix, name); }
  [[noreturn]] void fail(std::string_view name, const std::string& problem) const {
    throw Error(ErrorKind::format, place_, fmt::format("key '{}{}' {}", prefix, name, problem));
  }
  bool truth(std::string_view name, bool otherwise) const {
    return file_.find(key(name)) == nullptr ? otherwise : file_.truth(key(name));
  }

  std::vector<PieceEntry> entries(bool scored) const {
    const std::vector<std::string>& pieces = file_.texts(key("tokens"));
    std::vector<PieceEntry> entries;
    for (const std::string& piece : pieces) entries.push_back({.piece = piece});
    if (scored || file_.find(key("scores")) != nullptr) {
      const std::vector<double> scores = file_.numbers(key("scores"));
      if (scores.size() != pieces.size())
        fail("scores", fmt::format("has {} entries for {} tokens", scores.size(), pieces.size()));
      for (std::size_t id = 0; id < scores.size(); ++id)
        entries[id].score = static_cast<float>(scores[id]);
    }
    if (file_.find(key("token_type")) != nullptr) set_kinds(entries);
    for (PieceEntry& entry : entries)
      if (entry.piece.empty()) entry.kind = TokenKind::unused;
    return entries;
  }

  void set_kinds(std::vector<PieceEntry>& entries) const {
    const std::vector<std::int64_t> types = file_.integers(key("token_type"));
    if (types.size() != entries.size())
      fail("token_type", fmt::format("has {} entries for {} tokens", types.size(), entries.size()));
    constexpr TokenKind kinds[] = {TokenKind::normal,  TokenKind::normal,       TokenKind::unknown,
                                   TokenKind::control, TokenKind::user_defined, TokenKind::unused,
                                   TokenKind::byte};
    for (std::size_t id = 0; id < types.size(); ++id) {
      if (types[id] < 0 || types[id] > 6)
        fail("token_type", fmt::format("of token {} is {}", id, types[id]));
      entries[id].kind = kinds[types[id]];
    }
  }

  // The id under `name`, if the file has it; -1 there means that there is none.
  void read_id(std::string_view name, TokenId& id, const Vocabulary& vocabulary) const {
    if (file_.find(key(name)) == nullptr) return;
    const std::int64_t value = file_.integer(key(name));
    if (value == -1 || value == 0xFFFFFFFF) {
      id = -1;
      return;
    }
    if (value < 0 || value >= vocabulary.size())
      fail(name, fmt::format("is {}, of {} tokens", value, vocabulary.size()));
    id = static_cast<TokenId>(value);
  }

  void read_special(Parts& parts, bool add_bos, bool add_eos) const {
    SpecialTokens& special = parts.special;
    read_id("bos_token_id", special.bos, parts.vocabulary);
    read_id("eos_token_id", special.eos, parts.vocabulary);
    read_id("unknown_token_id", special.unknown, parts.vocabulary);
    read_id("padding_token_id", special.pad, parts.vocabulary);
    // the format's own spelling
    read_id("seperator_token_id", special.separator, parts.vocabulary);
    read_id("cls_token_id", special.classify, parts.vocabulary);
    read_id("mask_token_id", special.mask, parts.vocabulary);
    for (const char* name : {"eot_token_id", "eom_token_id"}) {
      TokenId end = -1;
      read_id(name, end, parts.vocabulary);
      if (end >= 0) special.end_of_generation.push_back(end);
    }
    special.add_bos = truth("add_bos_token", add_bos) && special.bos >= 0;
    special.add_eos = truth("add_eos_token", add_eos) && special.eos >= 0;
    surround(parts);
  }

  std::unique_ptr<Parts> byte_level() const {
    const std::string name = file_.find(key("pre")) == nullptr ? "default" : file_.text(key("pre"));
    const TokenizerFamily* family = find_family(name);
    if (family == nullptr)
      throw Error(ErrorKind::unsupported, place_,
                  fmt::format("tokenizer.ggml.pre '{}' is not known", name),
                  "take the tokenizer from tokenizer.json beside the original model");
    ByteBpe source{.entries = entries(false),
                   .family = family,
                   .space_prefix = truth("add_space_prefix", false)};
    for (const std::string& merge : file_.texts(key("merges")))
      source.merges.push_back(split_merge(
          merge, fmt::format("{}: {} entry {}", place_, key("merges"), source.merges.size())));
    auto parts = byte_bpe_parts(std::move(source), place_);
    parts->gguf.pre = name;
    read_special(*parts, family->add_bos, false);
    return parts;
  }

  std::unique_ptr<Parts> sentencepiece(bool unigram) const {
    SentencePieceSource source{.unigram = unigram, .entries = entries(true), .whole_before = true};
    source.normalization.dummy_prefix = truth("add_space_prefix", true);
    source.normalization.remove_extra_spaces = truth("remove_extra_whitespaces", unigram);
    if (file_.find(key("precompiled_charsmap")) != nullptr)
      for (const std::int64_t byte : file_.integers(key("precompiled_charsmap")))
        source.charsmap.push_back(static_cast<char>(byte));
    source.byte_fallback = std::ranges::any_of(
        source.entries, [](const PieceEntry& entry) { return entry.kind == TokenKind::byte; });
    auto parts = sentencepiece_parts(std::move(source), place_);
    read_special(*parts, !unigram, unigram);
    return parts;
  }

  // Pieces at the beginning of a word carry "▁", pieces inside of one are bare.
  std::unique_ptr<Parts> wordpiece() const {
    auto parts = std::make_unique<Parts>();
    parts->algorithm = "wordpiece";
    parts->vocabulary = Vocabulary(entries(false), place_);
    read_special(*parts, false, false);
    SpecialTokens& special = parts->special;
    if (special.unknown < 0) special.unknown = parts->vocabulary.find("[UNK]");
    parts->added = added_by_kind(parts->vocabulary);
    BertNormalization rules;
    rules.lower = rules.strip_accents = truth("normalizer.lowercase", true);
    parts->normalizer = normalize_bert(rules);
    parts->splitters.push_back(split_bert());
    parts->model =
        wordpiece_model(parts->vocabulary, special.unknown, {.beginning = std::string(space_mark)});
    for (const PieceEntry& entry : parts->vocabulary.entries()) {
      std::string& text = parts->texts.emplace_back(entry.piece);
      if (entry.kind == TokenKind::unknown) text = " " + text;
      else replace_all(text, space_mark, " ");
      clean_up_spaces(text);
    }
    parts->drop_first_space = true;
    if (special.classify < 0) special.classify = special.bos;
    if (truth("add_bos_token", true) && special.classify >= 0) parts->prefix = {special.classify};
    if (truth("add_eos_token", true) && special.separator >= 0) parts->suffix = {special.separator};
    parts->gguf = {.model = "bert", .pre = "default"};
    return parts;
  }

  const Gguf& file_;
  std::string place_;
};

}  // namespace
}  // namespace text

std::shared_ptr<const Tokenizer> tokenizer_from_gguf(const Gguf& file, std::string_view place) {
  try {
    return text::GgufTokenizer(file, place).load();
  } catch (const Error& error) {
    if (error.place() == place || error.place().starts_with(place)) throw;
    throw Error(error.kind(), std::string(place) + ": " + error.place(), error.problem(),
                error.next_step());
  }
}

}  // namespace pliant
