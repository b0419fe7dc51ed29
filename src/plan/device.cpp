#include "plan/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.h"
#include "core/json.h"
#include "core/suggest.h"

namespace pliant::plan {
namespace {

constexpr double largest = 1e18;  // of any figure of a device

class DeviceReader {
 public:
  DeviceReader(std::string_view text, std::string_view place) : place_(place) {
    json_ = parse_json(text, place_, 4);
    if (!json_.is_object()) throw Error(ErrorKind::format, place_, "is not a JSON object that describes a device");
    for (const auto& [key, value] : json_.items())
      if (std::find(std::begin(keys), std::end(keys), key) == std::end(keys))
        throw Error(ErrorKind::invalid, place_ + ": " + key, "unknown key",
                    did_you_mean(key, keys, "docs/formats.md describes the file"));
  }

  std::string text(const char* key) const {
    const auto at = json_.find(key);
    if (at == json_.end()) return "";
    if (!at->is_string()) fail(key, "is not a string");
    return at->get<std::string>();
  }
  double number(const char* key, bool required) const {
    const auto at = json_.find(key);
    if (at == json_.end() && !required) return 0;
    if (at == json_.end()) fail(key, "is missing");
    if (!at->is_number()) fail(key, "is not a number");
    const double value = at->get<double>();
    if (!(value >= 0 && value <= largest) || (required && value == 0))
      fail(key, fmt::format("{} is out of range", at->dump()));
    return value;
  }
  std::int64_t whole(const char* key, std::int64_t otherwise) const {
    const bool required = otherwise == 0;
    if (!required && !json_.contains(key)) return otherwise;
    const double value = number(key, true);
    if (value != std::floor(value) || value > 0x1p53) fail(key, fmt::format("{} is not a whole number", value));
    return static_cast<std::int64_t>(value);
  }
  std::optional<std::int64_t> cost(const char* key) const {
    if (!json_.contains(key)) return {};
    const double value = number(key, false);
    if (value != std::floor(value) || value > static_cast<double>(most_cost))
      fail(key, fmt::format("{} is not a whole number from 0 to {}", value, most_cost));
    return static_cast<std::int64_t>(value);
  }
  [[noreturn]] void fail(const char* key, const std::string& problem) const {
    throw Error(ErrorKind::invalid, place_ + ": " + key, problem, "docs/formats.md describes the file");
  }

 private:
  inline static const std::string keys[] = {"name",
                                            "scratchpad_bytes",
                                            "bandwidth_bytes_per_s",
                                            "latency_s",
                                            "alignment",
                                            "operations_per_s",
                                            "energy_per_byte_j",
                                            "energy_per_operation_j",
                                            "read_cost",
                                            "write_cost",
                                            "move_cost"};
  std::string place_;
  nlohmann::json json_;
};

}  // namespace

Device device_from_json(std::string_view text, std::string_view place) {
  const DeviceReader reader(text, place);
  Device device;
  device.name = reader.text("name");
  device.scratchpad_bytes = reader.whole("scratchpad_bytes", 0);
  device.bandwidth_bytes_per_s = reader.number("bandwidth_bytes_per_s", true);
  device.latency_s = reader.number("latency_s", false);
  device.alignment = reader.whole("alignment", 1);
  device.operations_per_s = reader.number("operations_per_s", true);
  device.energy_per_byte_j = reader.number("energy_per_byte_j", false);
  device.energy_per_operation_j = reader.number("energy_per_operation_j", false);
  device.read_cost = reader.cost("read_cost");
  device.write_cost = reader.cost("write_cost");
  device.move_cost = reader.cost("move_cost");
  if (device.read_cost == 0 && device.write_cost == 0) reader.fail("read_cost", "is 0 and so is write_cost");
  if (!std::has_single_bit(static_cast<std::uint64_t>(device.alignment)) || device.alignment > 1 << 20)
    reader.fail("alignment", fmt::format("{} is not a power of two up to 2^20", device.alignment));
  return device;
}

Estimate estimate(const Device& device, const Problem& problem, const Plan& plan, const Work& work) {
  Estimate result;
  result.transfers = work.streamed_tensors;
  result.transferred_bytes = work.streamed_bytes;
  for (const Event& event : plan.events) {
    if (event.action == Action::drop || event.action == Action::move) continue;
    ++result.transfers;
    result.transferred_bytes += problem.tensors[event.tensor].bytes;
  }
  const auto bytes = static_cast<double>(result.transferred_bytes), operations = static_cast<double>(work.operations);
  result.transfer_s = bytes / device.bandwidth_bytes_per_s + static_cast<double>(result.transfers) * device.latency_s;
  result.compute_s = operations / device.operations_per_s;
  result.serial_s = result.transfer_s + result.compute_s;
  result.overlapped_s = std::max(result.transfer_s, result.compute_s);
  result.energy_j = bytes * device.energy_per_byte_j + operations * device.energy_per_operation_j;
  return result;
}

}  // namespace pliant::plan
