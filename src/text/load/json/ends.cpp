// Post-processors and decoders of tokenizer.json: what follows the model.
#include <fmt/format.h>

#include <algorithm>

#include "text/load/json/steps.h"
#include "text/words/bytes.h"

namespace pliant::text {
namespace {

TokenId template_id(const JsonNode& part, const std::string& name, const Vocabulary& vocabulary) {
  const TokenId id = vocabulary.find(name);
  if (id < 0) part.fail("", fmt::format("names the token '{}', which the vocabulary lacks", name));
  return id;
}

// The ids of a special token of a template: listed under special_tokens, else by its name.
std::vector<TokenId> special_ids(const JsonNode& part, const std::string& name,
                                 const Vocabulary& vocabulary) {
  if (!part.has("special_tokens")) return {template_id(part, name, vocabulary)};
  const JsonNode tokens = part.object("special_tokens");
  if (!tokens.has(name)) return {template_id(part, name, vocabulary)};
  const JsonNode token = tokens.object(name);
  std::vector<TokenId> ids;
  for (const JsonNode& id : token.at("ids").items())
    ids.push_back(static_cast<TokenId>(id.integer(0, vocabulary.size() - 1)));
  return ids;
}

PostProcessor template_of_json(const JsonNode& part, const Vocabulary& vocabulary) {
  PostProcessor made;
  bool before = true;
  for (const JsonNode& item : part.objects("single")) {
    if (item.has("Sequence")) {
      before = false;
    } else if (item.has("SpecialToken")) {
      const std::vector<TokenId> ids =
          special_ids(part, item.object("SpecialToken").text("id"), vocabulary);
      std::vector<TokenId>& side = before ? made.prefix : made.suffix;
      side.insert(side.end(), ids.begin(), ids.end());
    } else {
      item.fail("", "is neither Sequence nor SpecialToken");
    }
  }
  if (before) part.fail("single", "has no place for the text");
  return made;
}

// ["[CLS]", 101]
TokenId pair_id(const JsonNode& part, std::string_view key, const Vocabulary& vocabulary) {
  const std::vector<JsonNode> pair = part.at(key).items();
  if (pair.size() != 2) part.fail(key, "is no pair of a token and its id");
  return static_cast<TokenId>(pair[1].integer(0, vocabulary.size() - 1));
}

void add_post_processor(const JsonNode& part, const Vocabulary& vocabulary, PostProcessor& made) {
  const std::string type = part.text("type");
  const auto add = [&](const PostProcessor& more) {
    made.prefix.insert(made.prefix.begin(), more.prefix.begin(), more.prefix.end());
    made.suffix.insert(made.suffix.end(), more.suffix.begin(), more.suffix.end());
  };
  if (type == "Sequence")
    for (const JsonNode& each : part.objects("processors"))
      add_post_processor(each, vocabulary, made);
  else if (type == "TemplateProcessing") add(template_of_json(part, vocabulary));
  else if (type == "BertProcessing" || type == "RobertaProcessing")
    add({{pair_id(part, "cls", vocabulary)}, {pair_id(part, "sep", vocabulary)}});
  else if (type != "ByteLevel") refuse(part, fmt::format("post-processor '{}'", type));
}

// Decoders rewrite the text of each piece in turn.
class DecoderBuilder {
 public:
  explicit DecoderBuilder(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
    for (const PieceEntry& entry : vocabulary.entries()) made_.texts.push_back(entry.piece);
  }

  void add(const JsonNode& part) {
    const std::string type = part.text("type");
    if (type == "Sequence")
      for (const JsonNode& each : part.objects("decoders")) add(each);
    else if (type == "ByteLevel") made_.texts = byte_level_texts(vocabulary_);
    else if (type == "WordPiece") wordpiece(part.text("prefix", "##"), part.truth("cleanup", true));
    else if (type == "Metaspace") metaspace(part);
    else if (type == "ByteFallback") byte_fallback();
    else if (type == "Fuse") fused_ = true;
    else if (type == "Replace") replace(part);
    else if (type == "Strip") strip(part);
    else refuse(part, fmt::format("decoder '{}'", type));
  }

  void spaced() {  // no decoder: pieces with spaces between them
    each_text([](std::string& text, TokenKind) { text.insert(0, " "); });
    made_.drop_first_space = true;
  }

  Decoder take() { return std::move(made_); }

 private:
  template <typename Change>
  void each_text(const Change& change) {
    for (TokenId id = 0; id < vocabulary_.size(); ++id) {
      const TokenKind kind = vocabulary_[id].kind;
      if (kind != TokenKind::control) change(made_.texts[id], kind);
    }
  }
  void wordpiece(const std::string& prefix, bool clean) {
    each_text([&](std::string& text, TokenKind) {
      if (text.starts_with(prefix)) text.erase(0, prefix.size());
      else text.insert(0, " ");
      if (clean) clean_up_spaces(text);
    });
    made_.drop_first_space = true;
  }
  void metaspace(const JsonNode& part) {
    const std::string mark = part.text("replacement", std::string(space_mark));
    each_text([&](std::string& text, TokenKind) { replace_all(text, mark, " "); });
    made_.drop_first_space =
        part.text("prepend_scheme", "always") != "never" && part.truth("add_prefix_space", true);
  }
  void byte_fallback() {
    each_text([&](std::string& text, TokenKind) {
      if (const auto byte = byte_of_piece(text)) text = std::string(1, static_cast<char>(*byte));
    });
  }
  void replace(const JsonNode& part) {
    const JsonNode pattern = part.object("pattern");
    if (!pattern.has("String")) refuse(part, "a decoder that replaces by a regular expression");
    const std::string from = pattern.text("String"), to = part.text("content");
    each_text([&](std::string& text, TokenKind) { replace_all(text, from, to); });
  }
  void strip(const JsonNode& part) {
    const bool one_space = part.text("content") == " " && part.integer("start", 0) == 1 &&
                           part.integer("stop", 0) == 0;
    if (!fused_ || !one_space)
      refuse(part, "a Strip decoder other than of the first space of the fused text");
    made_.drop_first_space = true;
  }

  const Vocabulary& vocabulary_;
  Decoder made_;
  bool fused_ = false;
};

}  // namespace

PostProcessor post_processor_of(const JsonNode& part, const Vocabulary& vocabulary) {
  PostProcessor made;
  add_post_processor(part, vocabulary, made);
  return made;
}

Decoder decoder_of(const std::optional<JsonNode>& part, const Vocabulary& vocabulary) {
  DecoderBuilder builder(vocabulary);
  if (part) builder.add(*part);
  else builder.spaced();
  return builder.take();
}

}  // namespace pliant::text
