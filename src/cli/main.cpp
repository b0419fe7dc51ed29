#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/parse.h"
#include "cli/stop.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/files.h"
#include "core/input_guard.h"
#include "core/suggest.h"

namespace pliant::cli {
namespace {

std::vector<Option> common_options(Common& common) {
  return {flag("json", common.json, "print one JSON object"),
          flag("quiet", common.quiet, "print no messages or progress, only results and errors").with_letter('q'),
          option("log-level", "LEVEL", common.log_level, "which messages to print"),
          option("threads", "N", common.threads, "threads to use; 0: all processors")
              .within(0, 1024)
              .with_default("all processors"),
          option("seed", "N", common.seed, "seed of everything random"),
          option("config", "FILE", common.config, "JSON object of options; the command line wins").path(),
          flag("version", common.version, "print the version"),
          flag("help", common.help, "print this help").with_letter('h')};
}

struct Program {
  Common common;
  std::vector<Option> common_table = common_options(common);
  std::vector<Verb> verbs = all_verbs();
  std::vector<const Command*> commands = pointers(verbs);
  Manual manual{"pliant", PLIANT_VERSION, "neural networks on small devices", commands, common_table};

  static std::vector<const Command*> pointers(const std::vector<Verb>& verbs) {
    std::vector<const Command*> result;
    for (const Verb& each : verbs) result.push_back(&each.command);
    return result;
  }
};

// The verb whose name is the longest run of first words; its words are taken off.
const Verb& take_verb(const Program& program, std::vector<std::string>& words) {
  const Verb* best = nullptr;
  std::size_t length = 0;
  for (const Verb& each : program.verbs) {
    std::string_view rest = each.command.name;
    std::size_t count = 0;
    for (; !rest.empty() && count < words.size(); ++count) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      if (words[count] != word) break;
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    if (rest.empty() && count > length) best = &each, length = count;
  }
  if (best == nullptr) {
    std::vector<std::string> names;
    for (const Verb& each : program.verbs) names.push_back(each.command.name);
    throw Error(ErrorKind::usage, words[0], "unknown command",
                did_you_mean(words[0], names, "pliant --help lists the commands"));
  }
  words.erase(words.begin(), words.begin() + length);
  return *best;
}

void assign_all(Program& program, const Verb& verb, const Given& given) {
  std::vector<const Option*> options;
  for (const Option& each : verb.command.arguments) options.push_back(&each);
  for (const Option& each : verb.command.options) options.push_back(&each);
  for (const Option& each : program.common_table) options.push_back(&each);
  const auto at = given.find("config");
  const std::string path = at == given.end() ? "" : at->second.back();
  const Given config = path.empty() ? Given{} : given_from_json(options, read_file(path), path);
  assign(options, given, config, path);
  guard_inputs(options, given, config);
}

int run_verb(Program& program, const Verb& verb, const Given& given) {
  if (given.contains("help")) {
    std::cout << help_text(program.manual, verb.command);
    return success;
  }
  const InputGuard guard;
  assign_all(program, verb, given);
  Log log(std::cerr, program.common.quiet ? LogLevel::error : program.common.log_level, isatty(STDERR_FILENO) == 1);
  return verb.run(Context(program.common, program.manual, std::cout, log, install_stop_signals()));
}

int run(std::vector<std::string> words) {
  Program program;
  if (words.empty()) {
    std::cerr << overview(program.manual);
    return usage_error;
  }
  if (words[0] == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  if (words[0] == "--help" || words[0] == "-h") {
    std::cout << overview(program.manual);
    return success;
  }
  if (std::find(words.begin(), words.end(), "--version") != words.end()) {
    std::cout << program.manual.program << ' ' << program.manual.version << '\n';
    return success;
  }
  const Verb& verb = take_verb(program, words);
  return run_verb(program, verb, parse(verb.command, program.common_table, words));
}

int report(const Error& error, bool json) {
  std::cerr << "pliant: error: " << error.place() << (error.place().empty() ? "" : ": ") << error.problem() << '\n';
  if (!error.next_step().empty()) std::cerr << "  try: " << error.next_step() << '\n';
  if (json) {
    const nlohmann::ordered_json object{{"error",
                                         {{"kind", name(error.kind())},
                                          {"place", error.place()},
                                          {"problem", error.problem()},
                                          {"next_step", error.next_step()}}}};
    std::cout << object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  }
  return error.kind() == ErrorKind::usage ? usage_error : failure;
}

// A full disk must not look like success.
int flush(int code) {
  if (std::cout.flush()) return code;
  std::cerr << "pliant: error: standard output: cannot write\n";
  return code == success ? failure : code;
}

}  // namespace
}  // namespace pliant::cli

int main(int argc, char** argv) {
  using namespace pliant;
  const std::vector<std::string> words(argv + 1, argv + argc);
  const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
  try {
    return cli::flush(cli::run(words));
  } catch (...) {
    return cli::flush(cli::report(current_error(), json));
  }
}
