// pliant einsum: what it prints, refuses and writes.
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "core/files.h"
#include "core/rng.h"
#include "formats/npy/npy.h"

namespace pliant::test {
namespace {

using nlohmann::json;

std::string array(const std::string& name, const Shape& shape, std::uint64_t seed) {
  Tensor values({DType::f32, shape});
  Rng rng(seed);
  fill_uniform(values.view(), rng, -1, 1);
  return temporary(name, npy_bytes(values.view()));
}

TEST(Einsum, ComputesOnCiphertextsWithinTheStatedError) {
  const std::string weights = array("w.npy", {16, 32}, 1), x = array("x.npy", {32}, 2),
                    out = temporary("y.npy");
  const std::vector<std::string> words{"einsum",  "ik,k->i", weights, x,   "--encrypt", "1",
                                       "--slots", "1024",    "--out", out, "--json"};
  const Outcome outcome = pliant(words);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["shape"], json({16}));
  EXPECT_LE(answer["max_abs_error"], answer["error_bound"]);
  EXPECT_GT(answer["max_abs_error"], 0);
  EXPECT_LT(answer["error_bound"], 1e-4);
  EXPECT_GT(answer["key_bytes"], 0);
  EXPECT_GT(answer["plaintext_bytes"], 0);
  EXPECT_EQ(answer["products"], 0);
  const std::string bytes = read_file(out);
  const Tensor y = tensor_from_npy(std::as_bytes(std::span(bytes)), out);
  EXPECT_EQ(y.type().shape, Shape({16}));
  const std::string w_bytes = read_file(weights), x_bytes = read_file(x);
  const Tensor w = tensor_from_npy(std::as_bytes(std::span(w_bytes)), weights),
               in = tensor_from_npy(std::as_bytes(std::span(x_bytes)), x);
  for (std::int64_t i = 0; i < 16; ++i) {
    double sum = 0;
    for (std::int64_t k = 0; k < 32; ++k) sum += get(w.view(), i * 32 + k) * get(in.view(), k);
    EXPECT_NEAR(get(y.view(), i), sum, answer["error_bound"].get<double>() + 1e-12);
  }
}

TEST(Einsum, PlansWithoutComputing) {
  const std::string a = array("a.npy", {128, 128}, 1);
  const auto rotations = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"einsum", "ij->ji", a, "--dry-run", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const json plan = json::parse(pliant(words).out);
    EXPECT_FALSE(plan.contains("seconds"));
    EXPECT_EQ(plan["exact"], more.empty() || more[0] != "--planner");
    return plan["rotations"].get<int>();
  };
  EXPECT_EQ(rotations({}), 0);
  EXPECT_LE(rotations({"--canonical"}), 30);
  EXPECT_EQ(rotations({"--planner", "einhops"}), 254);
  const Outcome explained = pliant({"einsum", "ij->ji", a, "--dry-run", "--explain"});
  EXPECT_NE(explained.out.find("input"), std::string::npos) << explained.out;
}

TEST(Einsum, DrawsThePlan) {
  const std::string a = array("left.npy", {4, 8}, 1), b = array("right.npy", {8, 2}, 2),
                    page = temporary("plan.html"), picture = temporary("plan.svg");
  const std::vector<std::string> words{"einsum", "ij,jk->ik", a, b, "--slots", "64", "--dry-run"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), words.begin(), words.end());
    return pliant(more);
  };
  const Outcome drawn = with({"--report", page});
  EXPECT_EQ(drawn.code, 0) << drawn.err;
  EXPECT_NE(drawn.out.find("written to " + page), std::string::npos) << drawn.out;
  const std::string text = read_file(page);
  EXPECT_EQ(text.rfind("<!DOCTYPE html>", 0), 0u);
  for (const char* part : {"chosen: joint layout", "rejected: joint layout", "operand 1", "<svg "})
    EXPECT_NE(text.find(part), std::string::npos) << part;
  for (const char* never : {"src=", "@import", "<link", "<script"})
    EXPECT_EQ(text.find(never), std::string::npos) << never;
  EXPECT_EQ(json::parse(with({"--report", picture, "--json"}).out)["report"], picture);
  EXPECT_EQ(read_file(picture).rfind("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg ", 0), 0u);
  EXPECT_EQ(with({"--report", "plan.pdf"}).code, 2);
  const std::string explained = with({"--explain"}).out;
  for (const char* part : {"step 1: ", "before c0, operand 0", "the result", "rejected: "})
    EXPECT_NE(explained.find(part), std::string::npos) << explained;
}

TEST(Einsum, SimulatesWithoutKeys) {
  const std::string a = array("square.npy", {4, 4}, 3);
  const json trace = json::parse(pliant({"einsum", "ii->", a, "--simulate", "--json"}).out);
  EXPECT_FALSE(trace.contains("key_bytes"));
  EXPECT_LE(trace["max_abs_error"], trace["error_bound"]);
  EXPECT_GT(trace["predicted_seconds"], 0);
  const json few = json::parse(pliant({"einsum", "ij->ij", array("few.npy", {2, 2}, 3), "--slots",
                                       "4", "--simulate", "--json"})
                                   .out);
  EXPECT_FALSE(few.contains("predicted_seconds"));  // nothing to measure by
}

TEST(Einsum, CtrlCEndsItBeforeTheAnswer) {
  const std::string a = array("a.npy", {128, 128}, 1);
  const Outcome outcome =
      pliant_interrupted({"einsum", "ij->ji", a, "--planner", "einhops"}, SIGINT, 1);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("stopped before there was an answer"), std::string::npos)
      << outcome.err;
}

TEST(Einsum, RefusesWhatCannotBe) {
  const std::string a = array("a.npy", {4, 8}, 1), b = array("b.npy", {8, 4}, 2);
  const auto error = [&](std::vector<std::string> words, int code) {
    words.insert(words.begin(), "einsum");
    const Outcome outcome = pliant(words);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    return outcome.out + outcome.err;
  };
  const auto says = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  says(error({"ij,jk->ik", a}, 1), "operand");
  says(error({"ij,ij->ij", a, b}, 1), "'i'");
  says(error({"ij->jij", a}, 1), "output label 'j' is repeated");
  says(error({"ij->ik", a}, 1), "'k'");
  says(error({"ij,jk->ik", a, b, "--levels", "0"}, 1), "needs 2 levels");
  says(error({"ij,jk->ik", a, b, "--memory", "1MiB", "--dry-run"}, 1), "--memory allows 1 MiB");
  says(error({"ij->ji", a, "--encrypt", "1"}, 2), "operands 0 to 0");
  says(error({"ij->ji", a, "--encrypt", "most"}, 2), "--encrypt");
  says(error({"ij->ji", a, "--magnitude", "0.001", "--simulate", "--json"}, 1), "magnitude");
  says(error({"ij->ji", a, "--dry-run", "--out", temporary("o.npy")}, 2), "--out");
  says(error({"ij->ji", temporary("text.npy", "hello")}, 1), "is not a .npy file");
}

// A limit between what the quickest plan's keys take and what powers of two do.
TEST(Einsum, LittleMemoryMakesRotationsOfFewerKeys) {
  const std::string a = array("square.npy", {32, 32}, 3);
  const std::vector<std::string> words{"einsum", "ij,jk->ik", a, a, "--slots", "1024", "--dry-run"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = words;
    all.insert(all.end(), more.begin(), more.end());
    return pliant(all);
  };
  const json free = json::parse(with({"--json"}).out);
  const std::string limit = std::to_string(
      (free["key_bytes"].get<std::int64_t>() + free["plaintext_bytes"].get<std::int64_t>()) * 19 /
      20);
  const Outcome tight = with({"--memory", limit, "--json"});
  ASSERT_EQ(tight.code, 0) << tight.err;
  const json fewer = json::parse(tight.out);
  EXPECT_LT(fewer["keys"], free["keys"]);
  EXPECT_LT(fewer["key_bytes"], free["key_bytes"]);
  EXPECT_GE(fewer["rotations"], free["rotations"]);
  const Outcome told = with({"--memory", limit, "--explain"});
  EXPECT_NE(told.out.find("rotations: by powers of two alone"), std::string::npos)
      << told.err << told.out.substr(0, 2000);
}

}  // namespace
}  // namespace pliant::test
