#include "open/carry_tokenizer.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <functional>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "formats/gguf/open.h"
#include "text/load/load.h"
#include "text/tokenizer.h"

namespace pliant {
namespace {

constexpr std::array<const char*, 10> folder_files{
    "tokenizer.json",      "tokenizer_config.json",
    "tokenizer.model",     "special_tokens_map.json",
    "vocab.json",          "merges.txt",
    "added_tokens.json",   "generation_config.json",
    "chat_template.jinja", "additional_chat_templates/default.jinja"};

constexpr std::int32_t unused_token = 5;  // GGUF's number for a token that no text has

std::vector<std::pair<std::string, GgufValue>> read_metadata(const Source& source) {
  if (source.kind() == FileKind::gguf) {
    std::vector<std::pair<std::string, GgufValue>> result;
    for (auto& [key, value] :
         open_gguf(source.file(), source.path(), GgufParts::first).contents.metadata)
      if (key.starts_with("tokenizer.")) result.emplace_back(key, std::move(value));
    return result;
  }
  try {
    return gguf_metadata(*load_tokenizer(source.path(), source.file()));
  } catch (const Error& error) {
    // a model's
    const bool other_file = error.kind() == ErrorKind::format && source.kind() != FileKind::folder;
    if (error.kind() == ErrorKind::not_found || other_file) return {};
    throw;
  }
}

template <typename T>
void extend(GgufValue& value, std::size_t count, const std::function<T(std::size_t)>& make) {
  auto* array = std::get_if<GgufArray>(&value);
  auto* items = array == nullptr ? nullptr : std::get_if<std::vector<T>>(&array->items);
  while (items != nullptr && items->size() < count) items->push_back(make(items->size()));
}

// How many tokens tokenizer.* has; 0 if it says nothing.
std::size_t token_count(const std::vector<std::pair<std::string, GgufValue>>& metadata) {
  const Gguf file{3, metadata, {}};
  constexpr std::string_view key = "tokenizer.ggml.tokens";
  return file.find(key) == nullptr ? 0 : file.texts(key).size();
}

}  // namespace

TokenizerSource::TokenizerSource(const Source& model, const std::string& given,
                                 std::int64_t vocabulary)
    : model_(model.path()), path_(given.empty() ? model_ : given), rows_(vocabulary) {
  metadata_ = read_metadata(given.empty() ? model : Source(given));
  if (!given.empty() && metadata_.empty())
    throw Error(ErrorKind::format, given, "holds no tokenizer that can be read");
  // Whatever lies in the folder of a file that has none in it may be another model's.
  const bool beside = given.empty() && model.file() && model.kind() != FileKind::gguf;
  if (beside && token_count(metadata_) > rows_) metadata_.clear();
}

std::vector<std::pair<std::string, GgufValue>> TokenizerSource::metadata() const {
  if (metadata_.empty()) return {{"tokenizer.ggml.model", std::string("none")}};
  if (const std::size_t count = token_count(metadata_); count > rows_)
    throw Error(ErrorKind::invalid, path_,
                fmt::format("has {} tokens, the model's embedding {} rows", count, rows_));
  auto result = metadata_;
  for (auto& [key, value] : result) {
    if (key == "tokenizer.ggml.tokens")
      extend<std::string>(value, rows_, [](std::size_t id) { return fmt::format("[PAD{}]", id); });
    if (key == "tokenizer.ggml.token_type")
      extend<std::int32_t>(value, rows_, [](std::size_t) { return unused_token; });
    if (key == "tokenizer.ggml.scores")
      extend<float>(value, rows_, [](std::size_t) { return 0.0F; });
  }
  return result;
}

std::vector<std::pair<std::string, std::int64_t>> TokenizerSource::token_ids() const {
  constexpr std::pair<const char*, const char*> names[] = {
      {"bos_token_id", "tokenizer.ggml.bos_token_id"},
      {"eos_token_id", "tokenizer.ggml.eos_token_id"},
      {"pad_token_id", "tokenizer.ggml.padding_token_id"}};
  nlohmann::json config;
  if (const std::string path = model_ + "/config.json"; std::filesystem::exists(path))
    config = parse_json(read_file(path), path);
  const Gguf tokenizer{3, metadata_, {}};
  std::vector<std::pair<std::string, std::int64_t>> result;
  for (const auto& [field, key] : names) {
    const auto given = config.find(field);
    // of ends of generation
    const bool is_list = given != config.end() && given->is_array() && !given->empty();
    const nlohmann::json id = given == config.end() ? nlohmann::json()
                              : is_list             ? given->front()
                                                    : *given;
    if (id.is_number_integer()) result.emplace_back(field, id.get<std::int64_t>());
    else result.emplace_back(field, tokenizer.find(key) != nullptr ? tokenizer.integer(key) : -1);
  }
  return result;
}

bool TokenizerSource::copy_into(const std::string& folder) const {
  namespace fs = std::filesystem;
  bool found = false;
  if (!fs::is_directory(path_)) {
    const bool json = extension(path_) == ".json" && has_metadata();  // whatever its name
    if (!json && extension(path_) != ".model") return false;
    write_file(folder + (json ? "/tokenizer.json" : "/tokenizer.model"), read_file(path_));
    return true;
  }
  for (const char* each : folder_files) {
    const std::string from = path_ + "/" + each;
    if (!fs::exists(from)) continue;
    const std::string to = folder + "/" + each;
    fs::create_directories(fs::path(to).parent_path());
    write_file(to, read_file(from));
    found |=
        std::string_view(each).starts_with("tokenizer.") || std::string_view(each) == "vocab.json";
  }
  return found;
}

std::string TokenizerSource::advice(ModelFormat format) const {
  if (format == ModelFormat::llama2c) return "the format has no room for one";
  if (format != ModelFormat::gguf && has_metadata())
    return "this one is inside a GGUF file; give the folder's tokenizer.json or tokenizer.model "
           "with --tokenizer";
  return "give one with --tokenizer";
}

}  // namespace pliant
