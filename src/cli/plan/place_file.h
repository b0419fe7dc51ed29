// Placement alone: minimalloc's CSV in, the same with offsets out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "command/verb.h"
#include "open/source.h"
#include "plan/place/place.h"

namespace pliant::cli {

struct PlaceFile {
  std::string out, report;  // report: the picture's file; empty: none
  std::int64_t capacity = 0, alignment = 1;
  double time_limit_s = 1e9;
};

// largest sum of sizes alive at one time
std::int64_t fluid_peak(const std::vector<place::Rectangle>& rectangles);

// Prints the result; returns the exit code.
int place_file(const Source& source, const PlaceFile& request, const Invocation& context);

}  // namespace pliant::cli
