// Numbers of a range as digit automata: whole digits of one length after another, each digit either
// still on a bound (tight) or free.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "lm/decode/schema/schema.h"

namespace pliant::lm {
namespace {

// an f64 tells numbers of 15 digits apart
constexpr std::size_t usual_digits = 15, usual_whole = 12, most_digits = 18;

struct RangeEnd {  // of numbers that are not negative
  std::string whole, fraction;
  bool exclusive = false;
  bool bounds = true;  // false: only the number of whole digits counts
};

std::string digit_class(int low, int high) {
  return low == high ? fmt::format("\"{}\"", low) : fmt::format("[{}-{}]", low, high);
}

class RangeWriter {
 public:
  RangeWriter(std::string name, RangeEnd low, RangeEnd high, bool fractions)
      : name_(std::move(name)), low_(std::move(low)), high_(std::move(high)) {
    const std::size_t needed = std::max(low_.fraction.size(), high_.fraction.size());
    const std::size_t whole = std::min(high_.whole.size(), usual_digits);
    if (fractions) places_ = std::max(needed, std::min(needed + 3, usual_digits - whole));
  }

  // Rules of which `name` is the whole; empty if no number is in the range.
  std::string write() {
    std::vector<std::string> choices;
    for (std::size_t length = low_.whole.size(); length <= high_.whole.size(); ++length) {
      length_ = length;
      const std::string each =
          whole(0, length == low_.whole.size(), high_.bounds && length == high_.whole.size());
      if (!each.empty()) choices.push_back(each);
    }
    if (choices.empty()) return "";
    return fmt::format("{} ::= {}\n{}", name_, fmt::join(choices, " | "), rules_);
  }

 private:
  // length (0: fraction), place, tight below, above
  using Key = std::tuple<std::size_t, std::size_t, bool, bool>;

  // The name of a rule with these choices; empty without any.
  std::string rule(const Key& key, const std::vector<std::string>& choices) {
    std::string& made = made_[key];
    if (choices.empty()) return made = "";
    made = fmt::format("{}-{}", name_, ++count_);
    rules_ += fmt::format("{} ::= {}\n", made, fmt::join(choices, " | "));
    return made;
  }

  // Digits from `low` to `high` as up to three groups: on the lower bound, between, on the upper
  // one.
  template <typename Next>
  static void split_digits(int low, int high, bool on_low, bool on_high, Next&& next) {
    if (low > high) return;
    if (low == high) return next(low, low, on_low, on_high);
    if (on_low) next(low, low, true, false), ++low;
    if (on_high) --high;
    if (low <= high) next(low, high, false, false);
    if (on_high) next(high + 1, high + 1, false, true);
  }

  std::string whole(std::size_t at, bool on_low, bool on_high) {
    if (at == length_) return fraction_part(on_low, on_high);
    if (!on_low && !on_high && at > 0)
      return fmt::format("[0-9]{{{}}} {}", length_ - at, fraction_part(false, false));
    const Key key{length_, at, on_low, on_high};
    if (const auto known = made_.find(key); known != made_.end()) return known->second;
    std::vector<std::string> choices;
    const int least = at == 0 && length_ > 1 ? 1 : 0;
    split_digits(on_low ? std::max(low_.whole[at] - '0', least) : least,
                 on_high ? high_.whole[at] - '0' : 9, on_low, on_high,
                 [&](int from, int to, bool low, bool high) {
                   const std::string rest = whole(at + 1, low, high);
                   if (!rest.empty()) choices.push_back(digit_class(from, to) + " " + rest);
                 });
    return rule(key, choices);
  }

  // After the whole digits: nothing, or a point and digits. `""` is the empty text, empty means
  // impossible.
  std::string fraction_part(bool on_low, bool on_high) {
    const bool may_end = ends(0, on_low, on_high);
    const std::string digits = places_ > 0 ? fraction(0, on_low, on_high) : "";
    if (digits.empty()) return may_end ? "\"\"" : "";
    return may_end ? fmt::format("(\".\" {})?", digits) : fmt::format("\".\" {}", digits);
  }

  // Whether the number may end after `count` fraction digits that all lie on the bounds named.
  bool ends(std::size_t count, bool on_low, bool on_high) const {
    if (on_low && (count < low_.fraction.size() || low_.exclusive)) return false;
    return !(on_high && high_.exclusive && count >= high_.fraction.size());
  }

  std::string fraction(std::size_t at, bool on_low, bool on_high) {
    if (on_low && at >= low_.fraction.size() && !low_.exclusive) on_low = false;
    if (!on_low && !on_high) return fmt::format("[0-9]{{1,{}}}", places_ - at);
    const Key key{0, at, on_low, on_high};
    if (const auto known = made_.find(key); known != made_.end()) return known->second;
    const auto digit = [&](const RangeEnd& end) {
      return at < end.fraction.size() ? end.fraction[at] - '0' : 0;
    };
    std::vector<std::string> choices;
    split_digits(on_low ? digit(low_) : 0, on_high ? digit(high_) : 9, on_low, on_high,
                 [&](int from, int to, bool low, bool high) {
                   const bool may_end = ends(at + 1, low, high);
                   const std::string rest = at + 1 < places_ ? fraction(at + 1, low, high) : "";
                   if (!may_end && rest.empty()) return;
                   std::string choice = digit_class(from, to);
                   if (!rest.empty()) choice += may_end ? fmt::format(" ({})?", rest) : " " + rest;
                   choices.push_back(std::move(choice));
                 });
    return rule(key, choices);
  }

  std::string name_;
  RangeEnd low_, high_;
  std::size_t places_ = 0, length_ = 0;
  std::map<Key, std::string> made_;
  std::string rules_;
  int count_ = 0;
};

RangeEnd end_of(const SchemaBound& bound) {
  return {bound.value.whole, bound.value.fraction, bound.exclusive, true};
}

std::string add_one(std::string digits) {
  for (std::size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '9') return ++digits[i], digits;
    digits[i] = '0';
  }
  return "1" + digits;
}

std::string take_one(std::string digits) {  // from what is not 0
  for (std::size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '0') {
      --digits[i];
      break;
    }
    digits[i] = '9';
  }
  return digits.size() > 1 && digits[0] == '0' ? digits.substr(1) : digits;
}

// The nearest integer inside the bound.
std::optional<SchemaBound> to_integer(std::optional<SchemaBound> bound, bool low) {
  if (!bound || (bound->value.fraction.empty() && !bound->exclusive)) return bound;
  Decimal& value = bound->value;
  const bool away_from_zero = low != value.negative;
  const bool zero = value.whole == "0" && value.fraction.empty();
  if (zero) {
    value = {!low, "1", ""};
  } else if (away_from_zero) {
    value.whole = add_one(value.whole);
  } else if (value.fraction.empty()) {
    value.whole = take_one(value.whole);
  }
  value.fraction.clear();
  if (value.whole == "0") value.negative = false;
  bound->exclusive = false;
  return bound;
}

}  // namespace

std::string gbnf_from_range(const std::string& name, const std::optional<SchemaBound>& minimum,
                            const std::optional<SchemaBound>& maximum, bool fractions,
                            const std::string& path) {
  const auto low = fractions ? minimum : to_integer(minimum, true),
             high = fractions ? maximum : to_integer(maximum, false);
  std::size_t digits = fractions ? usual_whole : usual_digits;
  for (const auto* bound : {&low, &high}) {
    if (!*bound) continue;
    const Decimal& value = (*bound)->value;
    if (value.whole.size() + value.fraction.size() > (fractions ? usual_digits : most_digits))
      refuse_schema(path, "a bound on numbers of too many digits");
    digits = std::max(digits, value.whole.size());
  }
  const RangeEnd zero{"0", "", false, true}, far{std::string(digits, '9'), "", false, false};
  const SchemaBound nought{};
  std::string positive, negative;
  if (!high || compare(high->value, nought.value) >= 0) {
    const bool from_zero = !low || low->value.negative;
    positive = RangeWriter(name + "-p", from_zero ? zero : end_of(*low), high ? end_of(*high) : far,
                           fractions)
                   .write();
  }
  if (!low || low->value.negative) {
    const bool from_zero = !high || compare(high->value, nought.value) > 0;
    negative = RangeWriter(name + "-n", from_zero ? zero : end_of(*high), low ? end_of(*low) : far,
                           fractions)
                   .write();
  }
  if (positive.empty() && negative.empty()) reject_schema(path, "no number is in the range");
  std::vector<std::string> choices;
  if (!positive.empty()) choices.push_back(name + "-p");
  if (!negative.empty()) choices.push_back("\"-\" " + name + "-n");
  return fmt::format("{} ::= {}\n{}{}", name, fmt::join(choices, " | "), positive, negative);
}

}  // namespace pliant::lm
