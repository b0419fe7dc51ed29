// The syntax tree of a grammar, its parser, its checks and its compiler.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lm/decode/grammar/program.h"

namespace pliant::lm {

struct GrammarNode {
  enum class Kind : std::uint8_t { characters, sequence, choice, repeat, rule };
  Kind kind = Kind::sequence;
  std::size_t at = 0;                       // byte of the source
  std::vector<std::int32_t> children = {};  // sequence, choice, repeat (one)
  std::int32_t least = 0, most = 0;         // repeat; most -1: any number
  std::int32_t rule = 0;                    // rule
  // characters: sorted, apart, without surrogates, not empty
  std::vector<CharacterRange> ranges = {};
};

struct GrammarRule {
  std::string name;
  std::size_t at = 0;      // byte of the source where it is first named
  std::int32_t body = -1;  // a node; -1 while undefined
};

struct GrammarTree {
  std::string_view source, place;
  std::vector<GrammarNode> nodes;
  std::vector<GrammarRule> rules;
  std::int32_t root = -1;

  // Error{format} with line and column
  [[noreturn]] void fail(std::size_t at, std::string problem) const;
};

GrammarTree parse_grammar(std::string_view source, std::string_view place);
void check_grammar(const GrammarTree& tree);
GrammarProgram compile_grammar(const GrammarTree& tree);

}  // namespace pliant::lm
