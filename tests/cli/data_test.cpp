// Networks of other projects, as a user would hand them over; skipped without PLIANT_DATA.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/process.h"

namespace pliant::test {
namespace {

using nlohmann::json;

TEST(Data, ReadsAndPlansTheNetworksOfAcceleratorProjects) {
  const char* data = std::getenv("PLIANT_DATA");
  if (data == nullptr) GTEST_SKIP() << "PLIANT_DATA is not set";
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(data) + "/graphs/onnx-accelerator")) {
    if (entry.path().extension() != ".onnx") continue;
    SCOPED_TRACE(entry.path().filename().string());
    ++files;
    const Outcome inspected = pliant({"inspect", entry.path(), "--elem-bytes", "1", "--json"});
    ASSERT_EQ(inspected.code, 0) << inspected.err;
    const Outcome planned = pliant(
        {"plan", entry.path(), "--scratchpad", "MR", "--elem-bytes", "1", "--execute", "--json"});
    ASSERT_EQ(planned.code, 0) << planned.err;
    const json graph = json::parse(inspected.out), plan = json::parse(planned.out);
    EXPECT_GT(graph["operators"], 0);
    EXPECT_EQ(plan["scratchpad_bytes"], graph["m_r"]);
    EXPECT_EQ(plan["status"], "optimal");
    EXPECT_EQ(plan["execution"]["outputs_equal"], true);
  }
  EXPECT_EQ(files, 20);
}

}  // namespace
}  // namespace pliant::test
