// --report: the picture of a plan, as a page or as the memory map alone, told by the file's name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/plan/report.h"
#include "plan/place/place.h"
#include "plan/solve.h"

namespace pliant::cli {

void check_report_path(
    const std::string& path);  // throws Error{usage} unless it ends in .html or .svg; "" is allowed

// Precondition: report.has_plan().
void write_picture(const std::string& path, const PlanReport& report);
void write_picture(const std::string& path, const place::Instance& instance,
                   const std::vector<std::int64_t>& offsets, std::int64_t capacity,
                   const std::string& name);

}  // namespace pliant::cli
