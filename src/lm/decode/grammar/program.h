// A grammar as a program over bytes: what the parser makes and the automaton runs. Characters
// beyond ASCII are spelt out as their UTF-8 bytes, so that a token may end inside one.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <vector>

namespace pliant::lm {

using ByteSet = std::bitset<256>;

struct CharacterRange {
  char32_t low = 0, high = 0;  // inclusive
};

struct GrammarInstruction {
  enum class Op : std::uint8_t {
    bytes,   // read one byte of sets[a], then go on at b
    split,   // go on at a and at b
    call,    // run from a to the return, then go on at b
    repeat,  // run from a to the return, `least` to `most` times, then go on at b
    back,    // return
  };
  Op op = Op::back;
  std::int32_t a = 0, b = 0;
  std::int32_t least = 0, most = 0;  // most -1: any number
};

struct GrammarProgram {
  std::vector<GrammarInstruction> code;  // code[0] is `back`
  std::int32_t start = 0;                // entry of the rule root
  std::vector<ByteSet> sets;
  std::array<std::uint8_t, 256> class_of{};  // bytes that no set tells apart share a class
  std::vector<std::uint8_t> representative;  // of each class, one byte
};

}  // namespace pliant::lm
