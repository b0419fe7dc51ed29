#include <fmt/format.h>

#include <charconv>

#include "core/error.h"
#include "core/json.h"
#include "text/load/assemble.h"

namespace pliant::text {
namespace {

[[noreturn]] void fail_key(std::string_view place, std::string_view key, std::string_view wanted) {
  throw Error(ErrorKind::format, std::string(place),
              fmt::format("key '{}' is not {}", key, wanted));
}

std::optional<bool> truth_of(const nlohmann::json& json, std::string_view key,
                             std::string_view place) {
  const auto at = json.find(key);
  if (at == json.end() || at->is_null()) return {};
  if (!at->is_boolean()) fail_key(place, key, "true or false");
  return at->get<bool>();
}

// A token is a string, or an object with its content.
std::optional<std::string> token_of(const nlohmann::json& value, std::string_view key,
                                    std::string_view place) {
  if (value.is_null()) return {};
  const nlohmann::json* text = &value;
  if (value.is_object() && value.contains("content")) text = &value["content"];
  if (!text->is_string()) fail_key(place, key, "a token");
  return text->get<std::string>();
}

std::string template_of(const nlohmann::json& value, std::string_view place) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) fail_key(place, "chat_template", "a template or a list of them");
  std::string chosen;
  for (const nlohmann::json& each : value) {
    if (!each.is_object() || !each.value("name", nlohmann::json()).is_string() ||
        !each.value("template", nlohmann::json()).is_string())
      fail_key(place, "chat_template", "a list of names and templates");
    if (chosen.empty() || each["name"] == "default") chosen = each["template"].get<std::string>();
  }
  return chosen;
}

std::vector<AddedToken> added_of(const nlohmann::json& value, std::string_view place) {
  std::vector<AddedToken> added;
  if (value.is_null()) return added;
  if (!value.is_object()) fail_key(place, "added_tokens_decoder", "an object");
  for (const auto& [number, token] : value.items()) {
    const std::string key = "added_tokens_decoder." + number;
    AddedToken& each = added.emplace_back();
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), each.id);
    if (error != std::errc() || end != number.data() + number.size() || each.id < 0)
      fail_key(place, key, "named by a token id");
    each.content = token_of(token, key, place).value_or("");
    if (!token.is_object()) continue;
    each.special = truth_of(token, "special", place).value_or(false);
    each.normalized = truth_of(token, "normalized", place).value_or(false);
    each.strip_left = truth_of(token, "lstrip", place).value_or(false);
    each.strip_right = truth_of(token, "rstrip", place).value_or(false);
    each.single_word = truth_of(token, "single_word", place).value_or(false);
  }
  return added;
}

}  // namespace

TokenizerConfig read_config(std::string_view text, std::string_view place, const ChatSource& chat) {
  TokenizerConfig config;
  config.chat = chat;
  if (text.empty()) return config;
  const std::string where = fmt::format("{}: tokenizer_config.json", place);
  const nlohmann::json json = parse_json(text, where);
  if (!json.is_object()) throw Error(ErrorKind::format, where, "is not a JSON object");
  for (const char* role :
       {"bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"})
    if (const auto at = json.find(role); at != json.end())
      if (auto token = token_of(*at, role, where)) config.tokens[role] = std::move(*token);
  config.add_bos = truth_of(json, "add_bos_token", where);
  config.add_eos = truth_of(json, "add_eos_token", where);
  config.add_prefix_space = truth_of(json, "add_prefix_space", where);
  if (const auto at = json.find("chat_template"); at != json.end() && chat.text.empty())
    config.chat = {template_of(*at, where), where + ": chat_template"};
  if (const auto at = json.find("tokenizer_class"); at != json.end() && at->is_string())
    config.tokenizer_class = at->get<std::string>();
  if (const auto at = json.find("added_tokens_decoder"); at != json.end())
    config.added = added_of(*at, where);
  return config;
}

}  // namespace pliant::text
