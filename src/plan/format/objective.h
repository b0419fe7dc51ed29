// What a plan makes least, and how near to the least it is known to be.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pliant::plan {

enum class Measure : std::uint8_t {
  traffic_bytes,      // loaded and stored beyond the compulsory
  cost,               // of these bytes and of moves, at the prices of Costs
  second_level_cost,  // the same with a second memory behind the scratchpad
  frame_cost,         // of one frame of many: that, and the first loads of weights
  peak_bytes,         // the scratchpad that needs no traffic
};

struct Objective {
  Measure of = Measure::traffic_bytes;
  std::int64_t value = 0;  // the plan's
  std::int64_t bound = 0;  // no plan has less
  std::string origin;      // how the bound was proven; where there is no plan, why
  bool operator==(const Objective&) const = default;

  bool proven() const { return value <= bound; }
  bool is_bytes() const { return of == Measure::traffic_bytes || of == Measure::peak_bytes; }
};

}  // namespace pliant::plan
