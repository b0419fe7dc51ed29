#include "command/parse.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "core/error.h"
#include "core/suggest.h"

namespace pliant {
namespace {

std::vector<const Option*> named_options(const Command& command, std::span<const Option> common) {
  std::vector<const Option*> all;
  for (const Option& each : command.options) all.push_back(&each);
  for (const Option& each : common) all.push_back(&each);
  return all;
}

void refuse_unknown(const std::vector<const Option*>& known, const std::string& word,
                    const std::string& called) {
  std::vector<std::string> names;
  for (const Option* each : known) names.push_back("--" + each->name);
  throw Error(
      ErrorKind::usage, word, "unknown option",
      did_you_mean(word.substr(0, word.find('=')), names, called + " --help lists the options"));
}

bool is_known_as(const Option& option, std::string_view name) {
  return std::find(option.also.begin(), option.also.end(), name) != option.also.end();
}

// Puts the own name in the place of what other programs call an option; an argument is told by its
// place, so that name goes.
std::vector<std::string> own_names(const Command& command, std::vector<const Option*> options,
                                   const std::vector<std::string>& words) {
  for (const Option& each : command.arguments) options.push_back(&each);
  std::vector<std::string> result;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--") {
      result.insert(result.end(), words.begin() + i, words.end());
      break;
    }
    const std::size_t end =
        words[i].starts_with('-') ? std::min(words[i].find('='), words[i].size()) : 0;
    const auto meant = std::find_if(options.begin(), options.end(), [&](const Option* each) {
      return end > 0 && is_known_as(*each, std::string_view(words[i]).substr(0, end));
    });
    if (meant == options.end()) {
      result.push_back(words[i]);
      continue;
    }
    const std::string rest = words[i].substr(end);  // "", or "=value"
    if (!(*meant)->positional) result.push_back("--" + (*meant)->name + rest);
    else if (!rest.empty()) result.push_back(rest.substr(1));
  }
  return result;
}

// Gives options that stand alone the value they then have.
std::vector<std::string> completed(const std::vector<const Option*>& options,
                                   std::vector<std::string> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool followed = i + 1 < words.size() && words[i + 1].find_first_of("0123456789") == 0;
    for (const Option* each : options)
      if (!followed && !each->alone.empty() && words[i] == "--" + each->name)
        words[i] += "=" + each->alone;
  }
  return words;
}

// Hands positional words to the arguments in order; the last takes the rest if it repeats.
void deal_arguments(const Command& command, const std::string& called,
                    const std::vector<std::string>& words, Given& given) {
  std::size_t at = 0;
  for (const std::string& word : words) {
    if (at == command.arguments.size())
      throw Error(ErrorKind::usage, word, "one argument too many",
                  called + " --help shows what is expected");
    given[command.arguments[at].name].push_back(word);
    if (!command.arguments[at].repeats) ++at;
  }
}

}  // namespace

Given parse(const Manual& manual, const Command& command, const std::vector<std::string>& words) {
  const std::string called = manual.program + " " + command.name;
  const std::vector<const Option*> options = named_options(command, manual.common);
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  Given given;
  std::vector<std::string> positional;
  for (const Option* each : options) {
    const std::string names =
        (each->letter != 0 ? fmt::format("-{},", each->letter) : "") + "--" + each->name;
    CLI::Option* added = each->is_flag() ? app.add_flag(names) : app.add_option(names)->expected(1);
    added->type_name(each->placeholder);
    added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  app.add_option("ARGUMENTS", positional);
  try {
    std::vector<std::string> whole = completed(options, own_names(command, options, words));
    std::reverse(whole.begin(), whole.end());
    app.parse(std::move(whole));
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorKind::usage, called, error.what(), called + " --help lists the options");
  }
  for (const std::string& word : app.remaining()) refuse_unknown(options, word, called);
  for (const Option* each : options) {
    const CLI::Option* parsed = app.get_option("--" + each->name);
    if (parsed->count() > 0) given[each->name] = parsed->results();
  }
  deal_arguments(command, called, positional, given);
  return given;
}

std::string parser_version() { return CLI11_VERSION; }

}  // namespace pliant
