// A language model ready to run, with its tokenizer.
#pragma once

#include <memory>

#include "lm/session.h"
#include "open/source.h"
#include "text/tokenizer.h"

namespace pliant {

struct OpenedLanguage {
  std::string path;
  std::shared_ptr<const Tokenizer> tokenizer;  // null if the model's files hold none
  std::unique_ptr<lm::Session> session;

  // throws Error{not_found} that says what to give instead
  const Tokenizer& need_tokenizer() const;
};

// Throws as load_language_model(), load_tokenizer() and Session do.
OpenedLanguage open_language(const Source& source, const lm::SessionOptions& options,
                             ThreadPool& pool);

}  // namespace pliant
