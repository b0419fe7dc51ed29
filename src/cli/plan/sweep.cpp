#include "cli/plan/sweep.h"

#include <fmt/format.h>

#include <algorithm>

#include "command/options.h"
#include "core/error.h"
#include "core/log/progress.h"

namespace pliant::cli {
namespace {

constexpr std::int64_t most_sizes = 1000;
constexpr const char* forms =
    "write 12, or 256KiB:1MiB:12 (from, to, how many), or 512KiB,1MiB; sizes may be MR, MH, MP";

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t at = text.find(separator); at != std::string::npos;
       at = text.find(separator, begin)) {
    parts.push_back(text.substr(begin, at - begin));
    begin = at + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

bool is_digits(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

std::int64_t count_of(const std::string& text, const std::string& whole) {
  if (!is_digits(text) || text.size() > 4 || std::stoll(text) < 2 || std::stoll(text) > most_sizes)
    throw Error(
        ErrorKind::usage, "--sweep",
        fmt::format("'{}' in '{}' is not a number of sizes from 2 to {}", text, whole, most_sizes),
        forms);
  return std::stoll(text);
}

std::int64_t bytes_of(const std::string& text, PlanSizes& sizes) {
  return is_size_name(text) ? sizes.named(text) : bytes_from_text(text, "--sweep").count;
}

}  // namespace

SweepRequest sweep_request(const std::string& text) {
  if (is_digits(text)) return {count_of(text, text), {}};
  SweepRequest request;
  request.sizes = split(text, ':');
  if (request.sizes.size() > 3)
    throw Error(ErrorKind::usage, "--sweep", fmt::format("'{}' has too many colons", text), forms);
  if (request.sizes.size() == 1) {
    request.sizes = split(text, ',');
  } else {
    request.count =
        count_of(request.sizes.size() == 3 ? request.sizes.back() : default_sweep, text);
    request.sizes.resize(2);
  }
  if (request.sizes.size() > static_cast<std::size_t>(most_sizes))
    throw Error(ErrorKind::usage, "--sweep", fmt::format("lists more than {} sizes", most_sizes),
                forms);
  for (const std::string& each : request.sizes)
    if (!is_size_name(each)) bytes_from_text(each, "--sweep");
  return request;
}

std::vector<std::int64_t> sweep_sizes(const SweepRequest& request, const plan::Problem& problem,
                                      std::int64_t alignment, PlanSizes& sizes) {
  if (request.sizes.empty()) return plan::sweep_sizes(sizes.all(), request.count, alignment);
  std::vector<std::int64_t> bytes;
  for (const std::string& each : request.sizes) bytes.push_back(bytes_of(each, sizes));
  if (request.count > 0 && bytes[0] > bytes[1])
    throw Error(ErrorKind::usage, "--sweep",
                fmt::format("begins at {} B, above its end {} B", grouped_text(bytes[0]),
                            grouped_text(bytes[1])),
                forms);
  const std::int64_t least = *std::min_element(bytes.begin(), bytes.end());
  const plan::Required required = plan::required_size(problem, alignment);
  if (least < required.bytes || least < 1)
    throw Error(
        ErrorKind::usage, "--sweep",
        required.op < 0
            ? "0 B is no size to plan for"
            : fmt::format("{} B are too few: operator '{}' needs {} B", grouped_text(least),
                          problem.operators[required.op].name, grouped_text(required.bytes)),
        "begin at MR");
  // Sizes that were given are taken as they are.
  if (request.count > 0) return plan::spread_sizes(bytes[0], bytes[1], request.count, 1);
  std::sort(bytes.begin(), bytes.end());
  bytes.erase(std::unique(bytes.begin(), bytes.end()), bytes.end());
  return bytes;
}

std::vector<plan::SweepPoint> run_sweep(const plan::Problem& problem,
                                        const std::vector<std::int64_t>& bytes,
                                        const plan::SolveOptions& options, PlanSizes& sizes,
                                        const std::function<plan::Plan(std::int64_t)>& solve,
                                        const Invocation& context) {
  Progress progress(context.log, steady_clock());
  plan::SweepWork work{sizes.all().peak_order, options, solve, [&](std::size_t done) {
                         progress.show([&] {
                           return fmt::format("sweep: {} of {} sizes planned, {}", done,
                                              bytes.size(), seconds_text(progress.seconds()));
                         });
                       }};
  std::vector<plan::SweepPoint> points = plan::sweep(problem, bytes, work);
  if (points.size() < bytes.size())
    context.log.warning(
        fmt::format("the sweep was ended after {} of {} sizes", points.size(), bytes.size()));
  return points;
}

}  // namespace pliant::cli
