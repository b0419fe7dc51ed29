// Any bytes as tokenizer.json: a tokenizer that loads encodes and decodes any text to ids of its
// own, and survives GGUF.
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "text/load/load.h"

namespace {

void use(const pliant::Tokenizer& tokenizer) {
  for (const std::string_view text : {"", "a b", "Hello, y'all! 123\n\n \t x",
                                      "\xff<s>\xE2\x96\x81é日本\0", "ab<mask>cd  aaaa"}) {
    const auto ids = tokenizer.encode(text);
    tokenizer.decode(ids, true);
    for (const pliant::TokenId id : ids) tokenizer.bytes(id);
  }
  pliant::gguf_metadata(tokenizer);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    use(*pliant::tokenizer_from_json({reinterpret_cast<const char*>(data), size}, "", "fuzz"));
  } catch (const pliant::Error&) {
  }
  return 0;
}
