#include "command/manual_verbs.h"

namespace pliant {

template <>
struct OptionWords<ShellKind> {
  static constexpr std::pair<ShellKind, const char*> words[] = {
      {ShellKind::bash, "bash"}, {ShellKind::zsh, "zsh"}, {ShellKind::fish, "fish"}};
};

Verb completion_verb(const std::string& program) {
  const auto shell = std::make_shared<ShellKind>(ShellKind::bash);
  Command command{
      .name = "completion",
      .summary = "print a completion script for a shell",
      .description = {"Installation puts the scripts where the shells look for them; this prints "
                      "them for others."},
      .arguments = {argument("SHELL", *shell, "the shell")},
      .options = {},
      .examples = {{"source <(" + program + " completion bash)", "complete in this bash session"},
                   {program + " completion fish > ~/.config/fish/completions/" + program + ".fish",
                    "install for fish"}}};
  return {std::move(command), [shell](const Invocation& context) -> int {
            context.out << completion_script(context.manual, *shell);
            return success;
          }};
}

}  // namespace pliant
