#include "train/run/journal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/files.h"
#include "core/files/input_guard.h"
#include "errors.h"

namespace pliant::train {
namespace {

std::string fresh_log(const std::string& name) {
  const std::string path = testing::TempDir() + "journal-" + name + ".jsonl";
  std::filesystem::remove(path);
  return path;
}

StepRecord told(std::int64_t step) {
  return {step, step * 10, 3.5 - 0.1 * static_cast<double>(step), 3, 1e-3, 0.5, 1000, 1e9, 1e6};
}

TEST(Journal, GoesOnAtTheCheckpointAndCutsWhatCameAfter) {
  const std::string path = fresh_log("on");
  {
    Journal journal(path, 0);
    for (std::int64_t step = 1; step <= 2; ++step) journal.add(told(step));
    journal.add(ValidationRecord{2, 3.25, 1.5});
    journal.add(SampleRecord{2, "It was \xe2\x80"});  // cut within a character
    for (std::int64_t step = 3; step <= 4; ++step) journal.add(told(step));
  }
  std::ofstream(path, std::ios::app) << "{\"step\": 9, \"lo";  // killed while writing
  const InputGuard guard;                                      // as in a command
  Journal journal(path, 2);
  EXPECT_EQ(journal.steps().size(), 2u);
  EXPECT_EQ(journal.steps().back().loss, told(2).loss);
  ASSERT_EQ(journal.validations().size(), 1u);
  EXPECT_EQ(journal.validations()[0].nll, 3.25);
  ASSERT_EQ(journal.samples().size(), 1u);
  journal.add(told(3));
  const std::string text = read_file(path);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5);
  EXPECT_EQ(text.find("\"step\":4"), std::string::npos);
}

TEST(Journal, KeepsWhatNotEveryRunHas) {
  const std::string path = fresh_log("optional");
  StepRecord record = told(2);
  record.divergence = 0.5;
  record.peak_share = 0.25;
  {
    Journal journal(path, 0);
    journal.add(told(1));
    journal.add(record);
  }
  const Journal journal(path, 2);
  EXPECT_FALSE(journal.steps()[0].divergence || journal.steps()[0].peak_share);
  EXPECT_EQ(journal.steps()[1].divergence, 0.5);
  EXPECT_EQ(journal.steps()[1].peak_share, 0.25);
}

TEST(Journal, SaysWhichLineIsBroken) {
  const std::string path = fresh_log("broken");
  write_file(path, "{\"step\":1}\n");
  const std::string said = error_of([&] { Journal(path, 5); });
  EXPECT_NE(said.find(path + ":1: lacks the field 'tokens'"), std::string::npos) << said;
}

TEST(Journal, DrawsItsCurves) {
  const std::string path = fresh_log("page");
  Journal journal(path, 0);
  EXPECT_NE(journal.page("run").find("No step"), std::string::npos);
  EXPECT_EQ(journal.page("run").find("Share of peak"), std::string::npos);
  for (std::int64_t step = 1; step <= 1000; ++step) {
    StepRecord record = told(step);
    record.peak_share = 0.43;
    journal.add(record);
  }
  journal.add(SampleRecord{1000, "<b>once</b>"});
  const std::string page = journal.page("run");
  EXPECT_NE(page.find("Gradient"), std::string::npos);
  EXPECT_NE(page.find("Share of peak"), std::string::npos);
  EXPECT_NE(page.find("tokens per second, 43 % of peak"), std::string::npos);
  EXPECT_NE(page.find("&lt;b&gt;once"), std::string::npos);
  EXPECT_LT(page.size(), 400'000u);
}

}  // namespace
}  // namespace pliant::train
