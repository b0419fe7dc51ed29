#include "open/language/open_language.h"

#include "core/error.h"
#include "open/language_model.h"

namespace pliant {

const Tokenizer& OpenedLanguage::need_tokenizer() const {
  if (tokenizer) return *tokenizer;
  throw Error(ErrorKind::not_found, path, "holds no tokenizer",
              "put tokenizer.json or tokenizer.model into the folder, or give the prompt as --ids");
}

OpenedLanguage open_language(const Source& source, const lm::SessionOptions& options,
                             ThreadPool& pool) {
  OpenedLanguage language{source.path(), tokenizer_beside(source), nullptr};
  language.session = std::make_unique<lm::Session>(load_language_model(source), pool, options);
  return language;
}

}  // namespace pliant
