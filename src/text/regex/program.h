// What a regular expression becomes: a tree, then instructions. For regex*.cpp alone.
#pragma once

#include <bitset>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include "text/regex/regex.h"

namespace pliant::text {

enum class Greed : std::uint8_t { greedy, lazy, possessive };
enum class Assertion : std::uint8_t {
  line_start,
  line_end,
  text_start,
  text_end,
  last_line_end,
  boundary,
  no_boundary
};

struct RegexNode {
  enum class Kind : std::uint8_t {
    empty,
    set,
    sequence,
    choice,
    repeat,
    ahead,
    behind,
    atomic,
    assertion
  };
  Kind kind = Kind::empty;
  std::size_t set = 0;  // of `set` and `behind`: index in RegexProgram::sets
  std::uint32_t least = 0, most = 0;
  Greed greed = Greed::greedy;
  bool negated = false;
  Assertion assertion = Assertion::line_start;
  std::vector<RegexNode> parts;
};

inline constexpr std::uint32_t unbounded = std::numeric_limits<std::uint32_t>::max();

struct RegexInstruction {
  enum class Op : std::uint8_t {
    match,
    set,
    repeat,
    split,
    jump,
    ahead,
    behind,
    atomic,
    assertion
  };
  Op op = Op::match;
  Greed greed = Greed::greedy;
  bool negated = false;
  Assertion assertion = Assertion::line_start;
  std::uint32_t set = 0;              // index in sets; of split: in firsts
  std::uint32_t least = 0, most = 0;  // of repeat
  // split: tried first, then other; jump; ahead, atomic: where to go on
  std::uint32_t target = 0, other = 0;
};

struct RegexProgram {
  std::vector<CharSet> sets;
  // of split: ASCII characters with which its first way may begin; 128: others
  std::vector<std::bitset<129>> firsts;
  std::vector<RegexInstruction> code;
};

// Fills program.sets. Throws as Regex does.
RegexNode parse_regex(std::string_view pattern, std::string_view place, RegexProgram& program);
// Throws Error{unsupported} for a repeated part that can match nothing, or a program that grows too
// long.
void compile_regex(const RegexNode& tree, std::string_view place, RegexProgram& program);

}  // namespace pliant::text
