#include "text/load/json/steps.h"

#include <fmt/format.h>

#include "core/error.h"
#include "text/words/bytes.h"
#include "text/words/families.h"

namespace pliant::text {

JsonPart::JsonPart(const nlohmann::json& json, std::string path, std::string_view place)
    : json_(&json), path_(std::move(path)), place_(place) {
  if (!json.is_object()) throw Error(ErrorKind::format, place_, fmt::format("key '{}' is not an object", path_));
}

void JsonPart::fail(std::string_view key, std::string_view problem) const {
  throw Error(ErrorKind::format, place_,
              fmt::format("key '{}{}{}' {}", path_, path_.empty() || key.empty() ? "" : ".", key, problem));
}

void JsonPart::refuse(const std::string& what) const {
  throw Error(ErrorKind::unsupported, place_, fmt::format("key '{}': {}", path_, what));
}

bool JsonPart::has(std::string_view key) const {
  const auto found = json_->find(key);
  return found != json_->end() && !found->is_null();
}

const nlohmann::json& JsonPart::at(std::string_view key, std::string_view wanted) const {
  const auto found = json_->find(key);
  if (found == json_->end()) fail(key, fmt::format("is missing: {}", wanted));
  return *found;
}

std::string JsonPart::text(std::string_view key) const {
  const nlohmann::json& value = at(key, "a text");
  if (!value.is_string()) fail(key, "is not a text");
  return value.get<std::string>();
}

bool JsonPart::truth(std::string_view key, bool otherwise) const {
  if (!has(key)) return otherwise;
  if (!(*json_).find(key)->is_boolean()) fail(key, "is neither true nor false");
  return (*json_).find(key)->get<bool>();
}

std::int64_t JsonPart::integer(std::string_view key, std::int64_t otherwise) const {
  if (!has(key)) return otherwise;
  const nlohmann::json& value = *json_->find(key);
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX))
    fail(key, "is not an integer");
  return value.get<std::int64_t>();
}

JsonPart JsonPart::part(std::string_view key) const {
  return {at(key, "an object"), path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key), place_};
}

std::vector<JsonPart> JsonPart::parts(std::string_view key) const {
  const nlohmann::json& list = at(key, "a list");
  if (!list.is_array()) fail(key, "is not a list");
  std::vector<JsonPart> parts;
  for (std::size_t i = 0; i < list.size(); ++i)
    parts.emplace_back(list[i], fmt::format("{}{}{}[{}]", path_, path_.empty() ? "" : ".", key, i), place_);
  return parts;
}

namespace {

std::optional<std::string> base64_bytes(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
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
Pattern pattern_of(const JsonPart& part) {
  const JsonPart pattern = part.part("pattern");
  if (pattern.has("String")) return {pattern.text("String"), false};
  if (pattern.has("Regex")) return {pattern.text("Regex"), true};
  part.fail("pattern", "is neither String nor Regex");
}

SplitBehaviour behaviour_of(const JsonPart& part, std::string_view otherwise) {
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

std::shared_ptr<const Normalizer> bert_normalizer_of(const JsonPart& part) {
  BertNormalization options;
  options.clean = part.truth("clean_text", true);
  options.chinese = part.truth("handle_chinese_chars", true);
  options.lower = part.truth("lowercase", true);
  options.strip_accents = part.truth("strip_accents", options.lower);
  return normalize_bert(options);
}

std::shared_ptr<const Normalizer> replacement_of(const JsonPart& part) {
  const Pattern pattern = pattern_of(part);
  const std::string content = part.text("content");
  return pattern.regex ? normalize_replace(Regex(pattern.text, part.place()), content)
                       : normalize_replace(pattern.text, content);
}

std::shared_ptr<const Normalizer> precompiled_of(const JsonPart& part) {
  const auto blob = base64_bytes(part.text("precompiled_charsmap", ""));
  if (!blob) part.fail("precompiled_charsmap", "is not base64");
  return normalize_charsmap(Charsmap(*blob, part.place()));
}

PrefixScheme prefix_scheme_of(const JsonPart& part) {
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

void add_split(const JsonPart& part, PreTokenizer& made) {
  const Pattern pattern = pattern_of(part);
  const SplitBehaviour behaviour = behaviour_of(part, "Isolated");
  const bool invert = part.truth("invert", false);
  if (pattern.regex && behaviour == SplitBehaviour::isolated && !invert)
    return add_pattern(pattern.text, part.place(), made);
  if (pattern.regex && behaviour == SplitBehaviour::removed && invert) {  // the same, if the pattern covers the text
    made.splitters.push_back(split_by(Regex(pattern.text, part.place()), behaviour, invert));
    return made.patterns.push_back(pattern.text);
  }
  add_cut(pattern.regex ? split_by(Regex(pattern.text, part.place()), behaviour, invert)
                        : split_by_text(pattern.text, behaviour, invert),
          made);
}

void add_byte_level(const JsonPart& part, bool last, PreTokenizer& made) {
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

std::shared_ptr<const Normalizer> normalizer_of(const JsonPart& part) {
  const std::string type = part.text("type");
  if (type == "Sequence") {
    Normalizers steps;
    for (const JsonPart& each : part.parts("normalizers")) steps.push_back(normalizer_of(each));
    return normalize_sequence(std::move(steps));
  }
  if (type == "NFC") return normalize_form(NormalForm::nfc);
  if (type == "NFD") return normalize_form(NormalForm::nfd);
  if (type == "NFKC") return normalize_form(NormalForm::nfkc);
  if (type == "NFKD") return normalize_form(NormalForm::nfkd);
  if (type == "Lowercase") return normalize_lower_case();
  if (type == "StripAccents") return normalize_strip_accents();
  if (type == "Strip") return normalize_strip(part.truth("strip_left", true), part.truth("strip_right", true));
  if (type == "Prepend") return normalize_prepend(part.text("prepend"));
  if (type == "Replace") return replacement_of(part);
  if (type == "BertNormalizer") return bert_normalizer_of(part);
  if (type == "Precompiled") return precompiled_of(part);
  if (type == "Nmt") return normalize_nmt();
  if (type == "ByteLevel") return normalize_bytes();
  part.refuse(fmt::format("normalizer '{}'", type));
}

void add_pre_tokenizer(const JsonPart& part, bool last, PreTokenizer& made) {
  const std::string type = part.text("type");
  if (type == "Sequence") {
    const std::vector<JsonPart> steps = part.parts("pretokenizers");
    for (const JsonPart& each : steps) add_pre_tokenizer(each, last && &each == &steps.back(), made);
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
    add_cut(split_metaspace(part.text("replacement", std::string(space_mark)), prefix_scheme_of(part),
                            part.truth("split", true)),
            made);
  } else {
    part.refuse(fmt::format("pre-tokenizer '{}'", type));
  }
}

}  // namespace pliant::text
