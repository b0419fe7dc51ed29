// What is made from the option tables for readers and shells.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "command/options.h"

namespace pliant {

struct Manual {
  std::string program, version, summary;
  std::span<const Command* const> commands;
  std::span<const Option> common;  // options that every command has
};

std::string overview(const Manual& manual);                           // the commands, one line each
std::string help_text(const Manual& manual, const Command& command);  // --help
std::string man_page(const Manual& manual);                           // roff of PROGRAM(1)
std::string man_page(const Manual& manual, const Command& command);   // roff of PROGRAM-COMMAND(1)
std::string man_name(const Manual& manual, const Command& command);   // "pliant-plan-check.1"
std::string reference_page(const Manual& manual);                     // markdown, all commands

enum class ShellKind : std::uint8_t { bash, zsh, fish };
std::string completion_script(const Manual& manual, ShellKind shell);

}  // namespace pliant
