#include "open/language/open_language.h"

#include <fmt/format.h>

#include "core/error.h"
#include "models/vlm/files/load.h"
#include "open/language_model.h"

namespace pliant {

const Tokenizer& OpenedLanguage::need_tokenizer() const {
  if (tokenizer) return *tokenizer;
  throw Error(ErrorKind::not_found, path, "holds no tokenizer",
              "put tokenizer.json or tokenizer.model into the folder, or give the prompt as --ids");
}

lm::ImageEncoder& OpenedLanguage::need_images() const {
  if (images) return *images;
  throw Error(ErrorKind::unsupported, path, "is a language model without an image encoder",
              "give the folder of a vision-language model: llava, idefics3 or smolvlm");
}

OpenedLanguage open_language(const Source& source, const lm::SessionOptions& options,
                             ThreadPool& pool) {
  OpenedLanguage language{source.path(), tokenizer_beside(source), nullptr};
  if (source.kind() != FileKind::folder || !is_vlm_folder(source.path())) {
    language.session = std::make_unique<lm::Session>(load_language_model(source), pool, options);
    return language;
  }
  const VisionLanguageModel model = vlm_folder_model(source.path());
  language.images = std::make_unique<lm::ImageEncoder>(
      model, vlm_folder_pixels(source.path(), model.config), pool);
  lm::SessionOptions rest = options;
  if (options.memory_limit > 0) {
    rest.memory_limit -= language.images->bytes();
    if (rest.memory_limit <= 0)
      throw Error(ErrorKind::capacity, "memory limit",
                  fmt::format("the image encoder takes {} bytes, the limit is {}",
                              language.images->bytes(), options.memory_limit),
                  "raise the limit");
  }
  language.session = std::make_unique<lm::Session>(model.language, pool, rest);
  return language;
}

}  // namespace pliant
