#include "cli/plan/picture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/files.h"
#include "plan/report/page.h"
#include "plan/report/plan_map.h"

namespace pliant::cli {
namespace {

// `notes` follow the title.
void write_map(const std::string& path, report::MemoryMap map,
               const std::vector<std::string>& notes) {
  if (extension(path) == ".html") {
    write_file(path, plan::map_page(map, notes));
    return;
  }
  map.title = fmt::format("{}: {}", map.title, fmt::join(notes, "; "));
  write_file(path, report::memory_map_svg(map));
}

plan::PlanPage page_of(const PlanReport& report) {
  plan::PlanPage page;
  page.problem = &report.subject->problem();
  page.plan = &report.plan;
  page.network = report.path;
  page.size_name = report.size_name;
  page.status = status_text(report);
  page.sizes = report.sizes;
  page.default_belady = report.baseline;
  page.baselines = report.baselines;
  page.sweep = report.sweep;
  page.device = report.device;
  page.work = report.subject->work;
  if (report.execution)
    page.executed = {
        report.execution->outputs_equal,
        fmt::format("in an arena of that size with {} kernels, against an unconstrained run",
                    report.execution->kernels)};
  return page;
}

}  // namespace

void check_report_path(const std::string& path) {
  const std::string end = extension(path);
  if (!path.empty() && end != ".html" && end != ".svg")
    throw Error(ErrorKind::usage, "--report",
                fmt::format("'{}' ends neither in .html nor in .svg", path),
                "name a page as plan.html, the picture alone as plan.svg");
}

void write_picture(const std::string& path, const PlanReport& report) {
  if (report.plan.order.empty())
    throw Error(ErrorKind::invalid, path, "there is nothing to draw: no operators");
  if (extension(path) == ".html" && report.objective.of != plan::Measure::peak_bytes) {
    write_file(path, plan::plan_page(page_of(report)));
    return;
  }
  const std::string title =
      fmt::format("{} in {}", report.path, bytes_text(report.plan.scratchpad_bytes));
  write_map(
      path,
      plan::map_of(report.subject->problem(), report.plan, title, plan::size_lines(report.sizes)),
      {status_text(report)});
}

void write_picture(const std::string& path, const place::Instance& instance,
                   const std::vector<std::int64_t>& offsets, std::int64_t capacity,
                   const std::string& name) {
  const std::string title = fmt::format("{} in {}", name, bytes_text(capacity));
  write_map(path, plan::map_of(instance, offsets, capacity, title),
            {fmt::format("{} buffers, placed",
                         grouped_text(static_cast<std::int64_t>(instance.ids.size())))});
}

}  // namespace pliant::cli
