#include "cli/plan/cost_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/network/subject.h"
#include "core/error.h"

namespace pliant::cli {
namespace {

// The option's cost, else the device's, else 1.
std::int64_t cost_of(const std::optional<std::int64_t>& given,
                     const std::optional<std::int64_t>& device, const char* name,
                     std::int64_t otherwise = 1) {
  if (given && device && *given != *device)
    throw Error(ErrorKind::usage, name,
                fmt::format("{}, but the device of --device says {}", *given, *device),
                "leave one of the two out");
  return given.value_or(device.value_or(otherwise));
}

}  // namespace

std::vector<Option> cost_table(CostOptions& options) {
  constexpr const char* no_traffic = "its plan moves nothing that could have a cost";
  constexpr const char* one_memory = "that is for one memory on chip";
  std::vector<Option> table{
      option("read-cost", "N", options.read_cost,
             "cost of a byte loaded; the plan of least cost is found")
          .within(0, plan::most_cost)
          .with_default("1, or the device's")
          .excludes("--minimize peak", no_traffic),
      option("write-cost", "N", options.write_cost, "cost of a byte stored")
          .within(0, plan::most_cost)
          .with_default("1, or the device's")
          .excludes("--minimize peak", no_traffic),
      option("move-cost", "N", options.move_cost,
             "cost of a byte moved to another address on chip; without this option nothing moves")
          .within(0, plan::most_cost)
          .with_default("none, or the device's")
          .excludes("--minimize peak", no_traffic)
          .excludes("--solver ilp", "it moves nothing on chip")
          .excludes("--compare", "its methods move nothing on chip"),
      flag("steady-state", options.steady_state,
           "plan one frame of many: weights that never leave are loaded once, the others in every "
           "frame")
          .excludes("--minimize peak", "it plans one run")
          .excludes("--solver ilp", "it plans one run")
          .excludes("--compare", "its methods plan one run")
          .excludes("--sweep", "it compares single runs")
          .needs("--weights", "the plan says which of them stay", networks),
      option("second-level", "SIZE", options.second_level,
             "size of a second memory on chip, for tensors that leave the scratchpad")
          .excludes("--minimize peak", no_traffic)
          .excludes("--solver ilp", one_memory)
          .excludes("--steady-state", one_memory)
          .excludes("--export", one_memory)
          .excludes("--export-tflm", one_memory)
          .excludes("--compare", one_memory)
          .excludes("--sweep", one_memory)
          .excludes("--report", one_memory),
      option("second-cost", "N", options.second_cost,
             "cost of a byte moved between scratchpad and second level; at most the read and the "
             "write cost")
          .within(0, plan::most_cost)
          .with_default("0")
          .needs("--second-level", "that is where it is moved to and from")
          .excludes("--minimize peak", no_traffic)};
  for (Option& each : table) each.inputs = {networks, problems};
  return table;
}

plan::Costs costs_of(const CostOptions& options, const std::optional<plan::Device>& device) {
  const plan::Device none, &chip = device ? *device : none;
  const plan::Costs costs{
      cost_of(options.read_cost, chip.read_cost, "--read-cost"),
      cost_of(options.write_cost, chip.write_cost, "--write-cost"),
      cost_of(options.move_cost, chip.move_cost, "--move-cost", plan::no_moves)};
  if (costs.read == 0 && costs.write == 0)
    throw Error(ErrorKind::usage, "--read-cost",
                "is 0 and so is the write cost: every plan would cost nothing",
                "give one of them a cost");
  return costs;
}

std::optional<plan::SecondMemory> second_memory_of(const CostOptions& options,
                                                   const plan::Costs& costs) {
  if (options.second_level.empty()) return std::nullopt;
  const plan::SecondMemory memory{bytes_from_text(options.second_level, "--second-level").count,
                                  options.second_cost.value_or(0)};
  if (memory.bytes <= 0)
    throw Error(ErrorKind::usage, "--second-level",
                fmt::format("{} B is not above 0", memory.bytes));
  const std::int64_t most = std::min(costs.read, costs.write);
  if (memory.price > most)
    throw Error(ErrorKind::usage, "--second-cost",
                fmt::format("{} is not from 0 to {}", memory.price, most),
                "off-chip memory is the dearer one: at most the read and the write cost");
  return memory;
}

}  // namespace pliant::cli
