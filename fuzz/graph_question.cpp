// Any bytes as what client and server of an encrypted graph agree on: what reads has to read again,
// from what is written of it.
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "machine/encrypted/graph/parties/question.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace pliant::encrypted;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const std::string written = to_text(question_from_text(text, "fuzz"));
    if (to_text(question_from_text(written, "fuzz")) != written) std::abort();
  } catch (const pliant::Error&) {
  }
  return 0;
}
