#include "command/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "core/files/input_guard.h"
#include "core/json.h"
#include "core/suggest.h"

namespace pliant {
namespace {

template <typename T>
void parse_number(const std::string& text, const std::string& place, const char* what, T& target) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(ErrorKind::usage, place, fmt::format("'{}' is not {}", text, what));
  target = value;
}

std::vector<std::string> names_of(std::span<const Option* const> options) {
  std::vector<std::string> names;
  for (const Option* each : options)
    if (!each->positional) names.push_back(each->name);
  return names;
}

std::string scalar_text(const nlohmann::json& value, const std::string& place) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  throw Error(ErrorKind::usage, place,
              "must be a string, a number or a boolean, or an array of them");
}

std::vector<std::string> texts_of(const nlohmann::json& value, const std::string& place) {
  if (!value.is_array()) return {scalar_text(value, place)};
  std::vector<std::string> texts;
  for (const nlohmann::json& each : value) texts.push_back(scalar_text(each, place));
  return texts;
}

void check_choices(const Option& option, std::span<const std::string> texts,
                   const std::string& place) {
  if (option.choices.empty()) return;
  for (const std::string& text : texts)
    if (std::find(option.choices.begin(), option.choices.end(), text) == option.choices.end())
      throw Error(ErrorKind::usage, place,
                  fmt::format("'{}' is not one of: {}", text, fmt::join(option.choices, ", ")),
                  did_you_mean(text, option.choices));
}

void check_range(const Option& option, std::span<const std::string> texts,
                 const std::string& place) {
  if (!option.range) return;
  for (const std::string& text : texts) {
    std::int64_t value = 0;
    option_value(text, place, value);
    if (value < option.range->least || value > option.range->most)
      throw Error(ErrorKind::usage, place,
                  fmt::format("{} is not {}", value, range_text(*option.range)));
  }
}

void assign_one(const Option& option, const std::vector<std::string>& texts,
                const std::string& place) {
  if (texts.size() > 1 && !option.repeats)
    throw Error(ErrorKind::usage, place,
                fmt::format("given {} times ({})", texts.size(), fmt::join(texts, ", ")),
                "give it once");
  check_choices(option, texts, place);
  check_range(option, texts, place);
  option.assign(texts, place);
}

// The texts of options, the command line's before the config's.
struct Texts {
  const Given &line, &config;
  std::string_view config_place;

  const std::vector<std::string>* of(std::string_view name) const {
    if (const auto at = line.find(name); at != line.end()) return &at->second;
    if (const auto at = config.find(name); at != config.end()) return &at->second;
    return nullptr;
  }
  std::string place(const Option& option) const {
    if (option.positional) return option.name;
    return line.contains(option.name) ? "--" + option.name
                                      : fmt::format("{}: {}", config_place, option.name);
  }
};

bool says_something(const Option& option, const Texts& texts) {
  const std::vector<std::string>* own = texts.of(option.name);
  if (own == nullptr) return false;
  return own->back() != (option.is_flag() ? "false" : option.default_text);
}

// `text` is "--compare" or "--solver ilp".
bool holds(std::string_view text, std::span<const Option* const> options, const Texts& texts) {
  const std::size_t space = std::min(text.find(' '), text.size());
  const std::string_view name = text.substr(2, space - 2),
                         value = text.substr(std::min(space + 1, text.size()));
  const auto other = std::find_if(options.begin(), options.end(),
                                  [&](const Option* each) { return each->name == name; });
  if (other == options.end()) return false;
  if (value.empty()) return says_something(**other, texts);
  const std::vector<std::string>* given = texts.of(name);
  return given != nullptr && std::find(given->begin(), given->end(), value) != given->end();
}

[[noreturn]] void refuse(const OptionRule& rule, const std::string& place) {
  const bool needed = rule.kind == OptionRule::Kind::needs;
  if (rule.kind == OptionRule::Kind::unless)
    throw Error(ErrorKind::usage, place,
                fmt::format("one of {} and {} is needed", place, rule.other), "give one of them");
  throw Error(ErrorKind::usage, place,
              fmt::format("{} {}: {}", needed ? "needs" : "does not go with", rule.other, rule.why),
              needed ? "add " + rule.other : "leave one of the two out");
}

// The rules about that kind of input; about every one if it is empty.
void check_rules(const Option& option, std::span<const Option* const> options, const Texts& texts,
                 std::string_view input) {
  const bool given = says_something(option, texts);
  for (const OptionRule& rule : option.rules) {
    const bool unless = rule.kind == OptionRule::Kind::unless;
    if (rule.input != input || given == unless) continue;
    const bool other = holds(rule.other, options, texts);
    if (other != (rule.kind == OptionRule::Kind::excludes)) continue;
    refuse(rule, given ? texts.place(option) : "--" + option.name);
  }
}

// What follows NAME= where the option may have one.
std::string path_in(const Option& option, const std::string& text) {
  const std::size_t equals =
      option.placeholder.starts_with("[NAME=]") ? text.find('=') : std::string::npos;
  return equals == std::string::npos ? text : text.substr(equals + 1);
}

}  // namespace

std::string range_text(const NumberRange& range) {
  if (range.most == NumberRange::no_most) return fmt::format("{} or more", range.least);
  return fmt::format("from {} to {}", range.least, range.most);
}

Option&& Option::with_letter(char short_name) && {
  letter = short_name;
  return std::move(*this);
}

Option&& Option::known_as(std::vector<std::string> names) && {
  also = std::move(names);
  return std::move(*this);
}

Option&& Option::with_default(std::string text) && {
  default_text = std::move(text);
  return std::move(*this);
}

Option&& Option::or_alone(std::string value) && {
  alone = std::move(value);
  return std::move(*this);
}

Option&& Option::with_choices(std::vector<std::string> words) && {
  choices = std::move(words);
  return std::move(*this);
}

Option&& Option::at_least(std::int64_t least) && {
  return std::move(*this).within(least, NumberRange::no_most);
}

Option&& Option::within(std::int64_t least, std::int64_t most) && {
  range = {least, most};
  return std::move(*this);
}

Option&& Option::path() && {
  file = FileUse::read;
  return std::move(*this);
}

Option&& Option::written() && {
  file = FileUse::written;
  return std::move(*this);
}

Option&& Option::optional() && {
  required = false;
  return std::move(*this);
}

Option&& Option::must() && {
  required = true;
  return std::move(*this);
}

Option&& Option::excludes(std::string other, std::string why) && {
  rules.push_back({OptionRule::Kind::excludes, std::move(other), std::move(why), ""});
  return std::move(*this);
}

Option&& Option::needs(std::string other, std::string why, std::string input) && {
  rules.push_back({OptionRule::Kind::needs, std::move(other), std::move(why), std::move(input)});
  return std::move(*this);
}

Option&& Option::must_unless(std::string other) && {
  rules.push_back({OptionRule::Kind::unless, std::move(other), "", ""});
  return std::move(*this);
}

Option&& Option::only_for(std::vector<std::string> kinds) && {
  inputs = std::move(kinds);
  return std::move(*this);
}

Given given_from_json(std::span<const Option* const> options, std::string_view text,
                      std::string_view place) {
  const nlohmann::json json = parse_json(text, place);
  if (!json.is_object())
    throw Error(ErrorKind::format, std::string(place), "is not a JSON object of options");
  const std::vector<std::string> known = names_of(options);
  Given given;
  for (const auto& [key, value] : json.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw Error(ErrorKind::usage, std::string(place), fmt::format("unknown key '{}'", key),
                  did_you_mean(key, known,
                               "keys are the long option names of the command, see its --help"));
    std::vector<std::string> texts = texts_of(value, fmt::format("{}: {}", place, key));
    if (!texts.empty()) given[key] = std::move(texts);
  }
  return given;
}

void assign(std::span<const Option* const> options, const Given& given, const Given& config,
            std::string_view config_place) {
  const auto shown = [](const Option& option) {
    return option.positional ? option.name : "--" + option.name;
  };
  const Texts texts{given, config, config_place};
  for (const Option* option : options)
    if (const std::vector<std::string>* own = texts.of(option->name))
      assign_one(*option, *own, texts.place(*option));
  for (const Option* option : options)
    if (option->required && texts.of(option->name) == nullptr)
      throw Error(
          ErrorKind::usage, shown(*option), "is missing",
          option->positional ? "" : fmt::format("add {} {}", shown(*option), option->placeholder));
  for (const Option* option : options) check_rules(*option, options, texts, "");
}

void check_input(const InputKind& input, std::span<const Option* const> options, const Given& given,
                 const Given& config, std::string_view config_place) {
  const Texts texts{given, config, config_place};
  for (const Option* option : options) {
    const std::vector<std::string>& meant = option->inputs;
    if (!meant.empty() && std::find(meant.begin(), meant.end(), input.group) == meant.end() &&
        says_something(*option, texts))
      throw Error(ErrorKind::usage, texts.place(*option),
                  fmt::format("says nothing about a {}", input.shown), "leave it out");
    if (!input.group.empty()) check_rules(*option, options, texts, input.group);
  }
}

void guard_inputs(std::span<const Option* const> options, const Given& given, const Given& config) {
  const auto each_path = [&](FileUse use, const auto& visit) {
    for (const Option* option : options) {
      if (option->file != use) continue;
      const auto own = given.find(option->name), other = config.find(option->name);
      if (own == given.end() && other == config.end()) continue;
      for (const std::string& text : own != given.end() ? own->second : other->second)
        visit(path_in(*option, text));
    }
  };
  each_path(FileUse::read, InputGuard::note);
  each_path(FileUse::written, InputGuard::check);
}

void option_value(const std::string& text, const std::string&, std::string& target) {
  target = text;
}

void option_value(const std::string& text, const std::string& place, std::int64_t& target) {
  parse_number(text, place, "an integer", target);
}

void option_value(const std::string& text, const std::string& place, int& target) {
  parse_number(text, place, "an integer", target);
}

void option_value(const std::string& text, const std::string& place, std::uint64_t& target) {
  parse_number(text, place, "a whole number from 0", target);
}

void option_value(const std::string& text, const std::string& place, double& target) {
  double value = 0;
  parse_number(text, place, "a number", value);
  if (!std::isfinite(value))
    throw Error(ErrorKind::usage, place, fmt::format("'{}' is not a finite number", text));
  target = value;
}

void option_value(const std::string& text, const std::string& place, bool& target) {
  if (text != "true" && text != "false")
    throw Error(ErrorKind::usage, place, fmt::format("'{}' is neither true nor false", text));
  target = text == "true";
}

void option_value(const std::string& text, const std::string& place, Bytes& target) {
  target = bytes_from_text(text, place);
}

void option_value(const std::string& text, const std::string& place, Seconds& target) {
  target = seconds_from_text(text, place);
}

std::string option_text(const std::string& value) { return value; }
std::string option_text(std::int64_t value) { return std::to_string(value); }
std::string option_text(std::uint64_t value) { return std::to_string(value); }
std::string option_text(int value) { return std::to_string(value); }
std::string option_text(double value) { return fmt::format("{}", value); }

std::string option_text(Bytes value) {
  std::string text = bytes_text(value.count);
  std::erase(text, ' ');
  return text;
}

std::string option_text(Seconds value) { return fmt::format("{}s", value.count); }

Option flag(std::string name, bool& target, std::string help) {
  Option result = option(std::move(name), "", target, std::move(help));
  result.default_text.clear();
  return result;
}

}  // namespace pliant
