#include <algorithm>

#include "command/manual_verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "core/suggest.h"

namespace pliant {
namespace {

struct ManOptions {
  std::vector<std::string> command;
  std::string format = "roff", directory;
};

const Command& find_command(const Manual& manual, const std::string& name) {
  std::vector<std::string> names;
  for (const Command* each : manual.commands) {
    if (each->name == name) return *each;
    names.push_back(each->name);
  }
  throw Error(ErrorKind::usage, name, "unknown command",
              did_you_mean(name, names, manual.program + " --help lists the commands"));
}

void write_pages(const Manual& manual, const std::string& directory) {
  write_file(directory + "/" + manual.program + ".1", man_page(manual));
  for (const Command* each : manual.commands)
    write_file(directory + "/" + man_name(manual, *each), man_page(manual, *each));
}

int print_manual(const ManOptions& options, const Invocation& context) {
  const Manual& manual = context.manual;
  std::string name;
  for (const std::string& word : options.command) name += (name.empty() ? "" : " ") + word;
  if (!options.directory.empty()) write_pages(manual, options.directory);
  else if (options.format == "markdown") context.out << reference_page(manual);
  else
    context.out << (name.empty() ? man_page(manual) : man_page(manual, find_command(manual, name)));
  return success;
}

}  // namespace

Verb man_verb(const std::string& program) {
  const auto options = std::make_shared<ManOptions>();
  Command command{
      .name = "man",
      .summary = "print the manual page of a command",
      .description = {"Prints roff for man -l, or the whole reference as markdown."},
      .arguments = {argument("COMMAND", options->command,
                             "the command; without one, the page of " + program)
                        .optional()},
      .options = {option("format", "FORMAT", options->format, "what to print")
                      .with_choices({"roff", "markdown"}),
                  option("directory", "DIR", options->directory, "write all pages into this folder")
                      .written()},
      .examples = {
          {program + " man plan | man -l -", "read a page before it is installed"},
          {program + " man --format markdown > docs/commands.md", "renew the reference page"}}};
  return {std::move(command),
          [options](const Invocation& context) { return print_manual(*options, context); }};
}

}  // namespace pliant
