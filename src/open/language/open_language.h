// A language model ready to run, with its tokenizer, and what it sees images with.
#pragma once

#include <memory>

#include "lm/session.h"
#include "lm/vision/encoder.h"
#include "open/source.h"
#include "text/tokenizer.h"

namespace pliant {

struct OpenedLanguage {
  std::string path;
  std::shared_ptr<const Tokenizer> tokenizer;  // null if the model's files hold none
  std::unique_ptr<lm::Session> session;
  std::unique_ptr<lm::ImageEncoder> images = nullptr;  // null if it sees none

  // throws Error{not_found} that says what to give instead
  const Tokenizer& need_tokenizer() const;
  lm::ImageEncoder& need_images() const;  // throws Error{unsupported}
};

// Throws as load_language_model(), load_tokenizer(), Session and ImageEncoder do; the memory limit
// counts the encoder too.
OpenedLanguage open_language(const Source& source, const lm::SessionOptions& options,
                             ThreadPool& pool);

}  // namespace pliant
