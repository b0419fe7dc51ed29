#include "plan/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.h"
#include "core/json.h"

namespace pliant::plan {
namespace {

constexpr double largest = 1e18;  // of any figure of a device

constexpr std::string_view keys[] = {"name",
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

[[noreturn]] void refuse(const JsonNode& figure, const std::string& problem) {
  throw Error(ErrorKind::invalid, figure.place(), problem, "docs/formats.md describes the file");
}

double figure_of(const JsonNode& node) {
  const double value = node.number();
  if (!(value >= 0 && value <= largest))
    refuse(node, fmt::format("{} is out of range", node.json().dump()));
  return value;
}

double positive(const JsonNode& node) {
  const double value = figure_of(node);
  if (value == 0) refuse(node, fmt::format("{} is out of range", node.json().dump()));
  return value;
}

// Written as 4096 or as 4.096e3.
std::int64_t whole(const JsonNode& node, double most) {
  const double value = figure_of(node);
  if (value != std::floor(value) || value > most)
    refuse(node, fmt::format("{} is not a whole number from 0 to {}", value, most));
  return static_cast<std::int64_t>(value);
}

std::int64_t positive_whole(const JsonNode& node) {
  positive(node);
  return whole(node, 0x1p53);
}

std::optional<std::int64_t> cost_of(const JsonNode& device, std::string_view key) {
  const auto node = device.find(key);
  return node ? std::optional(whole(*node, static_cast<double>(most_cost))) : std::nullopt;
}

}  // namespace

Device device_from_json(std::string_view text, std::string_view place) {
  const nlohmann::json document = parse_json(text, place, 4);
  const JsonNode node(document, place);
  node.only(keys);
  const auto optional = [&](std::string_view key) {
    return node.has(key) ? figure_of(node.at(key)) : 0;
  };
  Device device;
  device.name = node.text("name", "");
  device.scratchpad_bytes = positive_whole(node.at("scratchpad_bytes"));
  device.bandwidth_bytes_per_s = positive(node.at("bandwidth_bytes_per_s"));
  device.latency_s = optional("latency_s");
  device.alignment = node.has("alignment") ? positive_whole(node.at("alignment")) : 1;
  device.operations_per_s = positive(node.at("operations_per_s"));
  device.energy_per_byte_j = optional("energy_per_byte_j");
  device.energy_per_operation_j = optional("energy_per_operation_j");
  device.read_cost = cost_of(node, "read_cost");
  device.write_cost = cost_of(node, "write_cost");
  device.move_cost = cost_of(node, "move_cost");
  if (device.read_cost == 0 && device.write_cost == 0)
    refuse(node.at("read_cost"), "is 0 and so is write_cost");
  if (!std::has_single_bit(static_cast<std::uint64_t>(device.alignment)) ||
      device.alignment > 1 << 20)
    refuse(node.at("alignment"),
           fmt::format("{} is not a power of two up to 2^20", device.alignment));
  return device;
}

Estimate estimate(const Device& device, const Problem& problem, const Plan& plan,
                  const Work& work) {
  Estimate result;
  result.transfers = work.streamed_tensors;
  result.transferred_bytes = work.streamed_bytes;
  for (const Event& event : plan.events) {
    if (event.action == Action::drop || event.action == Action::move) continue;
    ++result.transfers;
    result.transferred_bytes += problem.tensors[event.tensor].bytes;
  }
  const auto bytes = static_cast<double>(result.transferred_bytes),
             operations = static_cast<double>(work.operations);
  result.transfer_s = bytes / device.bandwidth_bytes_per_s +
                      static_cast<double>(result.transfers) * device.latency_s;
  result.compute_s = operations / device.operations_per_s;
  result.serial_s = result.transfer_s + result.compute_s;
  result.overlapped_s = std::max(result.transfer_s, result.compute_s);
  result.energy_j = bytes * device.energy_per_byte_j + operations * device.energy_per_operation_j;
  return result;
}

}  // namespace pliant::plan
