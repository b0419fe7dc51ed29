// What the verbs that run a language model share: opening one, the prompt, how tokens are chosen,
// what is reported.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/chrome_trace.h"
#include "cli/language/keep.h"
#include "command/verb.h"
#include "lm/generate.h"
#include "lm/vision/prompt.h"
#include "open/language/open_language.h"

namespace pliant::cli {

struct CacheChoice {
  std::string type = "f32", value_type;  // of the values; empty: type
  bool unrotated = false;
  kv::CacheTypes types() const;
};
std::vector<Option> cache_options(CacheChoice& choice);

struct LanguageOptions {
  std::string model, trace;
  CacheChoice cache;
  KeepChoice keep;
  std::int64_t context = 0;
  bool exact_prompts = false;
  std::int64_t branches = 0;  // of trees of drafts
  Bytes memory_limit, prefix_cache;
};

// without the model, which is an argument
std::vector<Option> language_options(LanguageOptions& options);
Option trace_option(std::string& file);
std::vector<Option> sampling_options(lm::GenerateOptions& options);

struct OpenLanguage : OpenedLanguage {
  kv::Policy policy;
  double seconds = 0;                // that opening took
  std::unique_ptr<TraceFile> trace;  // to be written at the end
};

// Throws as check(KeepChoice) does.
lm::SessionOptions session_options(const LanguageOptions& options, std::int64_t sequences);

// `sequences`: open at one time.
OpenLanguage open_language(const LanguageOptions& options, const Invocation& context,
                           std::int64_t sequences = 1);

// "1,2,3"; throws Error{usage} naming `place`.
std::vector<TokenId> ids_from_text(std::string_view text, const std::string& place);
// A file's text, or standard input for "-".
// "-": standard input. A byte order mark is left out.
std::string read_text(const std::string& path);
Option model_argument(std::string& path);

Option image_option(std::vector<std::string>& files);
// Reads, decodes and encodes picture files. Throws as decode_image() naming the file, and as
// OpenedLanguage::need_images().
lm::Images read_images(const std::vector<std::string>& files, const OpenLanguage& language,
                       const Invocation& context);

nlohmann::ordered_json stats_json(const OpenLanguage& language, const lm::Generated& generated);
std::string stats_line(const OpenLanguage& language, const lm::Generated& generated);

}  // namespace pliant::cli
