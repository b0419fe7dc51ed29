// Any bytes as a JSON schema: its grammar is one that Grammar takes, unless no finite value holds
// to the schema.
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "lm/decode/grammar/grammar.h"
#include "lm/decode/schema/json_schema.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pliant;
  std::string gbnf;
  try {
    gbnf = lm::grammar_from_json_schema({reinterpret_cast<const char*>(data), size}, "fuzz");
  } catch (const Error&) {
    return 0;
  }
  try {
    lm::Grammar(gbnf, "grammar");
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::format &&
        error.problem().find("no finite text") == std::string::npos)
      std::abort();
  }
  return 0;
}
