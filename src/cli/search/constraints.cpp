#include "cli/search/constraints.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "core/error.h"
#include "core/files.h"
#include "search/evolution/target.h"

namespace pliant::cli {
namespace {

struct Range {
  double low, high;
};

Range range_of(const std::string& text, const std::string& place,
               double (*value)(std::string_view, std::string_view)) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos)
    throw Error(ErrorKind::usage, place, fmt::format("'{}' is no range", text),
                "write FROM:TO, both included");
  const Range range{value(std::string_view(text).substr(0, colon), place),
                    value(std::string_view(text).substr(colon + 1), place)};
  if (range.low > range.high)
    throw Error(ErrorKind::usage, place, fmt::format("'{}' ends below its beginning", text));
  return range;
}

double count_value(std::string_view text, std::string_view place) {
  return static_cast<double>(count_from_text(text, place));
}

double milliseconds(std::string_view text, std::string_view place) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0))
    throw Error(ErrorKind::usage, std::string(place),
                fmt::format("'{}' is no number of milliseconds", text),
                "write PHONE=FROM:TO, for example pixel6=10:12.5");
  return value;
}

}  // namespace

std::vector<Option> constraint_options(ConstraintOptions& options) {
  std::vector<Option> list;
  list.push_back(
      option("target", "FILE", options.target,
             "what a subnet may cost (JSON): {\"flops\": 150e6, \"parameters\": [0, 8e6], "
             "\"latency_ms\": {\"pixel6\": 20}}")
          .path());
  list.push_back(option("flops", "FROM:TO", options.flops,
                        "multiply-accumulates, as the paper counts them: 100M:120M"));
  list.push_back(
      option("parameters", "FROM:TO", options.parameters, "parameters that are read: 8M:9M"));
  list.push_back(option("latency", "PHONE=FROM:TO", options.latencies,
                        "milliseconds by a phone's table; may be given for several phones"));
  return list;
}

Constraints::Constraints(const ConstraintOptions& options, const SearchSubject& subject)
    : flops_(subject.space()), parameters_(subject.space()) {
  if (!options.target.empty()) read_target(options.target, subject);
  const auto add_range = [&](const search::StagePredictor& predictor, const Range& range) {
    add(predictor, range.low, range.high);
  };
  if (!options.flops.empty()) add_range(flops_, range_of(options.flops, "--flops", count_value));
  if (!options.parameters.empty())
    add_range(parameters_, range_of(options.parameters, "--parameters", count_value));
  for (const std::string& each : options.latencies) {
    const std::size_t equals = each.find('=');
    if (equals == std::string::npos)
      throw Error(ErrorKind::usage, "--latency", fmt::format("'{}' names no phone", each),
                  "write PHONE=FROM:TO");
    add_range(subject.phone(each.substr(0, equals), "--latency"),
              range_of(each.substr(equals + 1), "--latency", milliseconds));
  }
}

void Constraints::read_target(const std::string& path, const SearchSubject& subject) {
  for (const search::Bound& each : search::bounds_from_json(read_file(path), path)) {
    if (each.latency) add(subject.phone(each.name, path + ": latency_ms"), each.low, each.high);
    else if (each.name == "flops") add(flops_, each.low, each.high);
    else add(parameters_, each.low, each.high);
  }
}

void Constraints::or_the_whole_space() {
  if (list_.empty()) add(flops_, 0, HUGE_VAL);
}

}  // namespace pliant::cli
