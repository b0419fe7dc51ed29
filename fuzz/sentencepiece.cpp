// Any bytes as a SentencePiece model or a tokenizer of llama2.c.
#include <span>
#include <string_view>

#include "core/error.h"
#include "text/load/llama2c.h"
#include "text/load/load.h"

namespace {

void use(const pliant::Tokenizer& tokenizer) {
  for (const std::string_view text :
       {"", "  a  b ", "Hello World 123", "\xff<s>\xE2\x96\x81é日本", "aaaaaaaaaaaaaaaa"}) {
    const auto ids = tokenizer.encode(text);
    tokenizer.decode(ids, true);
  }
  pliant::gguf_metadata(tokenizer);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    if (pliant::text::is_llama2c_tokenizer(bytes))
      use(*pliant::text::tokenizer_from_llama2c(bytes, "fuzz"));
    else use(*pliant::tokenizer_from_sentencepiece(std::as_bytes(std::span(bytes)), "", "fuzz"));
  } catch (const pliant::Error&) {
  }
  return 0;
}
