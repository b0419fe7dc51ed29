#include "plan/device.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace pliant::plan {
namespace {

constexpr const char* whole =
    R"({"name": "small", "scratchpad_bytes": 524288, "bandwidth_bytes_per_s": 1e9,
  "latency_s": 1e-6, "alignment": 16, "operations_per_s": 2e9, "energy_per_byte_j": 1e-10,
  "energy_per_operation_j": 1e-12})";

std::string problem(std::string_view text) {
  try {
    device_from_json(text, "d.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

std::string with(const std::string& key, const std::string& value) {
  std::string text =
      R"({"scratchpad_bytes": 1024, "bandwidth_bytes_per_s": 1, "operations_per_s": 1})";
  const std::size_t at = text.find("\"" + key + "\"");
  if (at == std::string::npos) return "{\"" + key + "\": " + value + ", " + text.substr(1);
  const std::size_t begin = text.find(':', at) + 2, end = text.find_first_of(",}", begin);
  return text.replace(begin, end - begin, value);
}

TEST(Device, ReadsEveryKey) {
  const Device device = device_from_json(whole, "d.json");
  EXPECT_EQ(device.name, "small");
  EXPECT_EQ(device.scratchpad_bytes, 524288);
  EXPECT_EQ(device.bandwidth_bytes_per_s, 1e9);
  EXPECT_EQ(device.latency_s, 1e-6);
  EXPECT_EQ(device.alignment, 16);
  EXPECT_EQ(device.operations_per_s, 2e9);
  EXPECT_EQ(device.energy_per_byte_j, 1e-10);
  EXPECT_EQ(device.energy_per_operation_j, 1e-12);
  EXPECT_FALSE(device.read_cost || device.write_cost);
  EXPECT_EQ(problem(with("scratchpad_bytes", "4096")), "none");
  const Device priced = device_from_json(with("write_cost", "3"), "d.json");
  EXPECT_FALSE(priced.read_cost);
  EXPECT_EQ(priced.write_cost, 3);
}

TEST(Device, RefusesWhatIsNoDeviceNamingTheKey) {
  EXPECT_EQ(problem("{"), "d.json at byte 2: is not JSON: the text is broken here");
  EXPECT_EQ(problem("[]"), "d.json: is array, not an object");
  EXPECT_EQ(problem(with("bandwith_bytes_per_s", "1")),
            "d.json: unknown field 'bandwith_bytes_per_s' (did you mean 'bandwidth_bytes_per_s'?)");
  const std::pair<const char*, const char*> wrong[] = {{"scratchpad_bytes", "0"},
                                                       {"scratchpad_bytes", "-4"},
                                                       {"scratchpad_bytes", "1.5"},
                                                       {"scratchpad_bytes", "\"x\""},
                                                       {"scratchpad_bytes", "1e17"},
                                                       {"bandwidth_bytes_per_s", "0"},
                                                       {"bandwidth_bytes_per_s", "null"},
                                                       {"operations_per_s", "1e300"},
                                                       {"latency_s", "-1"},
                                                       {"alignment", "3"},
                                                       {"alignment", "0"},
                                                       {"alignment", "2097152"},
                                                       {"energy_per_byte_j", "true"},
                                                       {"read_cost", "-1"},
                                                       {"read_cost", "0.5"},
                                                       {"write_cost", "1000001"},
                                                       {"write_cost", "\"x\""},
                                                       {"name", "7"}};
  for (const auto& [key, value] : wrong)
    EXPECT_EQ(problem(with(key, value)).rfind(std::string("d.json: ") + key + ": ", 0), 0u)
        << key << " = " << value;
  EXPECT_EQ(
      problem(
          R"({"scratchpad_bytes": 1, "bandwidth_bytes_per_s": 1, "operations_per_s": 1, "read_cost": 0,
      "write_cost": 0})"),
      "d.json: read_cost: is 0 and so is write_cost (docs/formats.md describes the file)");
  EXPECT_EQ(problem("{}").rfind("d.json: lacks the field 'scratchpad_bytes'", 0), 0u);
}

TEST(Device, EstimatesTimeAndEnergyOfAPlan) {
  const Device device = device_from_json(whole, "d.json");
  Problem net;
  net.tensors = {{"x", 1000, Role::input}, {"y", 500, Role::output}};
  net.operators = {{"f", {0}, {1}}};
  Plan plan;
  plan.order = {0};
  plan.residencies = {{0, 0, 0, 0}, {1, 0, 0, 1000}};
  derive_events(net, plan);
  const Estimate e = estimate(device, net, plan,
                              {.operations = 4000, .streamed_bytes = 2500, .streamed_tensors = 1});
  EXPECT_EQ(e.transfers, 3);
  EXPECT_EQ(e.transferred_bytes, 4000);
  EXPECT_DOUBLE_EQ(e.transfer_s, 4e-6 + 3e-6);
  EXPECT_DOUBLE_EQ(e.compute_s, 2e-6);
  EXPECT_DOUBLE_EQ(e.serial_s, 9e-6);
  EXPECT_DOUBLE_EQ(e.overlapped_s, 7e-6);
  EXPECT_DOUBLE_EQ(e.energy_j, 4000 * 1e-10 + 4000 * 1e-12);
}

}  // namespace
}  // namespace pliant::plan
