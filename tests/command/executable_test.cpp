// A program with verbs of its own, run without starting a process.
#include "command/executable.h"

#include <gtest/gtest.h>

#include <csignal>
#include <sstream>

#include "command/manual_verbs.h"
#include "core/error.h"
#include "core/files.h"

namespace pliant {
namespace {

struct Outcome {
  int code;
  std::string out, err;
};

// bake PIE [--heat N] [--glaze KIND]; "bake twice" fails in the way that its argument says.
Executable bakery() {
  struct Baking {
    std::string pie, glaze = "none";
    std::int64_t heat = 180;
  };
  const auto baking = std::make_shared<Baking>();
  Verb bake{{.name = "bake",
             .summary = "bake a pie",
             .description = {},
             .arguments = {argument("PIE", baking->pie, "the pie").known_as({"--cake"})},
             .options = {option("heat", "N", baking->heat, "how hot")
                             .within(50, 300)
                             .known_as({"-T", "--temperature"}),
                         option("glaze", "KIND", baking->glaze, "what covers it")
                             .with_choices({"none", "egg"})},
             .examples = {{"bakery bake apple", "the usual"}}},
            [baking](const Invocation& context) -> int {
              context.log.info("preheated");
              context.out << baking->pie << " at " << baking->heat << " with " << baking->glaze
                          << " by " << context.common.seed << '\n';
              return success;
            }};
  const auto way = std::make_shared<std::string>();
  Verb twice{{.name = "bake twice",
              .summary = "fail",
              .description = {},
              .arguments = {argument("WAY", *way, "how")},
              .options = {},
              .examples = {{"bakery bake twice no", "the answer no"}}},
             [way](const Invocation& context) -> int {
               if (*way == "no") return failure;
               if (*way == "usage")
                 throw Error(ErrorKind::usage, "--glaze", "is sticky", "use less");
               if (*way == "error") throw Error(ErrorKind::io, "oven", "is cold", "light it");
               if (*way == "memory") throw std::bad_alloc();
               if (*way == "stop") std::raise(SIGINT);
               if (*way == "disk") context.out.setstate(std::ios::badbit);
               return context.stop ? 7 : success;
             }};
  return {"bakery",
          "1.2",
          "pies",
          {std::move(bake), std::move(twice), man_verb("bakery"), completion_verb("bakery")}};
}

Outcome run(const Executable& program, const std::vector<std::string>& words) {
  std::ostringstream out, err;
  const int code = run_executable(program, words, {out, err});
  return {code, out.str(), err.str()};
}

Outcome run(const std::vector<std::string>& words) { return run(bakery(), words); }

TEST(Executable, RunsTheVerbWithItsOptions) {
  const Outcome usual = run({"bake", "apple"});
  EXPECT_EQ(usual.code, 0);
  EXPECT_EQ(usual.out, "apple at 180 with none by 1\n");
  EXPECT_EQ(usual.err, "bakery: preheated\n");
  EXPECT_EQ(run({"bake", "--heat=200", "pear", "--glaze", "egg", "--seed", "3", "-q"}).out,
            "pear at 200 with egg by 3\n");
  EXPECT_EQ(run({"bake", "pear", "-q"}).err, "");
}

TEST(Executable, TakesTheLongestNameOfAVerb) {
  EXPECT_EQ(run({"bake", "twice", "yes"}).code, 0);
  EXPECT_EQ(run({"bake", "twice"}).err, "bakery: error: WAY: is missing\n");
}

TEST(Executable, PrintsHelpAndVersion) {
  const Outcome help = run({"bake", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("usage: bakery bake PIE [options]"), std::string::npos) << help.out;
  EXPECT_NE(help.out.find("--config FILE"), std::string::npos);
  EXPECT_EQ(run({"help", "bake"}).out, help.out);
  EXPECT_EQ(run({"bake", "-h"}).out, help.out);
  EXPECT_EQ(run({"--version"}).out, "bakery 1.2\n");
  EXPECT_EQ(run({"bake", "--version"}).out, "bakery 1.2\n");
  EXPECT_NE(run({"--help"}).out.find("\n  bake twice"), std::string::npos);
  EXPECT_EQ(run({"--help"}).out, run({"help"}).out);
  EXPECT_EQ(run({}).code, 2);
  EXPECT_EQ(run({}).out, "");
  EXPECT_EQ(run({}).err, run({"--help"}).out);
}

TEST(Executable, UnderstandsWhatOtherProgramsCallAnOption) {
  const std::string own = run({"bake", "pear", "--heat", "200"}).out;
  EXPECT_EQ(run({"bake", "pear", "-T", "200"}).out, own);
  EXPECT_EQ(run({"bake", "--temperature=200", "--cake", "pear"}).out, own);
  EXPECT_EQ(run({"bake", "--cake=pear", "--heat", "200"}).out, own);
  EXPECT_NE(run({"bake", "--help"}).out.find("also -T, --temperature"), std::string::npos);
}

TEST(Executable, TheFirstWordOfSeveralCommandsListsThem) {
  Executable program = bakery();
  program.verbs[0].command.name = "oven bake";
  program.verbs[1].command.name = "oven clean";
  const Outcome help = run(program, {"oven", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("\n  oven bake "), std::string::npos) << help.out;
  EXPECT_NE(help.out.find("\n  oven clean "), std::string::npos) << help.out;
  EXPECT_EQ(help.out.find("\n  man "), std::string::npos) << help.out;
  EXPECT_EQ(run(program, {"help", "oven"}).out, help.out);
  EXPECT_EQ(run(program, {"oven"}).err, help.out);
  EXPECT_EQ(run(program, {"oven"}).code, 2);
  EXPECT_EQ(run(program, {"oven", "claen"}).err,
            "bakery: error: oven claen: unknown command\n  try: did you mean 'oven clean'?\n");
}

TEST(Executable, PrintsItsManualAndCompletion) {
  EXPECT_NE(run({"man"}).out.find(".TH BAKERY 1"), std::string::npos);
  EXPECT_NE(run({"man", "bake", "twice"}).out.find(".TH BAKERY\\-BAKE\\-TWICE 1"),
            std::string::npos);
  EXPECT_NE(run({"man", "--format", "markdown"}).out.find("## bakery bake\n"), std::string::npos);
  EXPECT_EQ(run({"man", "baek"}).err,
            "bakery: error: baek: unknown command\n  try: did you mean 'bake'?\n");
  EXPECT_NE(run({"completion", "bash"}).out.find("complete -o filenames -F _bakery bakery"),
            std::string::npos);
  EXPECT_EQ(
      run({"completion", "csh"}).err,
      "bakery: error: SHELL: 'csh' is not one of: bash, zsh, fish\n  try: did you mean 'zsh'?\n");
}

struct BadLine {
  std::vector<std::string> words;
  std::string error;
};

TEST(Executable, RefusesBadLinesWithAPlaceAndANextStep) {
  const std::vector<BadLine> lines{
      {{"baek"}, "baek: unknown command\n  try: did you mean 'bake'?\n"},
      {{"frobnicate"}, "frobnicate: unknown command\n  try: bakery --help lists the commands\n"},
      {{"bake"}, "PIE: is missing\n"},
      {{"bake", "a", "--haet", "9"}, "--haet: unknown option\n  try: did you mean '--heat'?\n"},
      {{"bake", "a", "--haet=9"}, "--haet=9: unknown option\n  try: did you mean '--heat'?\n"},
      {{"bake", "a", "-x"}, "-x: unknown option\n"},
      {{"bake", "a", "--frobnicate"},
       "--frobnicate: unknown option\n  try: bakery bake --help lists the options\n"},
      {{"bake", "a", "b"},
       "b: one argument too many\n  try: bakery bake --help shows what is expected\n"},
      {{"bake", "a", "--heat"},
       "bakery bake: --heat: 1 required N missing\n  try: bakery bake --help lists"},
      {{"bake", "a", "--heat", "hot"}, "--heat: 'hot' is not an integer\n"},
      {{"bake", "a", "--heat", "20"}, "--heat: 20 is not from 50 to 300\n"},
      {{"bake", "a", "--heat", "60", "--heat", "70"},
       "--heat: given 2 times (60, 70)\n  try: give it once\n"},
      {{"bake", "a", "--glaze", "eg"},
       "--glaze: 'eg' is not one of: none, egg\n  try: did you mean 'egg'?\n"},
  };
  for (const BadLine& line : lines) {
    const Outcome outcome = run(line.words);
    EXPECT_EQ(outcome.code, 2) << line.error;
    EXPECT_EQ(outcome.err.rfind("bakery: error: " + line.error, 0), 0u) << outcome.err;
    EXPECT_EQ(outcome.out, "") << line.error;
  }
}

TEST(Executable, ReadsOptionsFromAFileThatTheLineOverrules) {
  const std::string file = testing::TempDir() + "pliant_program_config.json";
  write_file(file, R"({"heat": 220, "glaze": "egg", "seed": 9})");
  EXPECT_EQ(run({"bake", "plum", "--config", file, "--seed", "2"}).out,
            "plum at 220 with egg by 2\n");
  write_file(file, R"({"haet": 220})");
  EXPECT_EQ(run({"bake", "plum", "--config", file}).err,
            "bakery: error: " + file + ": unknown key 'haet'\n  try: did you mean 'heat'?\n");
  write_file(file, R"({"heat": 20})");
  const Outcome wrong = run({"bake", "plum", "--config", file});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_EQ(wrong.err, "bakery: error: " + file + ": heat: 20 is not from 50 to 300\n");
  EXPECT_EQ(run({"bake", "plum", "--config", "/no/such.json"}).code, 1);
}

TEST(Executable, TurnsWhateverAVerbThrowsIntoAnExitCode) {
  EXPECT_EQ(run({"bake", "twice", "no"}).code, 1);
  const Outcome usage = run({"bake", "twice", "usage"}), error = run({"bake", "twice", "error"});
  EXPECT_EQ(usage.code, 2);
  EXPECT_EQ(usage.err, "bakery: error: --glaze: is sticky\n  try: use less\n");
  EXPECT_EQ(error.code, 1);
  EXPECT_EQ(error.err, "bakery: error: oven: is cold\n  try: light it\n");
  EXPECT_EQ(run({"bake", "twice", "memory"}).code, 1);
  const Outcome json = run({"bake", "twice", "error", "--json"});
  EXPECT_NE(json.out.find(R"("place": "oven")"), std::string::npos) << json.out;
  EXPECT_EQ(json.err, error.err);
}

TEST(Executable, DoesNotTakeAFullDiskForSuccess) {
  const Outcome full = run({"bake", "twice", "disk"});
  EXPECT_EQ(full.code, 1);
  EXPECT_EQ(full.err, "bakery: error: standard output: cannot write\n");
}

TEST(Executable, ShowsTheFirstInterruptToTheVerb) {
  EXPECT_EXIT(std::exit(run({"bake", "twice", "stop"}).code), testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace pliant
