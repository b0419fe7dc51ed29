// pliant bench lm: every figure is there; times are not judged.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "core/files.h"

namespace pliant::test {
namespace {

using nlohmann::json;

const std::vector<std::string> short_run = {"--prompt", "4", "-n", "2", "--runs", "1"};

std::vector<std::string> bench(std::vector<std::string> words) {
  words.insert(words.begin(), {"bench", "lm"});
  words.insert(words.end(), short_run.begin(), short_run.end());
  return words;
}

json rows_of(const std::vector<std::string>& words) {
  const Outcome outcome = pliant(words);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return json::parse(outcome.out);
}

const std::string bench_model = PLIANT_SOURCE "/tests/golden/openelm/tiny_a";

TEST(BenchLm, AFileIsMeasuredBesideLimitsOnTheThreadsAskedFor) {
  const std::string trace = temporary("bench-trace.json");
  const json rows = rows_of(bench({bench_model, "--depth", "3", "--threads", "2", "--prefix", "40",
                                   "--trace", trace, "--json"}));
  ASSERT_EQ(rows.size(), 1u);
  const json& row = rows[0];
  EXPECT_EQ(row["threads"], 2);
  EXPECT_EQ(row["model"], "tiny_a");
  EXPECT_EQ(row["depth"], 3);
  EXPECT_GT(row["bytes_per_token"], row["weight_bytes"]);
  for (const char* key :
       {"prompt_tokens_per_second", "prompt_share_of_peak", "decode_tokens_per_second",
        "decode_share_of_bandwidth", "token_seconds_p50", "first_token_seconds",
        "first_token_seconds_behind_prefix"})
    EXPECT_GT(row[key], 0) << key;
  EXPECT_GE(row["token_seconds_p99"], row["token_seconds_p50"]);
  EXPECT_GT(row["limits"]["f32_operations"], 1e8);
  EXPECT_GT(row["limits"]["read_bytes"], 1e8);
  EXPECT_GT(json::parse(read_file(trace))["traceEvents"].size(), 10u);
}

TEST(BenchLm, MakesModelsAndRemovesThem) {
  const std::string folder = temporary("models");
  std::filesystem::create_directories(folder);
  const json rows = rows_of(bench(
      {"--size", "50M", "--encoding", "Q4_0", "--folder", folder, "--threads", "1", "--json"}));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["encoding"], "Q4_0");
  EXPECT_GT(rows[0]["weight_bytes"], 20'000'000);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  const Outcome absent = pliant(bench({"--folder", folder + "/absent"}));
  EXPECT_EQ(absent.code, 1);
  EXPECT_NE(absent.err.find("no folder can be made there"), std::string::npos) << absent.err;
}

TEST(BenchLm, ThePeerRunsBeside) {
  const std::string peer = temporary("llama-bench", R"(#!/bin/sh
echo noise >&2
echo '[{"avg_ns": 1000000000, "n_prompt": 4, "n_gen": 0}, {"avg_ns": 4000000000, "n_prompt": 0, "n_gen": 2}]'
)");
  std::filesystem::permissions(peer, std::filesystem::perms::owner_all);
  setenv("PLIANT_PEER_LLAMA", peer.c_str(), 1);
  const json rows = rows_of(bench({bench_model, "--threads", "1", "--json"}));
  EXPECT_NEAR(rows[0]["peer_prompt_ratio"], 1 / rows[0]["prompts"][0]["wall"].get<double>(), 1e-6);
  EXPECT_GT(rows[0]["peer_decode_ratio"], 0);
  setenv("PLIANT_PEER_LLAMA", "/bin/false", 1);
  const Outcome failed = pliant(bench({bench_model, "--threads", "1"}));
  EXPECT_EQ(failed.code, 1);
  EXPECT_NE(failed.err.find("/bin/false: ended with status"), std::string::npos) << failed.err;
  setenv("PLIANT_PEER_LLAMA", "/bin/true", 1);
  EXPECT_NE(
      pliant(bench({bench_model, "--threads", "1"})).err.find("llama-bench -o json is expected"),
      std::string::npos);
  unsetenv("PLIANT_PEER_LLAMA");
}

TEST(BenchLm, CtrlCEndsALongPrompt) {
  const Outcome outcome = pliant_interrupted(
      {"bench", "lm", bench_model, "--prompt", "4000000", "--threads", "1"}, SIGINT, 1);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("stopped early"), std::string::npos) << outcome.err;
}

TEST(BenchLm, RefusesMoreTokensThanAnyoneHas) {
  for (const char* option : {"--depth", "--prompt", "-n"})
    EXPECT_EQ(pliant({"bench", "lm", bench_model, option, "9223372036854775807"}).code, 2);
}

}  // namespace
}  // namespace pliant::test
