#include "text/load/json/steps.h"

#include <fmt/format.h>

#include "core/error.h"
#include "text/words/bytes.h"
#include "text/words/families.h"

namespace pliant::text {

void refuse(const JsonNode& part, const std::string& what) {
  throw Error(ErrorKind::unsupported, part.place(), what);
}

namespace {

std::optional<std::string> base64_bytes(std::string_view text) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int held = 0;
  while (text.ends_with('=')) text.remove_suffix(1);
  for (const char c : text) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) return {};
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes.push_back(static_cast<char>(bits >> held & 0xFF));
  }
  return bytes;
}

// {"String": ".."} or {"Regex": ".."}
struct Pattern {
  std::string text;
  bool regex;
};
Pattern pattern_of(const JsonNode& part) {
  const JsonNode pattern = part.object("pattern");
  if (pattern.has("String")) return {pattern.text("String"), false};
  if (pattern.has("Regex")) return {pattern.text("Regex"), true};
  part.fail("pattern", "is neither String nor Regex");
}

SplitBehaviour behaviour_of(const JsonNode& part, std::string_view otherwise) {
  const std::string name = part.text("behavior", std::string(otherwise));
  constexpr std::pair<std::string_view, SplitBehaviour> behaviours[] = {
      {"Removed", SplitBehaviour::removed},
      {"Isolated", SplitBehaviour::isolated},
      {"MergedWithPrevious", SplitBehaviour::merged_with_previous},
      {"MergedWithNext", SplitBehaviour::merged_with_next},
      {"Contiguous", SplitBehaviour::contiguous}};
  for (const auto& [word, behaviour] : behaviours)
    if (word == name) return behaviour;
  part.fail("behavior", fmt::format("is '{}'", name));
}

std::shared_ptr<const Normalizer> bert_normalizer_of(const JsonNode& part) {
  BertNormalization options;
  options.clean = part.truth("clean_text", true);
  options.chinese = part.truth("handle_chinese_chars", true);
  options.lower = part.truth("lowercase", true);
  options.strip_accents = part.truth("strip_accents", options.lower);
  return normalize_bert(options);
}

std::shared_ptr<const Normalizer> replacement_of(const JsonNode& part) {
  const Pattern pattern = pattern_of(part);
  const std::string content = part.text("content");
  return pattern.regex ? normalize_replace(Regex(pattern.text, part.place()), content)
                       : normalize_replace(pattern.text, content);
}

std::shared_ptr<const Normalizer> precompiled_of(const JsonNode& part) {
  const auto blob = base64_bytes(part.text("precompiled_charsmap", ""));
  if (!blob) part.fail("precompiled_charsmap", "is not base64");
  return normalize_charsmap(Charsmap(*blob, part.place()));
}

PrefixScheme prefix_scheme_of(const JsonNode& part) {
  if (!part.has("prepend_scheme"))
    return part.truth("add_prefix_space", true) ? PrefixScheme::always : PrefixScheme::never;
  const std::string name = part.text("prepend_scheme");
  if (name == "always") return PrefixScheme::always;
  if (name == "first") return PrefixScheme::first;
  if (name == "never") return PrefixScheme::never;
  part.fail("prepend_scheme", fmt::format("is '{}'", name));
}

void add_cut(std::shared_ptr<const Splitter> step, PreTokenizer& made) {
  made.splitters.push_back(std::move(step));
  made.plain = false;
}

void add_pattern(const std::string& pattern, const std::string& place, PreTokenizer& made) {
  made.splitters.push_back(split_by(Regex(pattern, place), SplitBehaviour::isolated));
  made.patterns.push_back(pattern);
}

void add_split(const JsonNode& part, PreTokenizer& made) {
  const Pattern pattern = pattern_of(part);
  const SplitBehaviour behaviour = behaviour_of(part, "Isolated");
  const bool invert = part.truth("invert", false);
  if (pattern.regex && behaviour == SplitBehaviour::isolated && !invert)
    return add_pattern(pattern.text, part.place(), made);
  // the same, if the pattern covers the text
  if (pattern.regex && behaviour == SplitBehaviour::removed && invert) {
    made.splitters.push_back(split_by(Regex(pattern.text, part.place()), behaviour, invert));
    return made.patterns.push_back(pattern.text);
  }
  add_cut(pattern.regex ? split_by(Regex(pattern.text, part.place()), behaviour, invert)
                        : split_by_text(pattern.text, behaviour, invert),
          made);
}

void add_byte_level(const JsonNode& part, bool last, PreTokenizer& made) {
  if (part.truth("add_prefix_space", true)) {
    made.splitters.push_back(prefix_space());
    if (made.patterns.empty()) made.space_prefix = true;
    else made.plain = false;
  }
  if (part.truth("use_regex", true)) add_pattern(std::string(gpt2_pattern), part.place(), made);
  if (last) made.bytes = true;
  else add_cut(map_bytes(), made);
}

}  // namespace

std::shared_ptr<const Normalizer> normalizer_of(const JsonNode& part) {
  const std::string type = part.text("type");
  if (type == "Sequence") {
    Normalizers steps;
    for (const JsonNode& each : part.objects("normalizers")) steps.push_back(normalizer_of(each));
    return normalize_sequence(std::move(steps));
  }
  if (type == "NFC") return normalize_form(NormalForm::nfc);
  if (type == "NFD") return normalize_form(NormalForm::nfd);
  if (type == "NFKC") return normalize_form(NormalForm::nfkc);
  if (type == "NFKD") return normalize_form(NormalForm::nfkd);
  if (type == "Lowercase") return normalize_lower_case();
  if (type == "StripAccents") return normalize_strip_accents();
  if (type == "Strip")
    return normalize_strip(part.truth("strip_left", true), part.truth("strip_right", true));
  if (type == "Prepend") return normalize_prepend(part.text("prepend"));
  if (type == "Replace") return replacement_of(part);
  if (type == "BertNormalizer") return bert_normalizer_of(part);
  if (type == "Precompiled") return precompiled_of(part);
  if (type == "Nmt") return normalize_nmt();
  if (type == "ByteLevel") return normalize_bytes();
  refuse(part, fmt::format("normalizer '{}'", type));
}

void add_pre_tokenizer(const JsonNode& part, bool last, PreTokenizer& made) {
  const std::string type = part.text("type");
  if (type == "Sequence") {
    const std::vector<JsonNode> steps = part.objects("pretokenizers");
    for (const JsonNode& each : steps)
      add_pre_tokenizer(each, last && &each == &steps.back(), made);
  } else if (type == "Split") {
    add_split(part, made);
  } else if (type == "ByteLevel") {
    add_byte_level(part, last, made);
  } else if (type == "Digits") {
    const bool individual = part.truth("individual_digits", false);
    add_pattern(individual ? R"(\p{N})" : R"(\p{N}+)", part.place(), made);
  } else if (type == "Punctuation") {
    add_cut(split_punctuation(behaviour_of(part, "Isolated")), made);
  } else if (type == "Whitespace") {
    add_cut(split_by(Regex(R"(\w+|[^\w\s]+)"), SplitBehaviour::removed, true), made);
  } else if (type == "WhitespaceSplit") {
    add_cut(split_white_space(), made);
  } else if (type == "BertPreTokenizer") {
    add_cut(split_bert(), made);
  } else if (type == "CharDelimiterSplit") {
    add_cut(split_by_text(part.text("delimiter"), SplitBehaviour::removed), made);
  } else if (type == "Metaspace") {
    add_cut(split_metaspace(part.text("replacement", std::string(space_mark)),
                            prefix_scheme_of(part), part.truth("split", true)),
            made);
  } else {
    refuse(part, fmt::format("pre-tokenizer '{}'", type));
  }
}

}  // namespace pliant::text
