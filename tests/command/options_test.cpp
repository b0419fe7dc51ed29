#include "command/options.h"

#include <gtest/gtest.h>

#include "command/manual.h"
#include "command/verb.h"
#include "core/error.h"
#include "core/files.h"
#include "core/files/input_guard.h"

namespace pliant {
namespace {

struct Settings {
  std::string file, name = "net";
  std::int64_t count = 3;
  double rate = 0.5;
  bool fast = false;
  std::optional<Bytes> size;
  std::vector<std::string> shapes{"default"};
  Seconds limit{60};
  LogLevel level = LogLevel::info;
};

struct Table {
  Settings settings;
  Command command{.name = "work",
                  .summary = "do the work",
                  .description = {"A paragraph."},
                  .arguments = {argument("FILE", settings.file, "the file")},
                  .options = {option("name", "NAME", settings.name, "a name").with_letter('n'),
                              option("count", "N", settings.count, "a count"),
                              option("rate", "X", settings.rate, "a rate"),
                              flag("fast", settings.fast, "be fast"),
                              option("size", "SIZE", settings.size, "a size"),
                              option("shape", "SHAPE", settings.shapes, "a shape"),
                              option("limit", "TIME", settings.limit, "a limit"),
                              option("level", "LEVEL", settings.level, "a level")},
                  .examples = {{"prog work a.onnx", "the usual"}}};
  std::vector<const Option*> all() const {
    std::vector<const Option*> result;
    for (const Option& each : command.arguments) result.push_back(&each);
    for (const Option& each : command.options) result.push_back(&each);
    return result;
  }
};

std::string problem(const Table& table, const Given& given) {
  try {
    assign(table.all(), given);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "none";
}

TEST(Options, SetTheFieldsTheyAreBoundTo) {
  Table table;
  assign(table.all(), {{"FILE", {"a"}},
                       {"count", {"7"}},
                       {"fast", {"true"}},
                       {"size", {"2KiB"}},
                       {"shape", {"x=1", "y=2"}},
                       {"limit", {"2min"}},
                       {"level", {"debug"}}});
  EXPECT_EQ(table.settings.file, "a");
  EXPECT_EQ(table.settings.name, "net");
  EXPECT_EQ(table.settings.count, 7);
  EXPECT_TRUE(table.settings.fast);
  EXPECT_EQ(table.settings.size->count, 2048);
  EXPECT_EQ(table.settings.shapes, (std::vector<std::string>{"x=1", "y=2"}));
  EXPECT_EQ(table.settings.limit.count, 120);
  EXPECT_EQ(table.settings.level, LogLevel::debug);
}

TEST(Options, TheCommandLineWinsOverTheConfig) {
  Table table;
  const Given config = given_from_json(
      table.all(), R"({"count":5,"rate":0.25,"fast":true,"shape":["a=1","b=2"]})", "c");
  assign(table.all(), {{"FILE", {"a"}}, {"count", {"9"}}, {"shape", {"c=3"}}}, config, "c");
  EXPECT_EQ(table.settings.count, 9);
  EXPECT_EQ(table.settings.rate, 0.25);
  EXPECT_TRUE(table.settings.fast);
  EXPECT_EQ(table.settings.shapes, (std::vector<std::string>{"c=3"}));
}

TEST(Options, RefuseWrongValuesNamingThem) {
  const Table table;
  EXPECT_EQ(problem(table, {}), "FILE: is missing");
  EXPECT_EQ(problem(table, {{"FILE", {"a"}}, {"count", {"7x"}}}),
            "--count: '7x' is not an integer");
  EXPECT_EQ(problem(table, {{"FILE", {"a"}}, {"count", {"99999999999999999999"}}}),
            "--count: '99999999999999999999' is not an integer");
  EXPECT_EQ(problem(table, {{"FILE", {"a"}}, {"rate", {"nan"}}}),
            "--rate: 'nan' is not a finite number");
  EXPECT_EQ(problem(table, {{"FILE", {"a"}}, {"fast", {"yes"}}}),
            "--fast: 'yes' is neither true nor false");
  EXPECT_EQ(problem(table, {{"FILE", {"a"}}, {"count", {"1", "2"}}}),
            "--count: given 2 times (1, 2) (give it once)");
  EXPECT_EQ(
      problem(table, {{"FILE", {"a"}}, {"level", {"wraning"}}}),
      "--level: 'wraning' is not one of: error, warning, info, debug (did you mean 'warning'?)");
}

TEST(Options, NumbersOutsideTheirRangeAreRefusedAndHelpShowsIt) {
  std::int64_t count = 3;
  std::optional<std::int64_t> cost;
  std::vector<std::int64_t> sizes;
  const std::vector<Option> table{option("count", "N", count, "a count").at_least(0),
                                  option("cost", "N", cost, "a cost").within(1, 9),
                                  option("size", "N", sizes, "a size").at_least(-2)};
  const std::vector<const Option*> all{&table[0], &table[1], &table[2]};
  const auto problem = [&](const Given& given, const Given& config = {}) {
    try {
      assign(all, given, config, "c.json");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return std::string(error.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(problem({{"count", {"-1"}}}), "--count: -1 is not 0 or more");
  EXPECT_EQ(count, 3);
  EXPECT_EQ(problem({}, {{"cost", {"10"}}}), "c.json: cost: 10 is not from 1 to 9");
  EXPECT_EQ(problem({{"cost", {"0"}}}), "--cost: 0 is not from 1 to 9");
  EXPECT_EQ(problem({{"size", {"5", "-3"}}}), "--size: -3 is not -2 or more");
  EXPECT_EQ(problem({{"count", {"x"}}}), "--count: 'x' is not an integer");
  EXPECT_EQ(problem({{"count", {"0"}}, {"cost", {"9"}}, {"size", {"-2"}}}), "none");
  const Command command{.name = "work",
                        .summary = "",
                        .description = {},
                        .arguments = {},
                        .options = table,
                        .examples = {}};
  const std::vector<const Command*> commands{&command};
  const std::string help = help_text({"prog", "1.0", "a program", commands, {}}, command);
  EXPECT_NE(help.find("a count (0 or more; default 3)"), std::string::npos) << help;
  EXPECT_NE(help.find("a cost (from 1 to 9)"), std::string::npos) << help;
}

struct Ruled {
  std::string solver = "exact";
  std::int64_t price = 0, level = 0;
  bool sweep = false;
  std::vector<Option> table{
      option("solver", "S", solver, "a solver").with_choices({"exact", "ilp"}),
      option("price", "N", price, "a price").needs("--level", "it is of that level"),
      option("level", "N", level, "a level").excludes("--solver ilp", "it knows one level"),
      flag("sweep", sweep, "many").excludes("--level", "it draws one")};
  std::vector<const Option*> all() const {
    std::vector<const Option*> result;
    for (const Option& each : table) result.push_back(&each);
    return result;
  }
};

std::string broken_rule(const Given& given, const Given& config = {}) {
  const Ruled ruled;
  try {
    assign(ruled.all(), given, config, "c.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "none";
}

TEST(Options, ThatExcludeOrNeedOthersAreRefused) {
  EXPECT_EQ(
      broken_rule({{"level", {"2"}}, {"solver", {"ilp"}}}),
      "--level: does not go with --solver ilp: it knows one level (leave one of the two out)");
  EXPECT_EQ(broken_rule({{"sweep", {"true"}}, {"level", {"2"}}}),
            "--sweep: does not go with --level: it draws one (leave one of the two out)");
  EXPECT_EQ(broken_rule({{"price", {"2"}}}),
            "--price: needs --level: it is of that level (add --level)");
  EXPECT_EQ(broken_rule({{"price", {"2"}}, {"level", {"2"}}, {"solver", {"exact"}}}), "none");
}

TEST(Options, RulesHoldInTheConfigToo) {
  EXPECT_EQ(broken_rule({{"solver", {"ilp"}}}, {{"level", {"2"}}}),
            "c.json: level: does not go with --solver ilp: it knows one level (leave one of the "
            "two out)");
  EXPECT_EQ(
      broken_rule({{"level", {"2"}}}, {{"solver", {"ilp"}}}),
      "--level: does not go with --solver ilp: it knows one level (leave one of the two out)");
  EXPECT_EQ(broken_rule({{"price", {"2"}}}, {{"level", {"2"}}}), "none");
  EXPECT_EQ(broken_rule({{"level", {"2"}}, {"solver", {"exact"}}}, {{"solver", {"ilp"}}}), "none");
}

TEST(Options, ThatSayTheDefaultBreakNoRule) {
  EXPECT_EQ(broken_rule({{"sweep", {"false"}}, {"level", {"2"}}}), "none");
  EXPECT_EQ(broken_rule({{"sweep", {"true"}}, {"level", {"0"}}}), "none");
  EXPECT_EQ(broken_rule({{"price", {"0"}}}), "none");
}

std::string help_of(const std::vector<Option>& table) {
  const Command command{.name = "work",
                        .summary = "",
                        .description = {},
                        .arguments = {},
                        .options = table,
                        .examples = {}};
  const std::vector<const Command*> commands{&command};
  std::string text = help_text({"prog", "1.0", "a program", commands, {}}, command);
  for (char& c : text)
    if (c == '\n') c = ' ';
  for (std::size_t at; (at = text.find("  ")) != std::string::npos;) text.erase(at, 1);
  return text;
}

TEST(Options, RulesAreInTheHelp) {
  const std::string help = help_of(Ruled().table);
  EXPECT_NE(help.find("a price (default 0; needs --level)"), std::string::npos) << help;
  EXPECT_NE(help.find("a level (default 0; not with --solver ilp)"), std::string::npos) << help;
  EXPECT_NE(help.find("many (not with --level)"), std::string::npos) << help;
}

TEST(Options, OneOfTwoOrOneAloneMayBeNeeded) {
  std::string file, text, out = "x";
  const std::vector<Option> table{option("file", "F", file, "a file").must_unless("--text"),
                                  option("text", "T", text, "a text"),
                                  option("out", "O", out, "the result").must()};
  const std::vector<const Option*> all{&table[0], &table[1], &table[2]};
  const auto problem = [&](const Given& given) -> std::string {
    try {
      assign(all, given);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "none";
  };
  EXPECT_EQ(problem({{"file", {"a"}}}), "--out: is missing (add --out O)");
  EXPECT_EQ(problem({{"out", {"a"}}}),
            "--file: one of --file and --text is needed (give one of them)");
  EXPECT_EQ(problem({{"out", {"a"}}, {"text", {"b"}}}), "none");
  EXPECT_EQ(problem({{"out", {"a"}}, {"file", {"b"}}}), "none");
  const std::string help = help_of(table);
  EXPECT_NE(help.find("a file (required without --text)"), std::string::npos) << help;
  EXPECT_NE(help.find("the result (default x; required)"), std::string::npos) << help;
}

TEST(Options, MayBeAboutSomeInputsOnly) {
  bool tiles = false, weights = false, all_out = false;
  const std::vector<Option> table{flag("tiles", tiles, "cut").only_for({"networks"}),
                                  flag("weights", weights, "count them"),
                                  flag("frames", all_out, "many")
                                      .only_for({"networks", "problems"})
                                      .needs("--weights", "they stay", "networks")};
  const std::vector<const Option*> all{&table[0], &table[1], &table[2]};
  const auto problem = [&](const InputKind& input, const Given& given) -> std::string {
    try {
      assign(all, given);
      check_input(input, all, given);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "none";
  };
  const InputKind network{"networks", "network"}, question{"problems", "planner's problem"},
      other{"", "picture"};
  const Given tiled{{"tiles", {"true"}}}, framed{{"frames", {"true"}}};
  EXPECT_EQ(problem(network, tiled), "none");
  EXPECT_EQ(problem(question, tiled),
            "--tiles: says nothing about a planner's problem (leave it out)");
  EXPECT_EQ(problem(other, tiled), "--tiles: says nothing about a picture (leave it out)");
  EXPECT_EQ(problem(other, {{"tiles", {"false"}}}), "none");
  EXPECT_EQ(problem(network, framed), "--frames: needs --weights: they stay (add --weights)");
  EXPECT_EQ(problem(network, {{"frames", {"true"}}, {"weights", {"true"}}}), "none");
  EXPECT_EQ(problem(question, framed), "none");
  const std::string help = help_of(table);
  EXPECT_NE(help.find("cut (for networks only)"), std::string::npos) << help;
  EXPECT_NE(help.find("many (for networks and problems only; needs --weights for networks)"),
            std::string::npos)
      << help;
}

TEST(Options, NoFileIsWrittenThatIsRead) {
  std::string in, out;
  std::vector<std::string> named;
  const std::vector<Option> table{argument("IN", in, "").path(),
                                  option("out", "FILE", out, "").written(),
                                  option("also", "[NAME=]FILE", named, "").written()};
  const std::vector<const Option*> all{&table[0], &table[1], &table[2]};
  const std::string path = testing::TempDir() + "pliant_options_a=b",
                    other = testing::TempDir() + "pliant_options_c";
  write_file(path, "x");
  const InputGuard guard;
  const auto refused = [&](const Given& given, const Given& config = {}) {
    try {
      guard_inputs(all, given, config);
    } catch (const Error& error) {
      return error.kind() == ErrorKind::usage;
    }
    return false;
  };
  EXPECT_FALSE(refused({{"IN", {path}}, {"out", {other}}}));
  EXPECT_TRUE(refused({{"IN", {path}}, {"out", {path}}}));
  EXPECT_TRUE(refused({{"IN", {path}}}, {{"out", {path}}}));
  EXPECT_TRUE(refused({{"IN", {path}}, {"also", {other, "y=" + path}}}));
  // the file 'b' as output 'pliant_options_a'
  EXPECT_FALSE(refused({{"IN", {path}}, {"also", {path}}}));
}

TEST(Options, ConfigRefusesUnknownKeysAndOtherJson) {
  const Table table;
  const auto message = [&](std::string_view text) {
    try {
      given_from_json(table.all(), text, "c.json");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(message(R"({"cuont":1})"), "c.json: unknown key 'cuont' (did you mean 'count'?)");
  EXPECT_NE(message(R"({"FILE":"a"})").find("unknown key 'FILE'"), std::string::npos);
  EXPECT_EQ(message("{"), "c.json at byte 2: is not JSON: the text is broken here");
  EXPECT_EQ(message("[1]"), "c.json: is not a JSON object of options");
  EXPECT_NE(message(R"({"count":{"a":1}})").find("c.json: count: must be"), std::string::npos);
  EXPECT_NE(message(R"({"count":null})").find("c.json: count: must be"), std::string::npos);
}

TEST(Options, ShowDefaultsChoicesAndExamplesInHelp) {
  const Table table;
  const std::vector<const Command*> commands{&table.command};
  const Manual manual{"prog", "1.0", "a program", commands, {}};
  const std::string help = help_text(manual, table.command);
  for (const char* part :
       {"usage: prog work FILE [options]", "-n, --name NAME", "default net", "default 60s",
        "one of error, warning, info, debug; default info", "prog work a.onnx", "may be repeated"})
    EXPECT_NE(help.find(part), std::string::npos) << part << "\n" << help;
  EXPECT_NE(reference_page(manual).find("## prog work"), std::string::npos);
  EXPECT_NE(man_page(manual, table.command).find(".TH prog\\-work 1") == std::string::npos
                ? man_page(manual, table.command).find(".TH PROG\\-WORK 1")
                : 0,
            std::string::npos);
  EXPECT_EQ(man_name(manual, table.command), "prog-work.1");
  for (const ShellKind shell : {ShellKind::bash, ShellKind::zsh, ShellKind::fish})
    EXPECT_NE(completion_script(manual, shell).find("warning"), std::string::npos);
}

}  // namespace
}  // namespace pliant
