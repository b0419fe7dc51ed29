// Regular expressions over Unicode characters, as pre-tokenisers write them: classes with \p{..},
// nesting and &&, alternation, greedy, lazy and possessive quantifiers, groups (?:..) (?i:..)
// (?>..), look-ahead, look-behind of one character, ^ $ \A \z \b. Groups do not capture. ^ and $
// match at lines.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/unicode/unicode.h"

namespace pliant::text {

// A set of characters: (any range, category or nested set), and all of `also`, negated or not.
struct CharSet {
  std::vector<std::pair<char32_t, char32_t>> ranges;
  Categories categories = 0;
  bool white_space = false, word = false, han = false;
  std::vector<CharSet> nested, also;
  bool negated = false;
  std::bitset<128> ascii;  // the answer for ASCII; valid after seal()

  bool contains(char32_t code) const { return code < 128 ? ascii[code] : decide(code); }
  bool decide(char32_t code) const;  // without `ascii`
  void seal();
};

struct RegexProgram;

class Regex {  // immutable and thread-safe
 public:
  // Throws Error{format} naming the byte of the pattern, Error{unsupported} for what is not in the
  // list above.
  explicit Regex(std::string_view pattern, std::string_view place = "pattern");
  ~Regex();
  Regex(Regex&&) noexcept;
  const std::string& pattern() const { return pattern_; }

 private:
  friend class RegexScan;
  std::string pattern_;
  std::unique_ptr<const RegexProgram> program_;
};

struct CharRange {  // in characters
  std::size_t begin = 0, end = 0;
};

// One text being searched. `regex` must outlive it.
class RegexScan {
 public:
  RegexScan(const Regex& regex, std::u32string_view text);
  // The first match that begins at `from` or later. Throws Error{capacity} when all searches of
  // this scan together take more steps than 1024 per character: no pattern can take exponential
  // time.
  std::optional<CharRange> next(std::size_t from);

 private:
  static constexpr std::size_t none = ~std::size_t{0};
  // a place to try something else: instruction, position, and for repeats the range still open
  struct Choice {
    std::uint32_t at;
    bool repeats;
    std::size_t position, low = 0, high = 0;
  };
  std::size_t run(std::uint32_t at, std::size_t position);  // the end of the match, or `none`
  bool back(std::size_t bottom, std::uint32_t& at, std::size_t& position);
  bool repeat(std::uint32_t& at, std::size_t& position);
  bool look(std::uint32_t& at, std::size_t& position);
  bool asserted(std::uint32_t at, std::size_t position) const;
  void count(std::size_t steps);

  const Regex& regex_;
  const RegexProgram& program_;
  std::u32string_view text_;
  std::vector<Choice> choices_;
  // Per repeat: from no position of this range does what follows it match. Makes nested and
  // repeated runs linear.
  std::vector<CharRange> hopeless_;
  std::size_t steps_left_;
};

}  // namespace pliant::text
