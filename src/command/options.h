// Option tables. One table per command says what its options are called, mean and accept, and which
// field of a plain struct each one sets. Parsing, --config, --help, man pages, shell completion and
// the reference page come from it.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/units.h"

namespace pliant {

enum class FileUse : std::uint8_t { none, read, written };

struct NumberRange {
  static constexpr std::int64_t no_most = std::numeric_limits<std::int64_t>::max();
  std::int64_t least = 0, most = no_most;
};
std::string range_text(const NumberRange& range);  // "0 or more", "from 1 to 1024"

// What an option has to do with another of its command.
struct OptionRule {
  // unless: the option must be given where the other is not
  enum class Kind : std::uint8_t { excludes, needs, unless };
  Kind kind;
  std::string other;  // "--compare", or "--solver ilp": when it has that value
  std::string why;    // follows a colon
  std::string input;  // the rule is about this kind of input alone; empty: about every one
};

struct Option {
  std::string name;  // long name, no dashes; of an argument: its placeholder ("FILE")
  char letter = 0;   // short name; 0: none
  // what other programs call it ("-c", "--ctx-size"): understood too
  std::vector<std::string> also;
  std::string placeholder;   // of the value ("SIZE"); empty: a flag
  std::string help;          // one line, lower case, no full stop
  std::string default_text;  // empty: none to speak of
  // the value when given without one, as the last word or before a non-digit
  std::string alone;
  std::vector<std::string> choices;  // empty: whatever the type accepts
  std::optional<NumberRange> range;  // of a whole number
  bool repeats = false;              // may be given more than once
  bool positional = false;           // an argument, taken by its place
  bool required = false;
  FileUse file = FileUse::none;
  std::vector<OptionRule> rules;
  // kinds of input that it says something about ("networks"); empty: every one
  std::vector<std::string> inputs;
  // Sets the bound field from all texts given; throws Error{usage} naming `place`.
  std::function<void(std::span<const std::string> texts, const std::string& place)> assign;

  bool is_flag() const { return placeholder.empty(); }
  Option&& with_letter(char short_name) &&;
  Option&& known_as(std::vector<std::string> names) &&;  // `also`
  Option&& with_default(std::string text) &&;
  // the value may be left out; a separate one then begins with a digit
  Option&& or_alone(std::string value) &&;
  Option&& with_choices(std::vector<std::string> words) &&;  // checked before the text is converted
  Option&& at_least(std::int64_t least) &&;                  // of whole numbers: refused below
  Option&& within(std::int64_t least, std::int64_t most) &&;
  Option&& path() &&;      // the value, or what follows [NAME=], is a file or folder that is read
  Option&& written() &&;   // ... one that is written
  Option&& optional() &&;  // of an argument
  Option&& must() &&;      // the command does not go without it
  // `other` and `input` as in OptionRule; said once, at one of the two
  Option&& excludes(std::string other, std::string why) &&;
  Option&& needs(std::string other, std::string why, std::string input = "") &&;
  Option&& must_unless(std::string other) &&;  // one of the two is needed
  Option&& only_for(std::vector<std::string> kinds) &&;
};

struct Example {
  std::string line, meaning;
};

struct Command {
  std::string name;                      // "plan", "plan check"
  std::string summary;                   // one line, lower case, no full stop
  std::vector<std::string> description;  // paragraphs
  std::vector<Option> arguments;         // positional, in order; only the last may repeat
  std::vector<Option> options;
  std::vector<Example> examples;
};

// What was written, before conversion: texts by option (or argument) name, in the order given.
using Given = std::map<std::string, std::vector<std::string>, std::less<>>;

// The keys of a JSON object are long option names; values are strings, numbers, booleans or arrays
// of them. Throws Error{format} for broken JSON, Error{usage} naming `place` and the key for one
// that `options` lacks.
Given given_from_json(std::span<const Option* const> options, std::string_view text,
                      std::string_view place);

// Sets the bound fields: what `given` has wins over `config`. Throws Error{usage} for a missing
// argument or option, one given twice that does not repeat, a word that is no choice, a text that
// is no value of the type, or an option that breaks a rule of its own; for rules, a flag that is
// false and an option that says what is the default are not given.
void assign(std::span<const Option* const> options, const Given& given, const Given& config = {},
            std::string_view config_place = "");

// What an input turned out to be, when it was opened.
struct InputKind {
  std::string_view group;  // as in Option::only_for ("networks"); empty: named by no option
  std::string_view shown;  // in errors, after "a" ("planner's problem")
};
// The rules that depend on the input. Throws Error{usage} for an option that says nothing about
// it, or that breaks a rule about its kind.
void check_input(const InputKind& input, std::span<const Option* const> options, const Given& given,
                 const Given& config = {}, std::string_view config_place = "");

// The files that options name are noted as inputs or, those to be written, checked against them
// (core/files/input_guard.h).
void guard_inputs(std::span<const Option* const> options, const Given& given,
                  const Given& config = {});

// How a type is written on the command line. One of a few values joins by specialising OptionWords
// with `words`, its choices.
template <typename E>
struct OptionWords;

template <typename T>
concept Worded = requires {
  OptionWords<T>::words;
};

void option_value(const std::string& text, const std::string& place, std::string& target);
void option_value(const std::string& text, const std::string& place, std::int64_t& target);
void option_value(const std::string& text, const std::string& place, int& target);
void option_value(const std::string& text, const std::string& place, std::uint64_t& target);
void option_value(const std::string& text, const std::string& place, double& target);
void option_value(const std::string& text, const std::string& place, bool& target);
void option_value(const std::string& text, const std::string& place, Bytes& target);
void option_value(const std::string& text, const std::string& place, Seconds& target);

std::string option_text(const std::string& value);
std::string option_text(std::int64_t value);
std::string option_text(std::uint64_t value);
std::string option_text(int value);
std::string option_text(double value);
std::string option_text(Bytes value);
std::string option_text(Seconds value);

template <Worded E>
void option_value(const std::string& text, const std::string&, E& target) {
  for (const auto& [value, word] : OptionWords<E>::words)
    if (text == word) target = value;
}

template <Worded E>
std::string option_text(E value) {
  for (const auto& [each, word] : OptionWords<E>::words)
    if (each == value) return word;
  return "";
}

template <typename T>
struct OptionType {
  static constexpr bool repeats = false;
  static void assign(std::span<const std::string> texts, const std::string& place, T& target) {
    option_value(texts.back(), place, target);
  }
  static std::string text(const T& value) { return option_text(value); }
};

template <typename T>
struct OptionType<std::optional<T>> {
  static constexpr bool repeats = false;
  static void assign(std::span<const std::string> texts, const std::string& place,
                     std::optional<T>& target) {
    option_value(texts.back(), place, target.emplace());
  }
  static std::string text(const std::optional<T>& value) {
    return value ? option_text(*value) : "";
  }
};

template <typename T>
struct OptionType<std::vector<T>> {
  static constexpr bool repeats = true;
  static void assign(std::span<const std::string> texts, const std::string& place,
                     std::vector<T>& target) {
    target.clear();
    for (const std::string& text : texts) option_value(text, place, target.emplace_back());
  }
  static std::string text(const std::vector<T>&) { return ""; }
};

// An option whose value goes to `target`, which must outlive the table; its present value is the
// default.
template <typename T>
Option option(std::string name, std::string placeholder, T& target, std::string help) {
  Option result;
  result.name = std::move(name);
  result.placeholder = std::move(placeholder);
  result.help = std::move(help);
  result.default_text = OptionType<T>::text(target);
  result.repeats = OptionType<T>::repeats;
  if constexpr (Worded<T>)
    for (const auto& [value, word] : OptionWords<T>::words) result.choices.emplace_back(word);
  result.assign = [&target](std::span<const std::string> texts, const std::string& place) {
    OptionType<T>::assign(texts, place, target);
  };
  return result;
}

// A positional argument, required unless made optional().
template <typename T>
Option argument(std::string placeholder, T& target, std::string help) {
  Option result = option(placeholder, placeholder, target, std::move(help));
  result.default_text.clear();
  result.required = result.positional = true;
  return result;
}

Option flag(std::string name, bool& target, std::string help);  // --name, or --name=false

}  // namespace pliant
