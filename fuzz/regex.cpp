// Any bytes as a regular expression and a text, with a zero byte between them: every match lies
// behind the one before.
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "text/regex/regex.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = bytes.find('\0');
  try {
    const pliant::text::Regex regex(bytes.substr(0, zero));
    const std::u32string text = pliant::text::codes_of(
        zero == std::string_view::npos ? "aab 12\n c" : bytes.substr(zero + 1));
    pliant::text::RegexScan scan(regex, text);
    for (std::size_t from = 0; from <= text.size();) {
      const auto match = scan.next(from);
      if (!match) break;
      if (match->begin < from || match->end < match->begin || match->end > text.size())
        std::abort();
      from = match->end > match->begin ? match->end : match->end + 1;
    }
  } catch (const pliant::Error&) {
  }
  return 0;
}
