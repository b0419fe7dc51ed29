#include "cli/verb.h"

namespace pliant {

template <>
struct OptionWords<ShellKind> {
  static constexpr std::pair<ShellKind, const char*> words[] = {
      {ShellKind::bash, "bash"}, {ShellKind::zsh, "zsh"}, {ShellKind::fish, "fish"}};
};

namespace cli {

Verb completion_verb() {
  const auto shell = std::make_shared<ShellKind>(ShellKind::bash);
  Command command{
      .name = "completion",
      .summary = "print a completion script for a shell",
      .description = {"Installation puts the scripts where the shells look for them; this prints them for others."},
      .arguments = {argument("SHELL", *shell, "the shell")},
      .options = {},
      .examples = {{"source <(pliant completion bash)", "complete in this bash session"},
                   {"pliant completion fish > ~/.config/fish/completions/pliant.fish", "install for fish"}}};
  return {std::move(command), [shell](const Context& context) -> int {
            context.out << completion_script(context.manual, *shell);
            return success;
          }};
}

}  // namespace cli
}  // namespace pliant
