#include <algorithm>
#include <map>
#include <string>

#include "core/utf8.h"
#include "lm/decode/grammar/tree.h"

namespace pliant::lm {
namespace {

struct ByteRange {
  std::uint8_t low = 0, high = 0;
};
using ByteRanges = std::vector<ByteRange>;  // one range per byte of a character

// Code points of one encoded length as ranges of bytes: cut where a leading byte ends until all
// bytes vary alone.
void append_sequences(char32_t low, char32_t high, std::vector<ByteRanges>& out) {
  std::string from, to;
  append_utf8(from, low);
  append_utf8(to, high);
  // bytes at the end that must vary over all values
  for (std::size_t rest = 1; rest < from.size(); ++rest) {
    const char32_t span = char32_t{1} << (6 * rest);
    if ((low ^ high) < span) continue;
    if ((low & (span - 1)) != 0) {
      append_sequences(low, low | (span - 1), out);
      return append_sequences((low | (span - 1)) + 1, high, out);
    }
    if ((high & (span - 1)) != span - 1) {
      append_sequences(low, (high & ~(span - 1)) - 1, out);
      return append_sequences(high & ~(span - 1), high, out);
    }
  }
  ByteRanges sequence;
  for (std::size_t i = 0; i < from.size(); ++i)
    sequence.push_back({static_cast<std::uint8_t>(from[i]), static_cast<std::uint8_t>(to[i])});
  out.push_back(std::move(sequence));
}

class GrammarCompiler {
 public:
  explicit GrammarCompiler(const GrammarTree& tree)
      : tree_(tree), entries_(tree.rules.size(), -1) {}

  GrammarProgram compile() {
    program_.code.push_back({});
    for (std::size_t rule = 0; rule < entries_.size(); ++rule)
      entries_[rule] = emit(tree_.rules[rule].body, 0);
    for (GrammarInstruction& each : program_.code)
      if (each.op == GrammarInstruction::Op::call) each.a = entries_[each.a];
    program_.start = entries_[tree_.root];
    classify();
    return std::move(program_);
  }

 private:
  using Kind = GrammarNode::Kind;
  using Op = GrammarInstruction::Op;

  std::int32_t put(const GrammarInstruction& instruction) {
    program_.code.push_back(instruction);
    return static_cast<std::int32_t>(program_.code.size() - 1);
  }

  std::int32_t put_bytes(const ByteSet& set, std::int32_t next) {
    const auto [found, fresh] = sets_.emplace(set.to_string(), program_.sets.size());
    if (fresh) program_.sets.push_back(set);
    return put({.op = Op::bytes, .a = found->second, .b = next});
  }

  // Code that matches the node and goes on at `next`; its entry.
  std::int32_t emit(std::int32_t id, std::int32_t next) {
    const GrammarNode& at = tree_.nodes[id];
    switch (at.kind) {
      case Kind::characters: return emit_characters(at.ranges, next);
      case Kind::rule: return put({.op = Op::call, .a = at.rule, .b = next});
      case Kind::repeat: return emit_repeat(at, next);
      case Kind::sequence:
        for (auto child = at.children.rbegin(); child != at.children.rend(); ++child)
          next = emit(*child, next);
        return next;
      case Kind::choice: return emit_choice(at, next);
    }
    return next;
  }

  std::int32_t emit_choice(const GrammarNode& at, std::int32_t next) {
    std::int32_t entry = emit(at.children.back(), next);
    for (std::size_t i = at.children.size() - 1; i-- > 0;)
      entry = put({.op = Op::split, .a = emit(at.children[i], next), .b = entry});
    return entry;
  }

  std::int32_t emit_repeat(const GrammarNode& at, std::int32_t next) {
    const std::int32_t body = at.children[0];
    if (at.most == 0) return next;
    if (at.least == 1 && at.most == 1) return emit(body, next);
    if (at.least == 0 && at.most == 1)
      return put({.op = Op::split, .a = emit(body, next), .b = next});
    if (at.least <= 1 && at.most < 0) {  // a loop
      const std::int32_t loop = put({.op = Op::split, .b = next});
      const std::int32_t entry = emit(body, loop);
      program_.code[loop].a = entry;
      return at.least == 1 ? entry : loop;
    }
    return put(
        {.op = Op::repeat, .a = emit(body, 0), .b = next, .least = at.least, .most = at.most});
  }

  std::int32_t emit_characters(const std::vector<CharacterRange>& ranges, std::int32_t next) {
    // Sequences that share all but their first byte become one.
    std::map<std::vector<std::pair<int, int>>, ByteSet> by_tail;
    for (const CharacterRange& each : ranges) {
      std::vector<ByteRanges> sequences;
      constexpr char32_t ends[] = {0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
      char32_t low = each.low;
      for (const char32_t end : ends) {
        if (low <= each.high && low <= end) {
          append_sequences(low, std::min(each.high, end), sequences);
          low = end + 1;
        }
      }
      for (const ByteRanges& sequence : sequences) {
        std::vector<std::pair<int, int>> tail;
        for (std::size_t i = 1; i < sequence.size(); ++i)
          tail.emplace_back(sequence[i].low, sequence[i].high);
        for (int byte = sequence[0].low; byte <= sequence[0].high; ++byte) by_tail[tail].set(byte);
      }
    }
    std::int32_t entry = -1;
    for (auto each = by_tail.rbegin(); each != by_tail.rend(); ++each) {
      const std::int32_t one = emit_sequence(each->second, each->first, next);
      entry = entry < 0 ? one : put({.op = Op::split, .a = one, .b = entry});
    }
    return entry;
  }

  std::int32_t emit_sequence(const ByteSet& first, const std::vector<std::pair<int, int>>& tail,
                             std::int32_t next) {
    for (auto range = tail.rbegin(); range != tail.rend(); ++range) {
      ByteSet set;
      for (int byte = range->first; byte <= range->second; ++byte) set.set(byte);
      next = put_bytes(set, next);
    }
    return put_bytes(first, next);
  }

  // Splits the classes by one set after another.
  void classify() {
    std::array<int, 256> class_of{};
    int classes = 1;
    for (const ByteSet& set : program_.sets) {
      std::map<std::pair<int, bool>, int> renamed;
      for (std::size_t byte = 0; byte < 256; ++byte) {
        const std::pair<int, bool> key{class_of[byte], set.test(byte)};
        class_of[byte] = renamed.emplace(key, static_cast<int>(renamed.size())).first->second;
      }
      classes = renamed.size();
    }
    program_.representative.resize(classes);
    for (std::size_t byte = 0; byte < 256; ++byte) {
      program_.class_of[byte] = static_cast<std::uint8_t>(class_of[byte]);
      program_.representative[class_of[byte]] = static_cast<std::uint8_t>(byte);
    }
  }

  const GrammarTree& tree_;
  GrammarProgram program_;
  std::vector<std::int32_t> entries_;
  std::map<std::string, std::int32_t> sets_;
};

}  // namespace

GrammarProgram compile_grammar(const GrammarTree& tree) { return GrammarCompiler(tree).compile(); }

}  // namespace pliant::lm
