// Tokenizers out of files: GGUF metadata, tokenizer.json, tokenizer.model, vocab.json + merges.txt.
// The only part of text that knows GGUF.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/files.h"
#include "formats/gguf/gguf.h"
#include "text/tokenizer.h"

namespace pliant {

// Each throws Error{format} naming the key or byte, Error{unsupported} for a kind of tokenizer we
// do not have.
std::shared_ptr<const Tokenizer> tokenizer_from_gguf(const Gguf& file, std::string_view place);
// `config`: the text of tokenizer_config.json beside it, or empty (special tokens, chat template).
// `chat`: a template in a file of its own, which goes before the config's.
std::shared_ptr<const Tokenizer> tokenizer_from_json(std::string_view text, std::string_view config,
                                                     std::string_view place,
                                                     const ChatSource& chat = {});
std::shared_ptr<const Tokenizer> tokenizer_from_sentencepiece(std::span<const std::byte> model,
                                                              std::string_view config,
                                                              std::string_view place,
                                                              const ChatSource& chat = {});
std::shared_ptr<const Tokenizer> tokenizer_from_merges(std::string_view vocab_json,
                                                       std::string_view merges,
                                                       std::string_view config,
                                                       std::string_view place,
                                                       const ChatSource& chat = {});

// Any tokenizer or model file, or a folder that holds one (tokenizer.json, then tokenizer.model,
// then vocab.json with merges.txt). `file`: the mapping of `path`, if there is one already. Throws
// Error{not_found} if there is none.
std::shared_ptr<const Tokenizer> load_tokenizer(const std::string& path,
                                                std::shared_ptr<const MappedFile> file = nullptr);

// The metadata of GGUF files that describes `tokenizer` (tokenizer.ggml.*), to write one.
std::vector<std::pair<std::string, GgufValue>> gguf_metadata(const Tokenizer& tokenizer);

}  // namespace pliant
