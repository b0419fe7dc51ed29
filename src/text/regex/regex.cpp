#include "text/regex/regex.h"

#include <algorithm>

#include "core/error.h"
#include "text/regex/program.h"

namespace pliant::text {

bool CharSet::decide(char32_t code) const {
  bool found = (categories != 0 && is_in(code, categories)) ||
               (white_space && is_white_space(code)) || (word && is_word(code)) ||
               (han && is_han(code));
  for (std::size_t i = 0; i < ranges.size() && !found; ++i)
    found = code >= ranges[i].first && code <= ranges[i].second;
  for (std::size_t i = 0; i < nested.size() && !found; ++i) found = nested[i].decide(code);
  for (std::size_t i = 0; i < also.size() && found; ++i) found = also[i].decide(code);
  return found != negated;
}

void CharSet::seal() {
  for (char32_t code = 0; code < 128; ++code) ascii[code] = decide(code);
}

Regex::Regex(std::string_view pattern, std::string_view place) : pattern_(pattern) {
  auto program = std::make_unique<RegexProgram>();
  compile_regex(parse_regex(pattern_, place, *program), place, *program);
  program_ = std::move(program);
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;

RegexScan::RegexScan(const Regex& regex, std::u32string_view text)
    : regex_(regex),
      program_(*regex.program_),
      text_(text),
      hopeless_(program_.code.size(), CharRange{1, 0}),
      steps_left_(1024 * (text.size() + 64)) {}

std::optional<CharRange> RegexScan::next(std::size_t from) {
  for (std::size_t begin = from; begin <= text_.size(); ++begin)
    if (const std::size_t end = run(0, begin); end != none) return CharRange{begin, end};
  return {};
}

void RegexScan::count(std::size_t steps) {
  if (steps > steps_left_)
    throw Error(ErrorKind::capacity, "regular expression '" + regex_.pattern() + "'",
                "takes more than 1024 steps per character of the text");
  steps_left_ -= steps;
}

std::size_t RegexScan::run(std::uint32_t at, std::size_t position) {
  const std::size_t bottom = choices_.size();
  while (true) {
    count(1);
    const RegexInstruction& step = program_.code[at];
    bool ok = true;
    switch (step.op) {
      case RegexInstruction::Op::match: choices_.resize(bottom); return position;
      case RegexInstruction::Op::set:
        ok = position < text_.size() && program_.sets[step.set].contains(text_[position]);
        ++position, ++at;
        break;
      case RegexInstruction::Op::repeat: ok = repeat(at, position); break;
      case RegexInstruction::Op::split: {
        const std::bitset<129>& first = program_.firsts[step.set];
        const bool possible =
            position < text_.size() ? first[std::min<char32_t>(text_[position], 128)] : first.all();
        if (possible) choices_.push_back({step.other, false, position});
        at = possible ? step.target : step.other;
        break;
      }
      case RegexInstruction::Op::jump: at = step.target; break;
      case RegexInstruction::Op::behind:
        ok =
            (position > 0 && program_.sets[step.set].contains(text_[position - 1])) != step.negated;
        ++at;
        break;
      case RegexInstruction::Op::ahead:
      case RegexInstruction::Op::atomic: ok = look(at, position); break;
      case RegexInstruction::Op::assertion: ok = asserted(at++, position); break;
    }
    if (!ok && !back(bottom, at, position)) return none;
  }
}

// Takes as many as the repeat wants first, and leaves the rest as a choice.
bool RegexScan::repeat(std::uint32_t& at, std::size_t& position) {
  const RegexInstruction& step = program_.code[at];
  const CharSet& set = program_.sets[step.set];
  const auto fits = [&](std::size_t i) { return i < text_.size() && set.contains(text_[i]); };
  const std::size_t start = position;
  for (; position - start < step.least; ++position)
    if (!fits(position)) return false;
  const std::size_t low = position;
  if (step.greed == Greed::lazy) {
    choices_.push_back({at++, true, position, low,
                        std::min<std::size_t>(step.most - step.least, text_.size() - low) + low});
    return true;
  }
  const bool open = step.most == unbounded, greedy = step.greed == Greed::greedy;
  const CharRange hopeless = open && greedy ? hopeless_[at] : CharRange{1, 0};
  if (hopeless.begin <= low && low <= hopeless.end) return false;
  const std::size_t stop =
      hopeless.begin <= hopeless.end && hopeless.begin > low ? hopeless.begin : none;
  while ((open || position - start < step.most) && position != stop && fits(position)) ++position;
  count(position - start);
  std::size_t high = position;
  if (position == stop) {  // the run ends where that one did
    high = hopeless.end;
    --position;
  }
  if (greedy && (open || position > low)) choices_.push_back({at, true, position, low, high});
  ++at;
  return true;
}

bool RegexScan::look(std::uint32_t& at, std::size_t& position) {
  const RegexInstruction& step = program_.code[at];
  const std::size_t end = run(at + 1, position);
  at = step.target;
  if (step.op == RegexInstruction::Op::ahead) return (end != none) != step.negated;
  position = end;
  return end != none;
}

// The last choice that has something left to try; false when none above `bottom` has.
bool RegexScan::back(std::size_t bottom, std::uint32_t& at, std::size_t& position) {
  while (choices_.size() > bottom) {
    count(1);
    Choice& choice = choices_.back();
    if (!choice.repeats) {
      at = choice.at;
      position = choice.position;
      choices_.pop_back();
      return true;
    }
    const RegexInstruction& step = program_.code[choice.at];
    if (step.greed == Greed::lazy) {
      if (choice.position < choice.high &&
          program_.sets[step.set].contains(text_[choice.position])) {
        position = ++choice.position;
        at = choice.at + 1;
        return true;
      }
    } else if (choice.position > choice.low) {
      position = --choice.position;
      at = choice.at + 1;
      return true;
    } else if (step.most == unbounded) {
      hopeless_[choice.at] = {choice.low, choice.high};
    }
    choices_.pop_back();
  }
  return false;
}

bool RegexScan::asserted(std::uint32_t at, std::size_t position) const {
  const std::size_t size = text_.size();
  const auto word = [&](std::size_t i) { return i < size && is_word(text_[i]); };
  const bool edge = (position > 0 && word(position - 1)) != word(position);
  switch (program_.code[at].assertion) {
    case Assertion::line_start: return position == 0 || text_[position - 1] == U'\n';
    case Assertion::line_end: return position == size || text_[position] == U'\n';
    case Assertion::text_start: return position == 0;
    case Assertion::text_end: return position == size;
    case Assertion::last_line_end:
      return position == size || (position + 1 == size && text_[position] == U'\n');
    case Assertion::boundary: return edge;
    case Assertion::no_boundary: return !edge;
  }
  return false;
}

}  // namespace pliant::text
