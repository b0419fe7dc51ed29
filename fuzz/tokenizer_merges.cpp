// Any bytes as vocab.json, merges.txt and tokenizer_config.json, with lines of "--" between them.
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "text/load/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view parts[3], rest(reinterpret_cast<const char*>(data), size);
  for (std::string_view& part : parts) {
    const std::size_t end = rest.find("\n--\n");
    part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 4);
  }
  try {
    const auto tokenizer = pliant::tokenizer_from_merges(parts[0], parts[1], parts[2], "fuzz");
    for (const std::string_view text : {"ab cd", "\xff\x80", "a<|endoftext|>b"})
      tokenizer->decode(tokenizer->encode(text), true);
  } catch (const pliant::Error&) {
  }
  return 0;
}
