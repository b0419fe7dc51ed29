// Tokenizers by path.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "formats/gguf/open.h"
#include "text/chat/template.h"
#include "text/load/llama2c.h"
#include "text/load/load.h"
#include "text/tokenizer.h"

namespace pliant {
namespace text {
namespace {

namespace fs = std::filesystem;

// tokenizer_config.json of a folder, or nothing.
std::string config_in(const fs::path& folder) {
  const fs::path path = folder / "tokenizer_config.json";
  return fs::exists(path) ? read_file(path.string()) : "";
}

// The default template of a folder that keeps it in a file of its own, or nothing.
ChatSource chat_in(const fs::path& folder) {
  for (const char* name : {"chat_template.jinja", "additional_chat_templates/default.jinja"})
    if (const fs::path path = folder / name; fs::exists(path))
      return {read_chat_template(path.string()), path.string()};
  return {};
}

std::shared_ptr<const Tokenizer> from_pair(const fs::path& vocabulary, const fs::path& merges) {
  if (!fs::exists(merges))
    throw Error(ErrorKind::not_found, merges.string(), "is missing beside " + vocabulary.string());
  return tokenizer_from_merges(
      MappedFile(vocabulary.string()).text(), MappedFile(merges.string()).text(),
      config_in(vocabulary.parent_path()), vocabulary.string(), chat_in(vocabulary.parent_path()));
}

// "x-vocab.json" and "x-merges.txt" belong together, as "vocab.json" and "merges.txt" do.
std::optional<fs::path> partner(const fs::path& path, std::string_view ending,
                                std::string_view other) {
  const std::string name = path.filename().string();
  if (!name.ends_with(ending)) return {};
  return path.parent_path() / (name.substr(0, name.size() - ending.size()) + std::string(other));
}

MappedFile mapped(const fs::path& path) { return MappedFile(path.string()); }

std::shared_ptr<const Tokenizer> from_json_file(const fs::path& path, const MappedFile& file) {
  return tokenizer_from_json(file.text(), config_in(path.parent_path()), path.string(),
                             chat_in(path.parent_path()));
}

std::shared_ptr<const Tokenizer> from_model_file(const fs::path& path, const MappedFile& file) {
  return tokenizer_from_sentencepiece(file.bytes(), config_in(path.parent_path()), path.string(),
                                      chat_in(path.parent_path()));
}

// Files of other names: tok512.model and the like, if there is just one.
std::vector<fs::path> odd_names(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("tok") && name.ends_with(".model")) found.push_back(entry.path());
    if (name == "spiece.model" || name == "sentencepiece.bpe.model") found.push_back(entry.path());
  }
  return found;
}

std::shared_ptr<const Tokenizer> from_folder(const fs::path& folder) {
  if (fs::exists(folder / "tokenizer.json"))
    return from_json_file(folder / "tokenizer.json", mapped(folder / "tokenizer.json"));
  if (fs::exists(folder / "tokenizer.model"))
    return from_model_file(folder / "tokenizer.model", mapped(folder / "tokenizer.model"));
  if (fs::exists(folder / "vocab.json"))
    return from_pair(folder / "vocab.json", folder / "merges.txt");
  if (fs::exists(folder / "tokenizer.bin"))
    return load_tokenizer((folder / "tokenizer.bin").string());
  if (const auto odd = odd_names(folder); odd.size() == 1)
    return from_model_file(odd[0], mapped(odd[0]));
  throw Error(
      ErrorKind::not_found, folder.string(),
      "holds no tokenizer: no tokenizer.json, tokenizer.model, or vocab.json with merges.txt");
}

// the first field is a piece, which begins with its text
bool is_sentencepiece(std::string_view bytes) {
  return bytes.size() > 4 && bytes[0] == '\x0A' && bytes[2] == '\x0A';
}

}  // namespace
}  // namespace text

std::shared_ptr<const Tokenizer> load_tokenizer(const std::string& path,
                                                std::shared_ptr<const MappedFile> file) {
  using namespace text;
  if (fs::is_directory(path)) return from_folder(path);
  if (const auto merges = partner(path, "vocab.json", "merges.txt"))
    return from_pair(path, *merges);
  if (const auto vocabulary = partner(path, "merges.txt", "vocab.json"))
    return from_pair(*vocabulary, path);
  if (!file) file = std::make_shared<const MappedFile>(path);
  if (is_gguf(file->bytes())) {
    const GgufModel model = open_gguf(file, path, GgufParts::first);
    return tokenizer_from_gguf(model.contents, model.paths[0]);
  }
  if (is_llama2c_tokenizer(file->text())) return tokenizer_from_llama2c(file->text(), path);
  if (is_sentencepiece(file->text())) return from_model_file(path, *file);
  if (extension(path) == ".json" && file->text().find("\"model\"") != std::string_view::npos)
    return from_json_file(path, *file);
  const fs::path folder = fs::path(path).parent_path();
  return from_folder(folder.empty() ? fs::path(".") : folder);  // a model without a tokenizer in it
}

}  // namespace pliant
