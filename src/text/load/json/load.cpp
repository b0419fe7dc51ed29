// tokenizer.json: the pipeline that the Hugging Face library writes.
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "text/load/assemble.h"
#include "text/load/json/gguf.h"
#include "text/load/json/steps.h"
#include "text/load/load.h"
#include "text/words/bytes.h"

namespace pliant {
namespace text {
namespace {

std::vector<AddedToken> added_tokens(const JsonNode& root) {
  std::vector<AddedToken> added;
  if (!root.has("added_tokens")) return added;
  for (const JsonNode& part : root.objects("added_tokens")) {
    const std::int64_t id = part.integer("id", -1);
    if (id < 0 || id >= max_pieces) part.fail("id", fmt::format("is no token id: {}", id));
    AddedToken token{.id = static_cast<TokenId>(id), .content = part.text("content")};
    if (token.content.empty()) part.fail("content", "is empty");
    token.special = part.truth("special", false);
    token.normalized = part.truth("normalized", !token.special);
    token.strip_left = part.truth("lstrip", false);
    token.strip_right = part.truth("rstrip", false);
    token.single_word = part.truth("single_word", false);
    added.push_back(std::move(token));
  }
  return added;
}

std::string model_type(const JsonNode& model) {
  if (model.has("type")) return model.text("type");
  if (model.has("merges")) return "BPE";
  return model.has("vocab") && model.json()["vocab"].is_array() ? "Unigram" : "WordPiece";
}

class JsonLoader {
 public:
  JsonLoader(const nlohmann::json& json, const TokenizerConfig& config, std::string_view place)
      : root_(json, place),
        model_(root_.object("model")),
        config_(config),
        place_(place),
        parts_(std::make_unique<Parts>()) {}

  std::shared_ptr<const Tokenizer> load() {
    type_ = model_type(model_);
    if (type_ != "BPE" && type_ != "Unigram" && type_ != "WordPiece")
      refuse(model_, fmt::format("model '{}': BPE, Unigram and WordPiece are known", type_));
    parts_->algorithm = type_ == "BPE" ? "bpe" : type_ == "Unigram" ? "unigram" : "wordpiece";
    parts_->added = added_tokens(root_);
    read_vocabulary();
    read_steps();
    make_model();
    if (root_.has("post_processor")) {
      PostProcessor ends = post_processor_of(root_.object("post_processor"), parts_->vocabulary);
      parts_->prefix = std::move(ends.prefix);
      parts_->suffix = std::move(ends.suffix);
    }
    Decoder decoder =
        decoder_of(root_.has("decoder") ? std::optional(root_.object("decoder")) : std::nullopt,
                   parts_->vocabulary);
    parts_->texts = std::move(decoder.texts);
    parts_->drop_first_space = decoder.drop_first_space;
    name_roles();
    parts_->chat = config_.chat;
    parts_->gguf = gguf_form(root_, pre_, merges_, *parts_);
    return finish(std::move(parts_));
  }

 private:
  void read_vocabulary() {
    PieceTable table;
    std::vector<float> scores;
    if (type_ == "Unigram") read_scored(table, scores);
    else read_named(table);
    for (const AddedToken& token : parts_->added)
      table.set(token.id, token.content, fmt::format("{}: added_tokens", place_));
    std::vector<PieceEntry> entries =
        table.take(fmt::format("{}: model.vocab with added_tokens", place_));
    for (std::size_t id = 0; id < scores.size(); ++id) entries[id].score = scores[id];
    unknown_.fuse = type_ == "Unigram" || model_.truth("fuse_unk", false);
    read_unknown(entries);
    mark_added(entries, parts_->added);
    const bool fallback = model_.truth("byte_fallback", false);
    for (PieceEntry& entry : entries)
      if (fallback && entry.kind == TokenKind::normal && byte_of_piece(entry.piece))
        entry.kind = TokenKind::byte;
    parts_->vocabulary = Vocabulary(std::move(entries), place_);
    if (fallback && has_byte_pieces(parts_->vocabulary))
      unknown_.bytes = byte_ids(parts_->vocabulary, place_);
  }

  void read_named(PieceTable& table) const {
    const JsonNode vocabulary = model_.object("vocab");
    for (const auto& [piece, id] : vocabulary.json().items()) {
      if (!id.is_number_integer()) vocabulary.fail(piece, "is not a token id");
      const bool huge = id.is_number_unsigned() && id.get<std::uint64_t>() > max_pieces;
      table.set(huge ? max_pieces : id.get<std::int64_t>(), piece,
                fmt::format("{}: key 'model.vocab.{}'", place_, piece));
    }
  }

  void read_scored(PieceTable& table, std::vector<float>& scores) const {
    for (const auto& entry : model_.list("vocab")) {
      if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number())
        model_.fail(fmt::format("vocab[{}]", scores.size()), "is no pair of a piece and its score");
      table.set(std::ssize(scores), entry[0].get<std::string>(),
                fmt::format("{}: key 'model.vocab[{}]'", place_, scores.size()));
      scores.push_back(entry[1].get<float>());
    }
  }

  void read_unknown(std::vector<PieceEntry>& entries) {
    std::int64_t id = -1;
    if (type_ == "Unigram") {
      id = model_.integer("unk_id", -1);
      if (id < -1 || id >= std::ssize(entries)) model_.fail("unk_id", fmt::format("is {}", id));
    } else if (model_.has("unk_token")) {
      const std::string name = model_.text("unk_token");
      const auto at = std::ranges::find(entries, name, &PieceEntry::piece);
      if (at != entries.end()) id = at - entries.begin();
      else if (type_ == "BPE") model_.fail("unk_token", fmt::format("'{}' is no token", name));
    }
    unknown_.id = static_cast<TokenId>(id);
    if (id >= 0) entries[id].kind = TokenKind::unknown;
  }

  void read_steps() {
    if (root_.has("normalizer")) parts_->normalizer = normalizer_of(root_.object("normalizer"));
    if (root_.has("pre_tokenizer")) add_pre_tokenizer(root_.object("pre_tokenizer"), true, pre_);
    parts_->splitters = pre_.splitters;
    if (pre_.bytes && type_ != "BPE") parts_->splitters.push_back(map_bytes());
  }

  std::vector<NamedMerge> named_merges() const {
    std::vector<NamedMerge> named;
    for (const auto& merge : model_.list("merges")) {
      const std::string where = fmt::format("{}: key 'model.merges[{}]'", place_, named.size());
      const bool pair =
          merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string();
      if (pair)
        named.emplace_back(merge[0].get_ref<const std::string&>(),
                           merge[1].get_ref<const std::string&>());
      else if (merge.is_string())
        named.push_back(split_merge(merge.get_ref<const std::string&>(), where));
      else throw Error(ErrorKind::format, where, "is no pair of pieces");
    }
    return named;
  }

  void make_model() {
    const Vocabulary& vocabulary = parts_->vocabulary;
    if (type_ == "Unigram") {
      parts_->model = unigram_model(vocabulary, unknown_);
    } else if (type_ == "WordPiece") {
      const std::int64_t longest = model_.integer("max_input_chars_per_word", 100);
      if (longest < 1) model_.fail("max_input_chars_per_word", fmt::format("is {}", longest));
      parts_->model = wordpiece_model(vocabulary, unknown_.id,
                                      {.continuing = model_.text("continuing_subword_prefix", "##"),
                                       .max_characters = static_cast<std::size_t>(longest)});
    } else {
      for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
        if (model_.has(key) && !model_.text(key).empty())
          refuse(model_, fmt::format("BPE with {}", key));
      merges_ =
          resolve_merges(vocabulary, named_merges(), fmt::format("{}: key 'model.merges'", place_));
      if (pre_.splitters.empty() && cuts_at_marks(vocabulary))
        parts_->splitters.push_back(split_at_marks());
      parts_->model =
          merge_model(vocabulary, merges_, unknown_,
                      {.bytes = pre_.bytes, .whole_words = model_.truth("ignore_merges", false)});
    }
  }

  void name_roles() {
    SpecialTokens& special = parts_->special;
    const Vocabulary& vocabulary = parts_->vocabulary;
    const auto first_of = [&](std::initializer_list<std::string_view> names) {
      for (const std::string_view name : names)
        if (const TokenId id = vocabulary.find(name);
            id >= 0 && vocabulary[id].kind != TokenKind::normal)
          return id;
      return TokenId{-1};
    };
    special.unknown = unknown_.id;
    special.pad = first_of({"<pad>", "[PAD]", "<|pad|>"});
    special.separator = first_of({"[SEP]"});
    special.classify = first_of({"[CLS]"});
    special.mask = first_of({"[MASK]", "<mask>"});
    special.bos =
        first_of({"<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>", "<|endoftext|>"});
    special.eos = first_of({"</s>", "<eos>", "<|end_of_text|>", "<|endoftext|>", "<|im_end|>"});
    if (parts_->prefix.size() == 1 && parts_->prefix[0] != special.classify)
      special.bos = parts_->prefix[0];
    TokenizerConfig roles = config_;
    roles.add_bos.reset();  // the post-processor decides
    roles.add_eos.reset();
    name_special(special, roles, vocabulary);
    special.add_bos = special.bos >= 0 && parts_->prefix == std::vector<TokenId>{special.bos};
    special.add_eos = special.eos >= 0 && parts_->suffix == std::vector<TokenId>{special.eos};
  }

  JsonNode root_, model_;
  const TokenizerConfig& config_;
  std::string place_, type_;
  std::unique_ptr<Parts> parts_;
  PreTokenizer pre_;
  Unknown unknown_;
  std::vector<Merge> merges_;
};

}  // namespace
}  // namespace text

std::shared_ptr<const Tokenizer> tokenizer_from_json(std::string_view json_text,
                                                     std::string_view config_text,
                                                     std::string_view place,
                                                     const ChatSource& chat) {
  const text::TokenizerConfig config = text::read_config(config_text, place, chat);
  const nlohmann::json json = parse_json(json_text, place);
  return text::JsonLoader(json, config, place).load();
}

}  // namespace pliant
