#include <string>

#include "core/error.h"
#include "text/regex/program.h"

namespace pliant::text {
namespace {

constexpr std::size_t max_instructions = 20'000;
using First = std::bitset<129>;

class RegexCompiler {
 public:
  RegexCompiler(std::string_view place, RegexProgram& program) : place_(place), program_(program) {}

  void compile(const RegexNode& tree) {
    emit(tree);
    add(Op::match);
  }

 private:
  using Kind = RegexNode::Kind;
  using Op = RegexInstruction::Op;

  std::uint32_t here() const { return static_cast<std::uint32_t>(program_.code.size()); }
  RegexInstruction& at(std::uint32_t index) { return program_.code[index]; }

  std::uint32_t add(Op op) {
    if (program_.code.size() >= max_instructions)
      throw Error(ErrorKind::unsupported, std::string(place_),
                  "regular expression: grows too long with its counts");
    program_.code.emplace_back().op = op;
    return here() - 1;
  }

  bool nullable(const RegexNode& node) const {
    switch (node.kind) {
      case Kind::set: return false;
      case Kind::atomic: return nullable(node.parts[0]);
      case Kind::repeat: return node.least == 0 || nullable(node.parts[0]);
      case Kind::sequence:
        for (const RegexNode& part : node.parts)
          if (!nullable(part)) return false;
        return true;
      case Kind::choice:
        for (const RegexNode& part : node.parts)
          if (nullable(part)) return true;
        return false;
      default: return true;
    }
  }

  // Characters with which a match of the node may begin; all, where it may be empty.
  First first(const RegexNode& node) const {
    First result;
    switch (node.kind) {
      case Kind::set: {
        const CharSet& set = program_.sets[node.set];
        for (std::size_t i = 0; i < 128; ++i) result[i] = set.ascii[i];
        result.set(128);
        return result;
      }
      case Kind::atomic: return first(node.parts[0]);
      case Kind::repeat:
        if (node.least == 0) break;
        return first(node.parts[0]);
      case Kind::choice:
        for (const RegexNode& part : node.parts) result |= first(part);
        return result;
      case Kind::sequence:
        for (const RegexNode& part : node.parts) {
          if (nullable(part) && part.kind != Kind::repeat) break;
          result |= part.kind == Kind::repeat ? first_of_repeat(part) : first(part);
          if (!nullable(part)) return result;
        }
        break;
      default: break;
    }
    return result.set();
  }
  First first_of_repeat(const RegexNode& repeat) const {
    return nullable(repeat.parts[0]) ? First().set() : first(repeat.parts[0]);
  }

  void emit(const RegexNode& node) {
    switch (node.kind) {
      case Kind::empty: return;
      case Kind::set: at(add(Op::set)).set = static_cast<std::uint32_t>(node.set); return;
      case Kind::sequence:
        for (const RegexNode& part : node.parts) emit(part);
        return;
      case Kind::choice: emit_choice(node); return;
      case Kind::repeat: emit_repeat(node); return;
      case Kind::ahead:
      case Kind::atomic:
        emit_inner(node.kind == Kind::ahead ? Op::ahead : Op::atomic, node.parts[0], node.negated);
        return;
      case Kind::behind: {
        const std::uint32_t added = add(Op::behind);
        at(added).set = static_cast<std::uint32_t>(node.set);
        at(added).negated = node.negated;
        return;
      }
      case Kind::assertion: at(add(Op::assertion)).assertion = node.assertion; return;
    }
  }

  std::uint32_t add_split(const First& first) {
    const std::uint32_t split = add(Op::split);
    at(split).set = static_cast<std::uint32_t>(program_.firsts.size());
    program_.firsts.push_back(first);
    at(split).target = here();
    return split;
  }

  void emit_choice(const RegexNode& node) {
    std::vector<std::uint32_t> jumps;
    for (std::size_t i = 0; i + 1 < node.parts.size(); ++i) {
      const std::uint32_t split = add_split(first(node.parts[i]));
      emit(node.parts[i]);
      jumps.push_back(add(Op::jump));
      at(split).other = here();
    }
    emit(node.parts.back());
    for (const std::uint32_t jump : jumps) at(jump).target = here();
  }

  void emit_inner(Op op, const RegexNode& inner, bool negated) {
    const std::uint32_t begin = add(op);
    at(begin).negated = negated;
    emit(inner);
    add(Op::match);
    at(begin).target = here();
  }

  void emit_repeat(const RegexNode& node) {
    const RegexNode& part = node.parts[0];
    if (part.kind == Kind::set) {
      RegexInstruction& repeat = at(add(Op::repeat));
      repeat.set = static_cast<std::uint32_t>(part.set);
      repeat.least = node.least;
      repeat.most = node.most;
      repeat.greed = node.greed;
      return;
    }
    if (nullable(part))
      throw Error(ErrorKind::unsupported, std::string(place_),
                  "regular expression: repeats what can match nothing");
    if (node.greed == Greed::possessive) {
      RegexNode greedy = node;
      greedy.greed = Greed::greedy;
      return emit_inner(Op::atomic, greedy, false);
    }
    emit_copies(node, part);
  }

  // x{2,4} as x x (x (x)?)?; x{1,} as x (x)*
  void emit_copies(const RegexNode& node, const RegexNode& part) {
    for (std::uint32_t i = 0; i < node.least; ++i) emit(part);
    std::vector<std::uint32_t> splits;
    const std::uint32_t optional = node.most == unbounded ? 1 : node.most - node.least;
    for (std::uint32_t i = 0; i < optional; ++i) {
      splits.push_back(add_split(node.greed == Greed::greedy ? first(part) : First().set()));
      emit(part);
    }
    if (node.most == unbounded) at(add(Op::jump)).target = splits[0];
    for (const std::uint32_t split : splits) {
      at(split).other = here();
      if (node.greed == Greed::lazy) std::swap(at(split).target, at(split).other);
    }
  }

  std::string_view place_;
  RegexProgram& program_;
};

}  // namespace

void compile_regex(const RegexNode& tree, std::string_view place, RegexProgram& program) {
  RegexCompiler(place, program).compile(tree);
}

}  // namespace pliant::text
