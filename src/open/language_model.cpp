#include "open/language_model.h"

#include <filesystem>

#include "core/error.h"
#include "formats/gguf/open.h"
#include "models/language/files/corenet.h"
#include "models/language/files/llama2c.h"
#include "models/language/files/load.h"
#include "models/language/files/mingpt.h"
#include "models/vlm/files/load.h"
#include "text/load/load.h"

namespace pliant {
namespace {

[[noreturn]] void refuse(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (extension(path) == ".safetensors" && std::filesystem::exists(folder / "config.json"))
    throw Error(ErrorKind::format, path, "holds weights of the model of its folder",
                "give the folder: " + (folder.empty() ? "." : folder.string()));
  throw Error(ErrorKind::format, path, "is no language model that can be read",
              "read are folders with config.json and safetensors, GGUF files, checkpoints of "
              "llama2.c and CoreNet");
}

LanguageModel corenet_checkpoint(const Source& source) {
  const std::string path =
      (std::filesystem::path(source.path()).parent_path() / "config.json").string();
  std::optional<ConfigText> config;
  if (std::filesystem::exists(path)) config = ConfigText{read_file(path), path};
  return corenet_model(source.bytes(), source.file(), source.path(), config);
}

}  // namespace

LanguageModel load_language_model(const Source& source) {
  switch (source.kind()) {
    case FileKind::folder:
      return is_vlm_folder(source.path()) ? vlm_folder_model(source.path()).language
                                          : folder_model(source.path());
    case FileKind::gguf: return gguf_model(open_gguf(source.file(), source.path()), source.path());
    case FileKind::mingpt: return mingpt_model(source.text(), source.path());
    case FileKind::llama2c: return llama2c_model(source.bytes(), source.file(), source.path());
    case FileKind::torch: return corenet_checkpoint(source);
    default: refuse(source.path());
  }
}

std::shared_ptr<const Tokenizer> tokenizer_beside(const Source& source) {
  try {
    return load_tokenizer(source.path(), source.file());
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return nullptr;
    throw;
  }
}

}  // namespace pliant
