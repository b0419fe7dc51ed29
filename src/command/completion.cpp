#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "command/manual.h"

namespace pliant {
namespace {

// Calls visit(option) for the command's own and the common options.
template <typename Visit>
void each_option(const Manual& manual, const Command& command, const Visit& visit) {
  for (const Option& option : command.options) visit(option);
  for (const Option& option : manual.common) visit(option);
}

// The words that may follow `prefix` ("" or "plan") as the next part of a command's name.
std::vector<std::string> next_words(const Manual& manual, const std::string& prefix) {
  std::set<std::string> words;
  for (const Command* each : manual.commands) {
    std::string_view rest = each->name;
    if (!prefix.empty()) {
      if (!rest.starts_with(prefix + " ")) continue;
      rest.remove_prefix(prefix.size() + 1);
    }
    words.emplace(rest.substr(0, rest.find(' ')));
  }
  return {words.begin(), words.end()};
}

std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text)
    if (c == '\'') out += "'\\''";
    else out += c;
  return out + "'";
}

std::string bash_values(const Manual& manual, const Command& command) {
  std::string out;
  each_option(manual, command, [&](const Option& option) {
    if (option.is_flag()) return;
    const std::string letter = option.letter != 0 ? fmt::format("|-{}", option.letter) : "";
    const std::string reply =
        !option.choices.empty()        ? fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$word\"))",
                                                     fmt::join(option.choices, " "))
        : option.file != FileUse::none ? std::string("COMPREPLY=($(compgen -f -- \"$word\"))")
                                       : std::string("COMPREPLY=()");
    out += fmt::format("        --{}{}) {}; return ;;\n", option.name, letter, reply);
  });
  return out;
}

std::string bash_command(const Manual& manual, const Command& command) {
  std::string options;
  each_option(manual, command, [&](const Option& option) { options += " --" + option.name; });
  std::vector<std::string> words = next_words(manual, command.name);
  for (const Option& argument : command.arguments)
    words.insert(words.end(), argument.choices.begin(), argument.choices.end());
  return fmt::format(
      "    '{}')\n      case $before in\n{}      esac\n      if [[ $word == -* ]]; then\n        "
      "COMPREPLY=($(compgen -W '{}' -- \"$word\"))\n      else\n        COMPREPLY=($(compgen -W "
      "'{}' -- \"$word\") $(compgen -f -- \"$word\"))\n      fi ;;\n",
      command.name, bash_values(manual, command), options.substr(1), fmt::join(words, " "));
}

std::string bash_script(const Manual& manual) {
  std::string out = fmt::format(
      "# bash completion of {0}; source it, or install it in a folder of bash-completion\n_{0}() "
      "{{\n  local "
      "word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} "
      "command=${{COMP_WORDS[1]}}\n"
      "  if ((COMP_CWORD == 1)); then\n    COMPREPLY=($(compgen -W '{1} --help --version' -- "
      "\"$word\"))\n    return\n  fi\n",
      manual.program, fmt::join(next_words(manual, ""), " "));
  for (const Command* each : manual.commands)
    if (const std::size_t space = each->name.find(' '); space != std::string::npos)
      out += fmt::format(
          "  [[ $command == {} && COMP_CWORD -gt 2 && ${{COMP_WORDS[2]}} == {} ]] && "
          "command='{}'\n",
          each->name.substr(0, space), each->name.substr(space + 1), each->name);
  out += "  case $command in\n";
  for (const Command* each : manual.commands) out += bash_command(manual, *each);
  return out + fmt::format("  esac\n}}\ncomplete -o filenames -F _{0} {0}\n", manual.program);
}

// Text inside the brackets of a zsh option specification.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_option(const Option& option) {
  std::string spec =
      fmt::format("{}--{}[{}]", option.repeats ? "*" : "", option.name, zsh_text(option.help));
  if (!option.is_flag()) {
    const std::string values = !option.choices.empty()
                                   ? fmt::format("({})", fmt::join(option.choices, " "))
                               : option.file != FileUse::none ? std::string("_files")
                                                              : std::string();
    spec += fmt::format(":{}:{}", zsh_text(option.placeholder), values);
  }
  return single_quoted(spec);
}

std::string zsh_script(const Manual& manual) {
  std::string out = fmt::format(
      "#compdef {0}\n# zsh completion of {0}\n_{0}() {{\n  local command=$words[2]\n  if ((CURRENT "
      "== 2)); then\n    local -a commands=(\n",
      manual.program);
  for (const Command* each : manual.commands)
    if (each->name.find(' ') == std::string::npos)
      out += fmt::format("      {}\n", single_quoted(each->name + ":" + zsh_text(each->summary)));
  out += "    )\n    _describe command commands\n    return\n  fi\n";
  for (const Command* each : manual.commands)
    if (const std::size_t space = each->name.find(' '); space != std::string::npos)
      out += fmt::format("  [[ $command == {} && $words[3] == {} ]] && command='{}'\n",
                         each->name.substr(0, space), each->name.substr(space + 1), each->name);
  out += "  case $command in\n";
  for (const Command* each : manual.commands) {
    out += fmt::format("    '{}') _arguments '*:file:_files'", each->name);
    each_option(manual, *each,
                [&](const Option& option) { out += " \\\n      " + zsh_option(option); });
    out += " ;;\n";
  }
  return out + fmt::format("  esac\n}}\n_{} \"$@\"\n", manual.program);
}

std::string fish_option(const Manual& manual, const Command& command, const Option& option) {
  const std::string verb = command.name.substr(0, command.name.find(' '));
  std::string line = fmt::format("complete -c {} -n '__fish_seen_subcommand_from {}' -l {}",
                                 manual.program, verb, option.name);
  if (option.letter != 0) line += fmt::format(" -s {}", option.letter);
  if (!option.is_flag()) line += option.file != FileUse::none ? " -r -F" : " -x";
  if (!option.choices.empty()) line += fmt::format(" -a '{}'", fmt::join(option.choices, " "));
  return line + " -d " + single_quoted(option.help) + "\n";
}

std::string fish_script(const Manual& manual) {
  std::string out = fmt::format("# fish completion of {}\n", manual.program);
  for (const Command* each : manual.commands) {
    const std::size_t space = each->name.find(' ');
    const std::string condition =
        space == std::string::npos ? std::string("__fish_use_subcommand")
                                   : "__fish_seen_subcommand_from " + each->name.substr(0, space);
    out += fmt::format("complete -c {} -n '{}' -a {} -d {}\n", manual.program, condition,
                       space == std::string::npos ? each->name : each->name.substr(space + 1),
                       single_quoted(each->summary));
  }
  for (const Command* each : manual.commands)
    each_option(manual, *each,
                [&](const Option& option) { out += fish_option(manual, *each, option); });
  return out;
}

}  // namespace

std::string completion_script(const Manual& manual, ShellKind shell) {
  switch (shell) {
    case ShellKind::bash: return bash_script(manual);
    case ShellKind::zsh: return zsh_script(manual);
    case ShellKind::fish: return fish_script(manual);
  }
  return "";
}

}  // namespace pliant
