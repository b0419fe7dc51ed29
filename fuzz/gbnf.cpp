// Any bytes as a grammar, a zero byte, and choices: every token that a filter allows is accepted,
// and a text that ends matches the grammar.
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "lm/decode/grammar/grammar.h"
#include "lm/decode/vocabulary.h"

namespace {

using namespace pliant;

void walk(const lm::Grammar& grammar, std::string_view choices) {
  static const lm::ListTokenizer tokenizer([] {
    std::vector<std::string> pieces = lm::all_bytes();
    for (const char* each : {"ab", "\",\"", "\": ", "00", "\xE2\x82", "aaa"})
      pieces.emplace_back(each);
    return pieces;
  }());
  static const auto trie = std::make_shared<const lm::TokenTrie>(tokenizer);
  lm::GrammarFilter filter(grammar, trie);
  std::string text;
  for (const char choice : choices.substr(0, 64)) {
    std::vector<float> logits(static_cast<std::size_t>(tokenizer.size()));
    filter.mask(logits);
    std::vector<TokenId> ids;
    for (TokenId id = 0; id < tokenizer.size(); ++id)
      if (!std::isinf(logits[id])) ids.push_back(id);
    if (ids.empty()) std::abort();
    const TokenId id = ids[static_cast<unsigned char>(choice) % ids.size()];
    try {
      filter.accept(id);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::capacity) std::abort();
      throw;
    }
    if (id == 0) {
      if (!grammar.matches(text)) std::abort();
      return;
    }
    text += tokenizer.bytes(id);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  try {
    const lm::Grammar grammar(input.substr(0, input.find('\0')), "fuzz");
    if (input.find('\0') != std::string_view::npos)
      walk(grammar, input.substr(input.find('\0') + 1));
  } catch (const Error&) {
  }
  return 0;
}
