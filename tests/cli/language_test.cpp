// pliant generate, logits and perplexity on the tiny models of tests/golden.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "cli/talking.h"
#include "core/files.h"
#include "formats/gguf/gguf.h"
#include "formats/npy/npy.h"

namespace pliant::test {
namespace {

using nlohmann::json;

json told(std::vector<std::string> words) {
  words.emplace_back("--json");
  const Outcome outcome = pliant(words);
  EXPECT_EQ(outcome.err, "");
  return json::parse(outcome.out);
}

TEST(Language, GenerateTellsIdsAndStats) {
  const json got = told({"generate", tiny_model, "--ids", "1,2,3", "-n", "5", "--temperature", "0",
                         "--logprobs", "2"});
  EXPECT_EQ(got["token_ids"].size(), 5u);
  EXPECT_EQ(got["finish"], "tokens");
  EXPECT_EQ(got["logprobs"][0]["top"].size(), 2u);
  EXPECT_EQ(got["logprobs"][0]["top"][0]["id"], got["token_ids"][0]);
  for (const char* key :
       {"load_seconds", "first_token_seconds", "prompt_tokens_per_second",
        "decode_tokens_per_second", "peak_rss_bytes", "weight_bytes", "cache_bytes", "arena_bytes"})
    EXPECT_GT(got["stats"][key], 0) << key;
  EXPECT_EQ(got["stats"]["prompt_tokens"], 3);
  EXPECT_EQ(told({"generate", tiny_model, "--ids", "1,2,3", "-n", "5", "--temperature", "0",
                  "--threads", "1"})["token_ids"],
            got["token_ids"]);
}

TEST(Language, ATokensMedianIsBelowItsLastPercent) {
  const json stats = told({"generate", tiny_model, "--ids", "1,2,3", "-n", "9"})["stats"];
  EXPECT_GT(stats["token_seconds_p50"], 0);
  EXPECT_GE(stats["token_seconds_p99"], stats["token_seconds_p50"]);
}

// An event for each operator and thread, within the runs that they belong to.
TEST(Language, ATraceTellsOfEveryRunAndItsOperators) {
  const std::string file = temporary("trace.json");
  const json plain = told(
                 {"generate", tiny_model, "--ids", "1,2,3,4", "-n", "3", "--temperature", "0"}),
             traced = told({"generate", tiny_model, "--ids", "1,2,3,4", "-n", "3", "--temperature",
                            "0", "--threads", "2", "--trace", file});
  EXPECT_EQ(plain["token_ids"], traced["token_ids"]);
  const json trace = json::parse(read_file(file));
  std::vector<json> runs, steps;
  for (const json& event : trace["traceEvents"])
    if (event["ph"] == "X") (event["cat"] == "run" ? runs : steps).push_back(event);
  ASSERT_EQ(runs.size(), 4u);
  const auto end = [](const json& of) { return of["ts"].get<double>() + of["dur"].get<double>(); };
  std::vector<std::string> names;
  std::size_t within = 0;
  for (const json& run : runs) {
    names.push_back(run["name"].get<std::string>() + run["args"]["rows"].dump());
    for (const json& step : steps)
      if (step["ts"] >= run["ts"] && end(step) <= end(run) + 0.01) ++within;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"prompt3", "decode1", "decode1", "decode1"}));
  EXPECT_GT(steps.size(), 4 * runs.size());
  EXPECT_EQ(within, steps.size());
  for (const json& step : steps) {
    EXPECT_GE(step["tid"], 1);
    EXPECT_LE(step["tid"], 2);
  }
}

TEST(Language, ALongContextIsOfferedNotTaken) {
  const std::string folder = temporary("long context");
  std::filesystem::create_directories(folder);
  write_file(folder + "/model.safetensors", read_file(tiny_model + "/model.safetensors"));
  json config = json::parse(read_file(tiny_model + "/config.json"));
  config["max_context_length"] = 1 << 20;
  write_file(folder + "/config.json", config.dump());
  const auto stats = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"generate", folder, "--ids", "1,2,3", "-n", "5"};
    words.insert(words.end(), more.begin(), more.end());
    return told(words)["stats"];
  };
  const json some = stats({}), all = stats({"--context", "1048576"});
  EXPECT_EQ(all["cache_bytes"], some["cache_bytes"].get<std::int64_t>() * 256);
  EXPECT_GT(all["cache_bytes"], std::int64_t{1} << 29);
  EXPECT_LT(all["peak_rss_bytes"], some["peak_rss_bytes"].get<std::int64_t>() + (1 << 27));
  EXPECT_EQ(all["cache_touched_bytes"], some["cache_touched_bytes"]);
  EXPECT_LT(some["cache_touched_bytes"], some["cache_bytes"].get<std::int64_t>() / 100);

  const Outcome small = pliant({"generate", folder, "--ids", "1,2,3", "--context", "2"});
  EXPECT_EQ(small.code, 1);
  EXPECT_NE(small.err.find("give --context, up to the model's 1048576"), std::string::npos)
      << small.err;
  const Outcome full = pliant({"generate", folder, "--ids", "1,2,3", "--context", "5"});
  EXPECT_EQ(full.code, 0);
  EXPECT_NE(full.err.find("the context is full: --context"), std::string::npos) << full.err;
}

TEST(Language, GenerateRefusesANegativeNumberOfTokens) {
  const Outcome outcome = pliant({"generate", tiny_model, "--ids", "1,2,3", "-n", "-2"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err, "pliant: error: --tokens: -2 is not -1 or more\n");
  EXPECT_EQ(told({"generate", tiny_model, "--ids", "1,2,3", "-n", "0"})["token_ids"].size(), 0u);
}

TEST(Language, GenerateWritesText) {
  const json got = told({"generate", talking_model(), "-p", "the cat", "-n", "12", "--seed", "7"});
  const Outcome plain =
      pliant({"generate", talking_model(), "-p", "the cat", "-n", "12", "--seed", "7", "--quiet"});
  EXPECT_EQ(plain.out, got["text"].get<std::string>() + "\n");
  EXPECT_FALSE(got["text"].get<std::string>().empty());
}

TEST(Language, GenerateHoldsToAGrammarOrSchema) {
  const std::string grammar = temporary("ab.gbnf", "root ::= \"a\" [bc]{4}\n");
  const std::string text =
      told({"generate", talking_model(), "-p", "the", "--grammar", grammar})["text"];
  ASSERT_EQ(text.size(), 5u) << text;
  EXPECT_EQ(text.find_first_not_of("abc"), std::string::npos);
  const std::string schema = temporary(
      "s.json",
      R"({"type":"object","properties":{"n":{"type":"integer","minimum":3,"maximum":9}},"required":["n"]})");
  const json value =
      json::parse(told({"generate", talking_model(), "-p", "the", "--json-schema", schema})["text"]
                      .get<std::string>());
  EXPECT_GE(value["n"], 3);
  EXPECT_LE(value["n"], 9);
  EXPECT_EQ(pliant({"generate", talking_model(), "-p", "x", "--grammar",
                    temporary("bad.gbnf", "root ::= (")})
                .code,
            1);
}

TEST(Language, LookupAndDraftChangeNothing) {
  const std::vector<std::string> base{"generate", talking_model(), "-p", "the the the the", "-n",
                                      "30",       "--temperature", "0"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = base;
    words.insert(words.end(), more.begin(), more.end());
    return told(words);
  };
  const json plain = with({});
  for (const json& got :
       {with({"--lookup"}), with({"--draft", tiny_model}),
        with({"--lookup", "--draft-tokens", "9", "--draft-branches", "3"}),
        with({"--draft", tiny_model, "--draft-tokens", "15", "--draft-branches", "4"})}) {
    EXPECT_EQ(got["token_ids"], plain["token_ids"]);
    EXPECT_GT(got["speculation"]["runs"], 0);
  }
  // Drawn guesses are made as far as they pay by no clock.
  const json drawn = told({"generate", talking_model(), "-p", "the the the the", "-n", "30",
                           "--temperature", "0.01", "--draft", tiny_model});
  EXPECT_GT(drawn["speculation"]["accepted"], 0);
  EXPECT_EQ(pliant({"generate", talking_model(), "-p", "x", "--draft-branches", "16"}).code, 2);
}

TEST(Language, ChatAnswersEachLineByTheTemplate) {
  const std::string form = temporary("form.jinja",
                                     "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% "
                                     "endfor %}{% if add_generation_prompt %}"
                                     "<assistant>{% endif %}");
  const std::string command = "printf 'hello\nthe cat\n' | " PLIANT_BINARY " chat " +
                              talking_model() + " --template " + form +
                              " -n 6 --temp 0 --system short --quiet";
  const json got = json::parse(shell(command + " --json").out);
  ASSERT_EQ(got["turns"].size(), 2u);
  EXPECT_EQ(got["turns"][1]["user"], "the cat");
  EXPECT_LE(got["turns"][0]["token_ids"].size(), 6u);
  // The second turn feeds only what the cache does not hold.
  EXPECT_LT(got["turns"][1]["stats"]["prompt_tokens"], 40);
  const std::string first = got["turns"][0]["assistant"], second = got["turns"][1]["assistant"];
  EXPECT_EQ(shell(command).out, first + "\n" + second + "\n");
  EXPECT_NE(pliant({"chat", talking_model()}).err.find("has no chat template"), std::string::npos);
}

TEST(Language, ChatReadsTheTemplateBesideTheModel) {
  const std::string folder = temporary("with template"), file = folder + "/chat_template.jinja";
  std::filesystem::copy(talking_model(), folder);
  const std::string form = "{% for m in messages %}<{{ m.content }}>{% endfor %}";
  write_file(file, form);
  const auto said = [](const std::string& model, const std::string& more) {
    return shell("echo 'the cat' | " PLIANT_BINARY " chat '" + model + "' -n 6 --temp 0 --quiet" +
                 more);
  };
  const Outcome wanted = said(talking_model(), " --template '" + file + "'"),
                got = said(folder, "");
  EXPECT_EQ(got.code, 0) << got.err;
  EXPECT_EQ(got.out, wanted.out);

  const std::string converted = temporary("with template.gguf"),
                    again = temporary("with template again");
  EXPECT_EQ(pliant({"convert", folder, "--to", "gguf", "--out", converted}).code, 0);
  EXPECT_EQ(told({"inspect", converted})["metadata"]["tokenizer.chat_template"], form);
  EXPECT_EQ(said(converted, "").code, 0);
  EXPECT_EQ(pliant({"convert", folder, "--to", "hf", "--out", again}).code, 0);
  EXPECT_EQ(read_file(again + "/chat_template.jinja"), form);

  write_file(file, "{% if %}");
  const Outcome broken = said(folder, "");
  EXPECT_EQ(broken.code, 1);
  EXPECT_NE(broken.err.find("chat_template.jinja"), std::string::npos) << broken.err;
}

// The talking model as one GGUF file, and beside it in two parts.
struct SplitModel {
  std::string folder = temporary("split"), whole = folder + "/m.gguf";
  std::string parts[2] = {folder + "/m-00001-of-00002.gguf", folder + "/m-00002-of-00002.gguf"};

  SplitModel() {
    std::filesystem::create_directories(folder);
    EXPECT_EQ(pliant({"convert", talking_model(), "--to", "gguf", "--out", whole}).code, 0);
    const MappedFile file(whole);
    const Gguf all = read_gguf(file.bytes(), whole);
    for (std::size_t no = 0; no < 2; ++no) {
      Gguf part{3, {}, {}};
      if (no == 0) part.metadata = all.metadata;
      part.metadata.emplace_back("split.no", static_cast<std::uint16_t>(no));
      part.metadata.emplace_back("split.count", std::uint16_t{2});
      part.metadata.emplace_back("split.tensors.count",
                                 static_cast<std::int32_t>(all.tensors.size()));
      for (std::size_t i = no; i < all.tensors.size(); i += 2)
        part.tensors.push_back(all.tensors[i]);
      write_gguf(parts[no], part);
    }
  }
};

TEST(Language, AnyPartOfASplitFileStandsForTheModel) {
  const SplitModel model;
  const std::string text = temporary("split.txt", "the cat sat on the mat\n"),
                    out = temporary("split out.gguf");
  const std::vector<std::vector<std::string>> commands{
      {"generate", "MODEL", "-p", "the cat", "-n", "8", "--temperature", "0", "--quiet"},
      {"logits", "MODEL", "--ids", "1,2,3,4"},
      {"perplexity", "MODEL", "--file", text},
      {"tokenize", "MODEL", "--text", "the cat"}};
  const auto run = [&](std::vector<std::string> words, const std::string& path) {
    std::ranges::replace(words, "MODEL", path);
    const Outcome outcome = pliant(words);
    EXPECT_EQ(outcome.code, 0) << words[0] << ": " << outcome.err;
    return outcome.out;
  };
  const auto written = [&](const char* verb, const std::string& path) {
    std::filesystem::remove(out);
    const bool convert = std::string_view(verb) == "convert";
    EXPECT_EQ(pliant({verb, path, "--to", convert ? "gguf" : "Q8_0", "--out", out}).code, 0)
        << path;
    return told({"inspect", out})["tensors"].size();
  };
  const json whole = told({"inspect", model.whole});
  for (const std::string& part : model.parts) {
    for (const auto& command : commands)
      EXPECT_EQ(run(command, part), run(command, model.whole)) << command[0];
    for (const char* verb : {"convert", "quantize"})
      EXPECT_EQ(written(verb, part), whole["tensors"].size()) << verb;
    json facts = told({"inspect", part});
    EXPECT_EQ(facts["parts"], json(model.parts));
    EXPECT_EQ(facts["metadata"], whole["metadata"]);
    EXPECT_EQ(facts["parameters"], whole["parameters"]);
  }

  std::filesystem::remove(model.parts[1]);
  for (const char* verb : {"generate", "inspect"}) {
    const Outcome outcome = pliant({verb, model.parts[0]});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_NE(outcome.err.find(model.parts[1] + ": is missing"), std::string::npos) << outcome.err;
  }
  EXPECT_EQ(pliant({"quantize", model.parts[0], "--to", "Q8_0", "--out", out, "--force"}).code, 1);
  EXPECT_EQ(pliant({"tokenize", model.parts[0], "--text", "the cat"}).code, 0);
}

// A folder's rows need not fit the embedding's: what fills up is never said.
TEST(Language, AQuantizedFolderBecomesGgufWithItsTokenizer) {
  const std::string out = temporary("folder-q8.gguf"), whole = temporary("folder-f32.gguf");
  const std::string folder = talking_model();
  ASSERT_EQ(pliant({"quantize", folder, "--to", "Q8_0", "--out", out}).code, 0);
  ASSERT_EQ(pliant({"quantize", folder, "--to", "F32", "--out", whole}).code, 0);
  const auto text = [](const std::string& model) {
    return pliant({"generate", model, "-p", "the cat", "-n", "40", "--temperature", "0"}).out;
  };
  EXPECT_EQ(text(whole), text(folder));
  const Outcome wild =
      pliant({"generate", out, "-p", "the cat", "-n", "200", "--temperature", "5"});
  EXPECT_EQ(wild.code, 0) << wild.err;
  EXPECT_EQ(wild.out.find("[PAD"), std::string::npos);
}

TEST(Language, AShardIsRefusedWithItsFolder) {
  const Outcome outcome =
      pliant({"generate", talking_model() + "/model.safetensors", "--ids", "1"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("give the folder: " + talking_model()), std::string::npos)
      << outcome.err;
}

// A conversation in which every answer takes longer than the test.
std::vector<std::string> long_winded() {
  const std::string folder = temporary("long winded");
  std::filesystem::create_directories(folder);
  for (const char* name : {"model.safetensors", "tokenizer.json"})
    write_file(folder + "/" + name, read_file(talking_model() + "/" + name));
  json config = json::parse(read_file(tiny_model + "/config.json"));
  config["max_context_length"] = 1 << 20;
  write_file(folder + "/config.json", config.dump());
  const std::string form =
      temporary("plain.jinja", "{% for m in messages %}{{ m.content }} {% endfor %}");
  return {"chat", folder,   "--template", form,      "--temperature", "0",
          "-n",   "900000", "--context",  "1000000", "--ignore-end",  "--quiet"};
}

bool asked(const std::string& printed) { return printed.ends_with("> "); }

bool at_prompt(const std::string& printed) { return printed.ends_with("\n> "); }

TEST(Chat, CtrlCEndsTheAnswerAndAtThePromptTheProgram) {
  Terminal terminal(long_winded());
  ASSERT_TRUE(terminal.wait(asked));
  for (const std::string message : {"the cat", "the dog"}) {
    terminal.type(message + "\n");
    ASSERT_TRUE(terminal.wait([](const std::string& printed) { return printed.size() > 200; }))
        << message;
    terminal.type("\x03");
    ASSERT_TRUE(terminal.wait(at_prompt)) << message;
  }
  terminal.type("/help\n");
  ASSERT_TRUE(terminal.wait([](const std::string& printed) {
    return printed.find("Ctrl-C ends an answer") != std::string::npos;
  }));
  ASSERT_TRUE(terminal.wait(at_prompt));
  terminal.type("\x03");
  EXPECT_EQ(terminal.end(), 0);
}

TEST(Chat, WhatWasSaidBeforeCtrlCStaysSaid) {
  std::vector<std::string> words = long_winded();
  words.emplace_back("--json");
  Terminal terminal(words);
  ASSERT_TRUE(terminal.wait(asked));
  for (const char* message : {"the cat\n", "the dog\n"}) {
    terminal.type(message);
    sleep(1);
    terminal.type("\x03");
    ASSERT_TRUE(terminal.wait(asked)) << message;
  }
  std::string printed;
  terminal.type("\x04");
  ASSERT_TRUE(terminal.wait([&](const std::string& all) {
    printed = all;
    return all.ends_with("\n}\r\n");
  }));
  EXPECT_EQ(terminal.end(), 0);
  const json turns = json::parse(printed.substr(printed.find('{')))["turns"];
  ASSERT_EQ(turns.size(), 2u);
  for (const json& turn : turns) {
    EXPECT_EQ(turn["finish"], "interrupted");
    EXPECT_FALSE(turn["assistant"].get<std::string>().empty());
  }
}

TEST(Chat, ATerminationEndsAnAnswerAndTheProgram) {
  Terminal terminal(long_winded());
  ASSERT_TRUE(terminal.wait(asked));
  terminal.type("the cat\n");
  ASSERT_TRUE(terminal.wait([](const std::string& printed) { return printed.size() > 200; }));
  terminal.send(SIGTERM);
  EXPECT_EQ(terminal.end(), 0);
}

TEST(Language, LogitsAreWrittenForNumPy) {
  const std::string out = temporary("logits.npy");
  const json got = told({"logits", tiny_model, "--ids", "4,5,6", "--out", out});
  EXPECT_EQ(got["shape"], json({3, 512}));
  const std::string bytes = read_file(out);
  const Tensor logits = tensor_from_npy(std::as_bytes(std::span(bytes)), out);
  EXPECT_EQ(logits.type(), (TensorType{DType::f32, {3, 512}}));
  const auto row = logits.span<float>().first(512);
  EXPECT_EQ(got["likeliest"][0], std::max_element(row.begin(), row.end()) - row.begin());
}

TEST(Language, PerplexityIsOfAllTokensButTheFirst) {
  const std::string text =
      temporary("text.txt", "the cat sat on the mat, the dog sat on the cat\n");
  const json got = told({"perplexity", talking_model(), "--file", text});
  EXPECT_GT(got["tokens"], 5);
  EXPECT_NEAR(got["perplexity"], std::exp(got["nll"].get<double>() / got["tokens"].get<double>()),
              1e-9);
  EXPECT_NEAR(got["bits_per_byte"], got["nll"].get<double>() / std::log(2.0) / 47, 1e-9);
}

const std::vector<std::string> policies{"elastic", "elastic-published", "h2o",
                                        "snapkv",  "value-aware",       "expected",
                                        "kvzip",   "prefixkv",          "random"};

json continued(const std::vector<std::string>& more) {
  std::string ids = "1";
  for (int i = 2; i < 90; ++i) ids += "," + std::to_string(i * 37 % 500);
  std::vector<std::string> words{
      "generate",      tiny_model, "--ids",        ids,         "-n", "20",
      "--temperature", "0",        "--ignore-end", "--context", "128"};
  words.insert(words.end(), more.begin(), more.end());
  return told(words);
}

TEST(Language, EveryPolicyThatKeepsAllIsTheFullCache) {
  const json full = continued({"--logprobs", "3"});
  EXPECT_EQ(full["stats"]["seen_tokens"], 108);
  EXPECT_EQ(full["stats"]["kept_tokens"], 108);
  for (const std::string& policy : policies) {
    const json got = continued({"--logprobs", "3", "--cache", policy, "--keep", "1"});
    EXPECT_EQ(got["logprobs"], full["logprobs"]) << policy;
  }
}

TEST(Language, ACacheKeepsItsShareAndSaysSo) {
  const json full = continued({});
  for (const std::string& policy : policies) {
    const json got = continued({"--cache", policy, "--keep", "0.3"})["stats"];
    EXPECT_EQ(got["seen_tokens"], 108) << policy;
    EXPECT_LE(got["kept_tokens"], 60) << policy;
    EXPECT_GE(got["kept_tokens"], 30) << policy;
    EXPECT_LT(got["cache_resident_bytes"], full["stats"]["cache_resident_bytes"]) << policy;
  }
}

TEST(Language, ACacheKeepsWhatItsBytesHold) {
  const json full = continued({});
  const std::int64_t page = full["stats"]["cache_resident_bytes"].get<std::int64_t>() / 4;
  const std::string bytes = std::to_string(page * 3);  // three pages a KV head, of four
  const json got = continued({"--cache", "elastic", "--cache-bytes", bytes});
  EXPECT_EQ(got["token_ids"].size(), 20u);
  EXPECT_LE(got["stats"]["cache_touched_bytes"], page * 3);
  EXPECT_LE(got["stats"]["kept_tokens"], 96);
}

TEST(Language, PerplexityIsOfWhatTheCacheKeeps) {
  std::string words = "the cat sat on the mat";
  for (int i = 0; i < 4; ++i) words += ", and " + words;
  const std::string text = temporary("long.txt", words);
  const auto of = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"perplexity", talking_model(), "--file", text, "--context", "256"});
    return told(more);
  };
  const json full = of({}), kept = of({"--cache", "h2o", "--keep", "0.2"});
  EXPECT_EQ(kept["tokens"], full["tokens"]);
  EXPECT_NE(kept["nll"], full["nll"]);
}

TEST(Language, AChatKeepsAShare) {
  const std::string form = temporary("plain.jinja",
                                     "{% for m in messages %}{{ m.content }}{% "
                                     "endfor %}");
  const std::string command = "printf 'hello, the cat sat on the mat\nthe dog\n' | " PLIANT_BINARY
                              " chat " +
                              talking_model() + " --template " + form +
                              " -n 6 --temp 0 --quiet --json --cache elastic --keep 0.5";
  const json got = json::parse(shell(command).out);
  ASSERT_EQ(got["turns"].size(), 2u);
  EXPECT_LT(got["turns"][1]["stats"]["kept_tokens"], got["turns"][1]["stats"]["seen_tokens"]);
}

TEST(Language, ACacheThatCannotBeIsRefused) {
  const auto error = [](std::vector<std::string> words, int code) {
    words.insert(words.begin(), {"generate", tiny_model, "--ids", "1,2,3"});
    const Outcome outcome = pliant(words);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    return outcome.err;
  };
  const auto says = [](const std::string& text, const char* what) {
    EXPECT_NE(text.find(what), std::string::npos) << text;
  };
  for (const char* keep : {"0", "-0.5", "1.5"})
    says(error({"--cache", "elastic", "--keep", keep}, 2), "is no share in (0, 1]");
  says(error({"--cache", "elastic"}, 2), "how much it keeps is not said");
  says(error({"--cache", "elastic-published", "--cache-bytes", "1MiB"}, 2), "keeps a share");
  says(error({"--cache", "elastik", "--keep", "0.5"}, 2), "elastic");
  says(error({"--keep", "0.5"}, 2), "no policy says which tokens");
  says(error({"--cache", "window"}, 2), "of how many tokens is not said");
  says(error({"--cache", "h2o", "--keep", "0.5", "--window", "9"}, 2), "does not go with --cache");
  says(error({"--cache-bytes", "1KiB"}, 1), "tokens of one sequence take");
  const std::int64_t page = continued({})["stats"]["cache_resident_bytes"].get<std::int64_t>() / 4;
  says(error({"--cache", "elastic", "--cache-bytes", std::to_string(2 * page)}, 1),
       "at least 13 are kept");
}

TEST(Language, BadInputIsAnErrorThatSaysWhere) {
  const auto error = [](const std::vector<std::string>& words, int code) {
    const Outcome outcome = pliant(words);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    return outcome.err;
  };
  EXPECT_NE(error({"generate", tiny_model, "-p", "hi"}, 1).find("holds no tokenizer"),
            std::string::npos);
  EXPECT_NE(error({"generate", tiny_model, "--ids", "1,x"}, 2).find("--ids: 'x' is no token id"),
            std::string::npos);
  EXPECT_NE(error({"generate", tiny_model, "--ids", "1,600"}, 1).find("outside the vocabulary"),
            std::string::npos);
  EXPECT_NE(error({"generate", tiny_model, "--ids", "1", "-p", "x"}, 2)
                .find("--ids: does not go with --prompt"),
            std::string::npos);
  EXPECT_NE(error({"generate", tiny_model, "--ids", "1", "--memory-limit", "10KiB"}, 1)
                .find("memory limit"),
            std::string::npos);
  EXPECT_NE(error({"generate", tiny_model, "--ids", "1", "--top-p", "2"}, 2).find("top_p"),
            std::string::npos);
  EXPECT_NE(error({"generate", "absent", "-p", "x"}, 1).find("absent"), std::string::npos);
  EXPECT_NE(error({"logits", tiny_model}, 2).find("one of --ids and --text"), std::string::npos);
}

}  // namespace
}  // namespace pliant::test
