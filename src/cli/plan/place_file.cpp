#include "cli/plan/place_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/plan/picture.h"
#include "command/print.h"
#include "core/files.h"
#include "core/log/progress.h"
#include "plan/place/place.h"

namespace pliant::cli {
namespace {

struct Answer {
  place::Placement result;
  std::int64_t peak = 0, height = 0;
  std::vector<std::string> core;  // names of rectangles that cannot be placed together
  double seconds = 0;
};

Answer solve(const place::Instance& instance, const PlaceFile& request, const Invocation& context) {
  Answer answer;
  const Clock clock = steady_clock();
  const double begin = clock();
  answer.result = place::place(
      instance.rectangles, request.capacity,
      {.alignment = request.alignment, .deadline = Deadline(request.time_limit_s, &context.stop)});
  answer.seconds = clock() - begin;
  answer.peak = fluid_peak(instance.rectangles);
  for (std::size_t i = 0; i < answer.result.offsets.size(); ++i)
    answer.height = std::max(answer.height, answer.result.offsets[i] + instance.rectangles[i].size);
  for (const std::int32_t at : answer.result.core) answer.core.push_back(instance.ids[at]);
  return answer;
}

std::string_view status_name(place::Outcome status) {
  switch (status) {
    case place::Outcome::placed: return "optimal";
    case place::Outcome::impossible: return "infeasible";
    case place::Outcome::undecided: return "undecided";
  }
  return "";
}

nlohmann::ordered_json to_json(const PlaceFile& request, const place::Instance& instance,
                               const Answer& answer) {
  nlohmann::ordered_json json{{"status", status_name(answer.result.status)},
                              {"scratchpad_bytes", request.capacity},
                              {"buffers", instance.ids.size()},
                              {"peak_bytes", answer.peak}};
  if (answer.result.status == place::Outcome::placed) {
    json.update({{"traffic_bytes", 0}, {"compulsory_bytes", 0}, {"lower_bound_bytes", 0}});
    json["height_bytes"] = answer.height;
    if (!request.out.empty()) json["placed"] = request.out;
    if (!request.report.empty()) json["report"] = request.report;
  }
  if (answer.result.status == place::Outcome::impossible) {
    json["core"] = answer.core;
    if (answer.peak > request.capacity) json["needed_bytes"] = answer.peak;
  }
  json["seconds"] = answer.seconds;
  return json;
}

void print(std::ostream& out, const std::string& name, const PlaceFile& request,
           const place::Instance& instance, const Answer& answer) {
  print_line(out, "instance",
             fmt::format("{}: {} buffers, at most {} B alive at one time", name,
                         instance.ids.size(), grouped_text(answer.peak)));
  print_line(out, "scratchpad", exact_bytes(request.capacity));
  if (answer.result.status == place::Outcome::placed)
    print_line(out, "status", fmt::format("placed, {} B high", grouped_text(answer.height)));
  else if (answer.result.status == place::Outcome::undecided)
    print_line(out, "status", "undecided: the search was ended before an answer");
  else
    print_line(
        out, "status",
        fmt::format("infeasible: cannot be placed together: {}", fmt::join(answer.core, ", ")));
  print_line(out, "time", seconds_text(answer.seconds));
  if (answer.result.status == place::Outcome::placed && !request.out.empty())
    print_line(out, "placed", "written to " + request.out);
  if (answer.result.status == place::Outcome::placed && !request.report.empty())
    print_line(out, "report", "written to " + request.report);
}

}  // namespace

std::int64_t fluid_peak(const std::vector<place::Rectangle>& rectangles) {
  std::vector<std::pair<std::int32_t, std::int64_t>> changes;
  for (const place::Rectangle& each : rectangles) {
    if (each.lower >= each.upper) continue;
    changes.emplace_back(each.lower, each.size);
    changes.emplace_back(each.upper, -each.size);
  }
  std::sort(changes.begin(), changes.end());  // at one time, ends come before begins
  std::int64_t alive = 0, peak = 0;
  for (const auto& [time, change] : changes) peak = std::max(peak, alive += change);
  return peak;
}

int place_file(const Source& source, const PlaceFile& request, const Invocation& context) {
  const place::Instance instance = place::instance_from_csv(source.text(), source.path());
  const std::string name = file_name(source.path());
  const Answer answer = solve(instance, request, context);
  const bool placed = answer.result.status == place::Outcome::placed;
  if (placed && !request.out.empty())
    write_file(request.out, place::instance_to_csv(instance, answer.result.offsets));
  if (placed && !request.report.empty())
    write_picture(request.report, instance, answer.result.offsets, request.capacity, name);
  if (!placed && !request.report.empty())
    context.log.warning(request.report + ": not written, there is no placement to draw");
  if (context.common.json) print_json(context.out, to_json(request, instance, answer));
  else print(context.out, name, request, instance, answer);
  return placed ? success : failure;
}

}  // namespace pliant::cli
