// What every command has in common.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/process.h"
#include "core/files.h"

namespace pliant::test {
namespace {

bool installed(const std::string& tool) { return shell("command -v " + tool).code == 0; }

std::vector<std::string> commands() {
  std::istringstream lines(pliant({"--help"}).out);
  std::vector<std::string> names;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) inside = false;
    if (inside) names.push_back(line.substr(2, line.find("  ", 2) - 2));
    if (line == "commands:") inside = true;
  }
  return names;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

TEST(Program, EveryCommandHasHelpWithAnExample) {
  const std::vector<std::string> names = commands();
  EXPECT_GE(names.size(), 3u);
  for (const std::string& name : names) {
    std::vector<std::string> line = words(name);
    line.emplace_back("--help");
    const Outcome help = pliant(line);
    EXPECT_EQ(help.code, 0) << name;
    EXPECT_EQ(help.err, "") << name;
    const std::size_t examples = help.out.find("examples:\n  # ");
    ASSERT_NE(examples, std::string::npos) << name;
    EXPECT_NE(help.out.find("pliant " + name, examples), std::string::npos) << name;
    EXPECT_NE(help.out.find("--config FILE"), std::string::npos) << name;
  }
}

TEST(Program, NamesItsVersionAndItself) {
  EXPECT_EQ(pliant({"--version"}).out.rfind("pliant ", 0), 0u);
  EXPECT_EQ(pliant({"doctor", "--version"}).out, pliant({"--version"}).out);
  EXPECT_EQ(pliant({"help", "doctor"}).out, pliant({"doctor", "--help"}).out);
  const Outcome nothing = pliant({});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_EQ(nothing.out, "");
  EXPECT_NE(nothing.err.find("commands:"), std::string::npos);
}

struct BadLine {
  std::vector<std::string> words;
  int code;
  std::string error;  // begins standard error
};

TEST(Program, RefusesBadLinesWithAPlaceAndANextStep) {
  const std::string folder = temporary("");
  const std::vector<BadLine> lines{
      {{"dcotor"}, 2, "pliant: error: dcotor: unknown command\n  try: did you mean 'doctor'?\n"},
      {{"frobnicate"},
       2,
       "pliant: error: frobnicate: unknown command\n  try: pliant --help lists the commands\n"},
      {{"doctor", "--jsno"},
       2,
       "pliant: error: --jsno: unknown option\n  try: did you mean '--json'?\n"},
      {{"doctor", "-x"}, 2, "pliant: error: -x: unknown option\n"},
      {{"doctor", "much"}, 2, "pliant: error: much: one argument too many\n"},
      {{"doctor", "--threads"},
       2,
       "pliant: error: pliant doctor: --threads: 1 required N missing\n"},
      {{"doctor", "--threads", "two"}, 2, "pliant: error: --threads: 'two' is not an integer\n"},
      {{"doctor", "--threads", "-1"}, 2, "pliant: error: --threads: -1 is not from 0 to 1024\n"},
      {{"doctor", "--seed", "1", "--seed", "2"},
       2,
       "pliant: error: --seed: given 2 times (1, 2)\n"},
      {{"doctor", "--log-level", "inof"},
       2,
       "pliant: error: --log-level: 'inof' is not one of: error, warning, info"},
      {{"doctor", "--config", "/no/such.json"},
       1,
       "pliant: error: /no/such.json: cannot open: No such file"},
      {{"doctor", "--config", folder}, 1, "pliant: error: " + folder + ": is a directory\n"},
      {{"completion"}, 2, "pliant: error: SHELL: is missing\n"},
      {{"completion", "csh"}, 2, "pliant: error: SHELL: 'csh' is not one of: bash, zsh, fish\n"},
      {{"man", "doktor"},
       2,
       "pliant: error: doktor: unknown command\n  try: did you mean 'doctor'?\n"},
      {{"man", "--directory", "/no/such"},
       1,
       "pliant: error: /no/such/pliant.1: cannot write: No such file"},
  };
  for (const BadLine& line : lines) {
    const Outcome outcome = pliant(line.words);
    EXPECT_EQ(outcome.code, line.code) << line.error;
    EXPECT_EQ(outcome.err.substr(0, line.error.size()), line.error);
    EXPECT_EQ(outcome.out, "") << line.error;
  }
}

// Those that have a placeholder N.
std::vector<std::string> counts(const std::string& help) {
  std::vector<std::string> names;
  for (std::size_t at = help.find("--"); at != std::string::npos; at = help.find("--", at + 2)) {
    const std::size_t end = help.find_first_of(" \n[", at);
    if (end != std::string::npos && help.compare(end, 3, " N ") == 0)
      names.push_back(help.substr(at, end - at));
  }
  return names;
}

TEST(Program, NoCountMayBeNegative) {
  std::size_t checked = 0;
  for (const std::string& name : commands()) {
    std::vector<std::string> line = words(name);
    line.emplace_back("--help");
    const std::string help = pliant(line).out;
    line.pop_back();
    std::istringstream usage(help.substr(help.find("usage: pliant " + name) + 14 + name.size()));
    for (std::string word; usage >> word && word[0] != '[';)
      line.push_back(word == "SHELL" ? "bash" : word);
    if (name == "perplexity") line.insert(line.end(), {"--file", "text"});
    for (const std::string& option : counts(help)) {
      if (option == "--seed") continue;
      std::vector<std::string> with = line;
      with.insert(with.end(), {option, "-2"});  // -1 may mean: no end
      const Outcome outcome = pliant(with);
      EXPECT_EQ(outcome.code, 2) << name;
      EXPECT_EQ(outcome.err.rfind("pliant: error: " + option + ": ", 0), 0u)
          << name << ": " << outcome.err;
      ++checked;
    }
  }
  EXPECT_GT(checked, 40u);
}

// A misspelt name in a rule would never be given.
TEST(Program, RulesNameOptionsOfTheirCommand) {
  std::istringstream lines(pliant({"man", "--format", "markdown"}).out);
  std::vector<std::string> options, named;
  const auto check = [&] {
    for (const std::string& each : named)
      EXPECT_NE(std::find(options.begin(), options.end(), each), options.end()) << each;
    options.clear();
    named.clear();
  };
  std::size_t rules = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) check();
    if (!line.starts_with("| `")) continue;
    const std::size_t name = line.find("--");
    if (name == std::string::npos) continue;
    options.push_back(line.substr(name, line.find_first_of(" `", name) - name));
    for (const std::string rule : {"not with --", "needs --"}) {
      std::size_t at = line.find(rule);
      if (at == std::string::npos) continue;
      std::string others = line.substr(at + rule.size() - 2);
      others.resize(others.find_first_of(";)"));
      for (at = 0; (at = others.find("--", at)) != std::string::npos; ++at, ++rules)
        named.push_back(others.substr(at, others.find_first_of(" ,", at) - at));
    }
  }
  check();
  EXPECT_GT(rules, 25u);
}

TEST(Program, AnyExceptionEndsInAnErrorNotInAnAbort) {
  const std::string loop = temporary("loop");
  std::filesystem::create_symlink(loop, loop);
  const Outcome outcome = pliant({"tokenize", loop, "--text", "a"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err, "pliant: error: " + loop + ": Too many levels of symbolic links\n");
}

// Whatever the verb: the line names the file in place of IN, and its link in place of LINK.
TEST(Program, NoOutputReplacesAnInput) {
  const std::string in = temporary("precious", "what was there"), link = temporary("precious.link");
  std::filesystem::create_symlink(in, link);
  const std::vector<std::string> lines{"plan IN -s MR -o IN",
                                       "plan IN -s MR -o LINK",
                                       "plan LINK -s MR --problem IN",
                                       "plan IN -s MR --report IN",
                                       "plan IN -s MR --export IN",
                                       "plan IN -s MR --export-tflm IN",
                                       "plan net -s MR --device IN -o IN",
                                       "plan net -s MR --config IN -o IN",
                                       "inspect IN --dot IN",
                                       "run IN --input random -o IN",
                                       "run net --input x=IN -o y=LINK",
                                       "run net --input IN --trace IN",
                                       "logits IN --ids 1 --out IN",
                                       "convert IN --to gguf -o IN --force",
                                       "convert net --tokenizer IN --to gguf -o IN --force",
                                       "quantize IN --to Q8_0 -o IN",
                                       "tokenizer train IN --out IN"};
  for (std::string line : lines) {
    std::vector<std::string> given = words(line);
    for (std::string& word : given)
      for (const auto& [name, path] :
           {std::pair{std::string("IN"), in}, {std::string("LINK"), link}})
        if (word == name || word.ends_with("=" + name))
          word.replace(word.size() - name.size(), name.size(), path);
    if (line.find("--config") != std::string::npos) write_file(in, "{}");
    const Outcome outcome = pliant(given);
    EXPECT_EQ(outcome.code, 2) << line;
    EXPECT_NE(outcome.err.find(": would be written over the input '"), std::string::npos)
        << line << outcome.err;
    write_file(in, "what was there");
  }
}

TEST(Program, AnInputThatNoOptionNamesIsNotReplacedEither) {
  const std::string folder = temporary("corpus"), corpus = folder + "/merges.txt";
  std::filesystem::create_directories(folder);
  write_file(corpus, "the cat sat on the mat\n");
  const Outcome outcome = pliant({"tokenizer", "train", corpus, "--size", "270", "--out", folder});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find(corpus + ": would be written over the input '"), std::string::npos)
      << outcome.err;
  EXPECT_EQ(read_file(corpus), "the cat sat on the mat\n");
}

TEST(Program, ErrorsAreAnObjectUnderJson) {
  const Outcome outcome = pliant({"doctor", "--jsno", "--json"});
  EXPECT_EQ(outcome.code, 2);
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["error"]["kind"], "usage");
  EXPECT_EQ(json["error"]["place"], "--jsno");
  EXPECT_EQ(json["error"]["problem"], "unknown option");
  EXPECT_EQ(json["error"]["next_step"], "did you mean '--json'?");
}

TEST(Program, TheCommandLineWinsOverTheConfig) {
  const std::string config = temporary("config.json", R"({"json": true, "log-level": "debug"})");
  EXPECT_EQ(pliant({"doctor", "--config", config}).out[0], '{');
  EXPECT_NE(pliant({"doctor", "--config", config, "--json=false"}).out[0], '{');
  const std::string wrong = temporary("wrong.json", R"({"log-level": "loud"})");
  EXPECT_EQ(pliant({"doctor", "--config", wrong, "--log-level", "info"}).code, 0);
  EXPECT_EQ(pliant({"doctor", "--config", wrong})
                .err.rfind("pliant: error: " + wrong + ": log-level: 'loud'", 0),
            0u);
  const std::string unknown = temporary("unknown.json", R"({"thread": 2})");
  EXPECT_NE(pliant({"doctor", "--config", unknown})
                .err.find("unknown key 'thread'\n  try: did you mean 'threads'?"),
            std::string::npos);
  const std::string broken = temporary("broken.json", R"({"threads": )");
  EXPECT_EQ(pliant({"doctor", "--config", broken}).err,
            "pliant: error: " + broken + " at byte 13: is not JSON: the text is broken here\n");
}

TEST(Program, AFullDiskIsNoSuccess) {
  const Outcome outcome = shell(std::string(PLIANT_BINARY) + " doctor > /dev/full");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err, "pliant: error: standard output: cannot write\n");
}

TEST(Completion, ScriptsAreWellFormed) {
  for (const char* name : {"bash", "zsh", "fish"}) {
    const std::string script =
        temporary(std::string("completion.") + name, pliant({"completion", name}).out);
    for (const std::string& command : commands())
      EXPECT_NE(read_file(script).find(words(command)[0]), std::string::npos)
          << name << " " << command;
    if (!installed(name)) continue;
    const Outcome check = shell(std::string(name) + " -n " + script);
    EXPECT_EQ(check.code, 0) << name << ": " << check.err;
  }
}

TEST(Completion, BashCompletesCommandsOptionsAndChoices) {
  if (!installed("bash")) GTEST_SKIP() << "no bash";
  const std::string script = temporary("completion.sh", pliant({"completion", "bash"}).out);
  const auto complete = [&](const std::string& line, int at) {
    const std::string code = "source " + script + "; COMP_WORDS=(" + line +
                             "); COMP_CWORD=" + std::to_string(at) +
                             "; _pliant; echo \"${COMPREPLY[@]}\"";
    return shell("bash -c '" + code + "'").out;
  };
  EXPECT_EQ(complete("pliant doc", 1), "doctor\n");
  EXPECT_EQ(complete("pliant doctor --log-l", 2), "--log-level\n");
  EXPECT_EQ(complete("pliant doctor --log-level w", 3), "warning\n");
  EXPECT_EQ(complete("pliant completion z", 2), "zsh\n");
}

TEST(Man, PagesRenderWithoutWarnings) {
  if (!installed("groff")) GTEST_SKIP() << "no groff";
  const std::string folder = temporary("");
  EXPECT_EQ(pliant({"man", "--directory", folder}).code, 0);
  std::vector<std::string> pages{"pliant.1"};
  for (std::string name : commands()) {
    std::replace(name.begin(), name.end(), ' ', '-');
    pages.push_back("pliant-" + name + ".1");
  }
  for (const std::string& page : pages) {
    const Outcome rendered = shell("groff -man -Tutf8 -ww -z " + folder + "/" + page);
    EXPECT_EQ(rendered.code, 0) << page;
    EXPECT_EQ(rendered.err, "") << page;
  }
}

TEST(Man, TheReferencePageIsUpToDate) {
  EXPECT_TRUE(read_file(PLIANT_SOURCE "/docs/commands.md") ==
              pliant({"man", "--format", "markdown"}).out)
      << "renew it: build/release/pliant man --format markdown > docs/commands.md";
}

TEST(Doctor, SaysWhatIsHere) {
  const auto json = nlohmann::json::parse(pliant({"doctor", "--json"}).out);
  EXPECT_GE(json["threads"].get<int>(), 1);
  EXPECT_GT(json["memory_bytes"].get<std::int64_t>(), 0);
  EXPECT_FALSE(json["libraries"].empty());
  EXPECT_EQ(json["plain_weights"], json["kernels"].back());
  EXPECT_FALSE(json["encoded_weights"].get<std::string>().empty());
  EXPECT_NE(json["encoded_weights_reason"].get<std::string>().find("the processor"),
            std::string::npos);
  EXPECT_NE(pliant({"doctor"}).out.find("threads"), std::string::npos);
}

}  // namespace
}  // namespace pliant::test
