#include "command/manual.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace pliant {
namespace {

constexpr std::size_t line_width = 100, option_column = 34;

// Appends `text` word by word from `column` on, wrapped at line_width, further lines indented by
// `indent`.
void wrap(std::string& out, std::string_view text, std::size_t column, std::size_t indent) {
  bool first = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!first && column + 1 + word.size() > line_width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (!first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    first = false;
  }
  out += '\n';
}

std::string spelled(const Option& option) {
  if (option.positional) return option.name;
  const std::string letter =
      option.letter != 0 ? fmt::format("-{}, ", option.letter) : std::string("    ");
  if (!option.alone.empty())
    return fmt::format("{}--{} [{}]", letter, option.name, option.placeholder);
  return letter + "--" + option.name + (option.is_flag() ? "" : " " + option.placeholder);
}

std::string_view verb_of(OptionRule::Kind kind) {
  switch (kind) {
    case OptionRule::Kind::excludes: return "not with";
    case OptionRule::Kind::needs: return "needs";
    case OptionRule::Kind::unless: return "required without";
  }
  return "";
}

// "not with --compare, --solver ilp"
void note_rules(std::vector<std::string>& notes, const Option& option) {
  using Kind = OptionRule::Kind;
  for (const Kind kind : {Kind::unless, Kind::needs, Kind::excludes}) {
    std::vector<std::string> others;
    for (const OptionRule& rule : option.rules)
      if (rule.kind == kind)
        others.push_back(rule.other + (rule.input.empty() ? "" : " for " + rule.input));
    if (!others.empty())
      notes.push_back(fmt::format("{} {}", verb_of(kind), fmt::join(others, ", ")));
  }
}

// The help line with what the type and the default add to it.
std::string meaning(const Option& option) {
  std::vector<std::string> notes;
  if (!option.choices.empty())
    notes.push_back(fmt::format("one of {}", fmt::join(option.choices, ", ")));
  if (option.range) notes.push_back(range_text(*option.range));
  if (option.repeats) notes.emplace_back("may be repeated");
  if (!option.also.empty()) notes.push_back(fmt::format("also {}", fmt::join(option.also, ", ")));
  if (!option.default_text.empty()) notes.push_back("default " + option.default_text);
  if (option.required && !option.positional) notes.emplace_back("required");
  if (!option.inputs.empty())
    notes.push_back(fmt::format("for {} only", fmt::join(option.inputs, " and ")));
  note_rules(notes, option);
  return notes.empty() ? option.help : fmt::format("{} ({})", option.help, fmt::join(notes, "; "));
}

void option_lines(std::string& out, std::span<const Option> options) {
  for (const Option& option : options) {
    std::string left = "  " + spelled(option);
    if (left.size() + 2 > option_column) left += '\n' + std::string(option_column, ' ');
    else left.resize(option_column, ' ');
    out += left;
    wrap(out, meaning(option), option_column, option_column);
  }
}

std::string usage_line(const Manual& manual, const Command& command) {
  std::string line = manual.program + " " + command.name;
  for (const Option& each : command.arguments) {
    const std::string shown = each.name + (each.repeats ? "..." : "");
    line += each.required ? " " + shown : " [" + shown + "]";
  }
  return line + " [options]";
}

constexpr const char* exit_codes[] = {
    "0", "success", "1", "the work failed, or the answer is no", "2", "the command line is wrong"};

std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += "\\e";
    else if (c == '-') out += "\\-";
    else if (c == '\'' || (c == '.' && (out.empty() || out.back() == '\n')))
      out += c == '.' ? "\\&." : "\\(aq";
    else out += c;
  }
  return out;
}

void roff_title(std::string& out, const Manual& manual, std::string name,
                std::string_view summary) {
  std::replace(name.begin(), name.end(), ' ', '-');
  std::string upper = name;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  out += fmt::format(".TH {} 1 \"\" \"{} {}\" \"User commands\"\n", roff(upper), manual.program,
                     manual.version);
  out += fmt::format(".SH NAME\n{} \\- {}\n", roff(name), roff(summary));
}

void roff_options(std::string& out, std::string_view heading, std::span<const Option> options) {
  if (options.empty()) return;
  out += fmt::format(".SH {}\n", heading);
  for (const Option& option : options) {
    std::string left = spelled(option);
    left.erase(0, left.find_first_not_of(' '));
    out += fmt::format(".TP\n.B {}\n{}\n", roff(left), roff(meaning(option)));
  }
}

void roff_exit_codes(std::string& out) {
  out += ".SH EXIT STATUS\n";
  for (std::size_t i = 0; i < std::size(exit_codes); i += 2)
    out += fmt::format(".TP\n.B {}\n{}\n", exit_codes[i], roff(exit_codes[i + 1]));
}

std::string table_cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
    text.insert(at, "\\");
  return text;
}

void option_table(std::string& out, std::span<const Option> options) {
  if (options.empty()) return;
  out += "\n| | |\n|---|---|\n";
  for (const Option& option : options) {
    std::string left = spelled(option);
    left.erase(0, left.find_first_not_of(' '));
    out += fmt::format("| `{}` | {} |\n", table_cell(left), table_cell(meaning(option)));
  }
}

}  // namespace

std::string overview(const Manual& manual) {
  std::string out = fmt::format("{} {} - {}\n\nusage: {} COMMAND [options]\n\ncommands:\n",
                                manual.program, manual.version, manual.summary, manual.program);
  for (const Command* each : manual.commands)
    out += fmt::format("  {:<18}{}\n", each->name, each->summary);
  out += "\noptions of every command:\n";
  option_lines(out, manual.common);
  out += fmt::format("\n{} COMMAND --help shows the options of a command and examples.\n",
                     manual.program);
  return out;
}

std::string help_text(const Manual& manual, const Command& command) {
  std::string out = fmt::format("{} {} - {}\n\nusage: {}\n", manual.program, command.name,
                                command.summary, usage_line(manual, command));
  for (const std::string& paragraph : command.description) {
    out += '\n';
    wrap(out, paragraph, 0, 0);
  }
  if (!command.arguments.empty()) out += "\narguments:\n";
  option_lines(out, command.arguments);
  if (!command.options.empty()) out += "\noptions:\n";
  option_lines(out, command.options);
  out += "\noptions of every command:\n";
  option_lines(out, manual.common);
  out += "\nexamples:\n";
  for (const Example& each : command.examples)
    out += fmt::format("  # {}\n  {}\n", each.meaning, each.line);
  out += "\nexit status:\n";
  for (std::size_t i = 0; i < std::size(exit_codes); i += 2)
    out += fmt::format("  {}  {}\n", exit_codes[i], exit_codes[i + 1]);
  return out;
}

std::string man_name(const Manual& manual, const Command& command) {
  std::string name = manual.program + "-" + command.name + ".1";
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string man_page(const Manual& manual) {
  std::string out;
  roff_title(out, manual, manual.program, manual.summary);
  out += fmt::format(".SH SYNOPSIS\n.B {}\n.I COMMAND\n[options]\n.SH COMMANDS\n", manual.program);
  for (const Command* each : manual.commands)
    out += fmt::format(".TP\n.B {}\n{}\n", roff(each->name), roff(each->summary));
  roff_options(out, "OPTIONS OF EVERY COMMAND", manual.common);
  roff_exit_codes(out);
  out += ".SH SEE ALSO\n";
  for (const Command* each : manual.commands) {
    std::string page = man_name(manual, *each);
    page.resize(page.size() - 2);
    out += fmt::format(".BR {} (1){}\n", roff(page), each == manual.commands.back() ? "" : ",");
  }
  return out;
}

std::string man_page(const Manual& manual, const Command& command) {
  std::string out;
  roff_title(out, manual, manual.program + " " + command.name, command.summary);
  out += fmt::format(".SH SYNOPSIS\n.B {}\n", roff(usage_line(manual, command)));
  if (!command.description.empty()) out += ".SH DESCRIPTION\n";
  for (const std::string& paragraph : command.description)
    out += fmt::format(".PP\n{}\n", roff(paragraph));
  roff_options(out, "ARGUMENTS", command.arguments);
  roff_options(out, "OPTIONS", command.options);
  roff_options(out, "OPTIONS OF EVERY COMMAND", manual.common);
  out += ".SH EXAMPLES\n";
  for (const Example& each : command.examples)
    out +=
        fmt::format(".PP\n{}:\n.PP\n.nf\n.RS\n{}\n.RE\n.fi\n", roff(each.meaning), roff(each.line));
  roff_exit_codes(out);
  out += fmt::format(".SH SEE ALSO\n.BR {} (1)\n", manual.program);
  return out;
}

std::string reference_page(const Manual& manual) {
  std::string out = fmt::format(
      "# Commands\n\nMade by `{0} man --format markdown` from the option tables; do not "
      "edit.\n\n## Options of every command\n",
      manual.program);
  option_table(out, manual.common);
  out += "\nExit status:";
  for (std::size_t i = 0; i < std::size(exit_codes); i += 2)
    out += fmt::format("{} {} {}", i == 0 ? "" : ";", exit_codes[i], exit_codes[i + 1]);
  out += ".\n";
  for (const Command* command : manual.commands) {
    out += fmt::format("\n## {} {}\n\n{}.\n\n```\n{}\n```\n", manual.program, command->name,
                       command->summary, usage_line(manual, *command));
    for (const std::string& paragraph : command->description) out += "\n" + paragraph + "\n";
    option_table(out, command->arguments);
    option_table(out, command->options);
    out += "\n```sh\n";
    for (const Example& each : command->examples)
      out += fmt::format("# {}\n{}\n", each.meaning, each.line);
    out += "```\n";
  }
  return out;
}

}  // namespace pliant
