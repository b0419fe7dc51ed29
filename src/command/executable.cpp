#include "command/executable.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "command/descriptor.h"
#include "command/parse.h"
#include "command/stop.h"
#include "core/error.h"
#include "core/files.h"
#include "core/files/input_guard.h"
#include "core/suggest.h"

namespace pliant {
namespace {

std::vector<Option> common_options(Common& common) {
  return {flag("json", common.json, "print one JSON object"),
          flag("quiet", common.quiet, "print no messages or progress, only results and errors")
              .with_letter('q'),
          option("log-level", "LEVEL", common.log_level, "which messages to print"),
          option("threads", "N", common.threads, "threads to use; 0: all processors")
              .with_letter('t')
              .within(0, 1024)
              .with_default("all processors"),
          option("seed", "N", common.seed, "seed of everything random"),
          option("config", "FILE", common.config, "JSON object of options; the command line wins")
              .path(),
          flag("version", common.version, "print the version"),
          flag("help", common.help, "print this help").with_letter('h')};
}

// One run of a program.
struct Run {
  const Executable& executable;
  const Console& console;
  Common common{};
  std::vector<Option> common_table = common_options(common);
  std::vector<const Command*> commands = pointers(executable.verbs);
  Manual manual{executable.name, executable.version, executable.summary, commands, common_table};

  static std::vector<const Command*> pointers(const std::vector<Verb>& verbs) {
    std::vector<const Command*> result;
    for (const Verb& each : verbs) result.push_back(&each.command);
    return result;
  }
};

// The verbs whose names begin with this word and have others behind it.
std::vector<const Command*> group(const Run& run, const std::string& word) {
  std::vector<const Command*> result;
  for (const Command* each : run.commands)
    if (each->name.starts_with(word + ' ')) result.push_back(each);
  return result;
}

[[noreturn]] void refuse_command(const Run& run, const std::vector<std::string>& words) {
  std::string asked = words[0];
  if (words.size() > 1 && !group(run, asked).empty()) asked += ' ' + words[1];
  std::vector<std::string> names;
  for (const Command* each : run.commands) names.push_back(each->name);
  throw Error(ErrorKind::usage, asked, "unknown command",
              did_you_mean(asked, names, run.executable.name + " --help lists the commands"));
}

// The verb whose name is the longest run of first words; its words are taken off.
const Verb& take_verb(const Run& run, std::vector<std::string>& words) {
  const Verb* best = nullptr;
  std::size_t length = 0;
  for (const Verb& each : run.executable.verbs) {
    std::string_view rest = each.command.name;
    std::size_t count = 0;
    for (; !rest.empty() && count < words.size(); ++count) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      if (words[count] != word) break;
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    if (rest.empty() && count > length) best = &each, length = count;
  }
  if (best == nullptr) refuse_command(run, words);
  words.erase(words.begin(), words.begin() + length);
  return *best;
}

// What was written for a verb: on the command line, and in the file of --config.
struct Written {
  std::vector<const Option*> options;
  Given given, config;
  std::string config_path;

  Written(const Run& run, const Verb& verb, Given line) : given(std::move(line)) {
    for (const Option& each : verb.command.arguments) options.push_back(&each);
    for (const Option& each : verb.command.options) options.push_back(&each);
    for (const Option& each : run.common_table) options.push_back(&each);
    if (const auto at = given.find("config"); at != given.end()) config_path = at->second.back();
    if (!config_path.empty())
      config = given_from_json(options, read_file(config_path), config_path);
  }
};

int run_verb(const Run& run, const Verb& verb, Given given) {
  const auto& [out, err, terminal] = run.console;
  if (given.contains("help")) {
    out << help_text(run.manual, verb.command);
    return success;
  }
  const InputGuard guard;
  const Written written(run, verb, std::move(given));
  assign(written.options, written.given, written.config, written.config_path);
  guard_inputs(written.options, written.given, written.config);
  Log log(err, run.common.quiet ? LogLevel::error : run.common.log_level, terminal,
          run.executable.name);
  const auto check = [&](const InputKind& input) {
    check_input(input, written.options, written.given, written.config, written.config_path);
  };
  return verb.run(Invocation(run.common, run.manual, out, log, install_stop_signals(), check));
}

// The first word of several commands, alone or with --help: which they are, and the exit status.
std::optional<int> show_group(const Run& run, const std::vector<std::string>& words) {
  const bool alone = words.size() == 1;
  if (!alone && words[1] != "--help" && words[1] != "-h") return {};
  const std::vector<const Command*> commands = group(run, words[0]);
  const auto named = [&](const Command* each) { return each->name == words[0]; };
  if (commands.empty() || std::any_of(run.commands.begin(), run.commands.end(), named)) return {};
  Manual manual = run.manual;
  manual.commands = commands;
  (alone ? run.console.err : run.console.out) << overview(manual);
  return alone ? usage_error : success;
}

int run_words(const Executable& executable, std::vector<std::string> words,
              const Console& console) {
  const Run run{executable, console};
  if (words.empty()) {
    console.err << overview(run.manual);
    return usage_error;
  }
  if (words[0] == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  if (words[0] == "--help" || words[0] == "-h") {
    console.out << overview(run.manual);
    return success;
  }
  if (std::find(words.begin(), words.end(), "--version") != words.end()) {
    console.out << executable.name << ' ' << executable.version << '\n';
    return success;
  }
  if (const auto code = show_group(run, words)) return *code;
  const Verb& verb = take_verb(run, words);
  return run_verb(run, verb, parse(run.manual, verb.command, words));
}

int report(const Error& error, const std::string& program, bool json, const Console& console) {
  console.err << program << ": error: " << error.place() << (error.place().empty() ? "" : ": ")
              << error.problem() << '\n';
  if (!error.next_step().empty()) console.err << "  try: " << error.next_step() << '\n';
  if (json) {
    const nlohmann::ordered_json object{{"error",
                                         {{"kind", name(error.kind())},
                                          {"place", error.place()},
                                          {"problem", error.problem()},
                                          {"next_step", error.next_step()}}}};
    console.out << object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  }
  return error.kind() == ErrorKind::usage ? usage_error : failure;
}

// A full disk must not look like success.
int flush(int code, const std::string& program, const Console& console) {
  if (console.out.flush()) return code;
  console.err << program << ": error: standard output: cannot write\n";
  return code == success ? failure : code;
}

}  // namespace

int run_executable(const Executable& executable, const std::vector<std::string>& words,
                   const Console& console) {
  const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
  int code = failure;
  try {
    code = run_words(executable, words, console);
  } catch (...) {
    code = report(current_error(), executable.name, json, console);
  }
  return flush(code, executable.name, console);
}

int run_executable(const Executable& executable, int argc, char** argv) {
  const SteadyOutput steady;
  return run_executable(executable, {argv + 1, argv + argc},
                        {std::cout, std::cerr, isatty(STDERR_FILENO) == 1});
}

}  // namespace pliant
