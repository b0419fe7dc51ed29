#include "plan/format/adjacent.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace pliant::plan {
namespace {

// Where the tensors stand among the operator's inputs; their number for one that does not.
std::vector<std::int32_t> places_in(const Operator& op, const std::vector<TensorId>& list) {
  std::vector<std::int32_t> places;
  for (const TensorId t : list)
    places.push_back(std::find(op.inputs.begin(), op.inputs.end(), t) - op.inputs.begin());
  return places;
}

}  // namespace

bool Neighbours::add(const std::vector<std::int32_t>& list) {
  const auto before = before_, after = after_;
  bool fits = true;
  for (std::size_t i = 0; fits && i + 1 < list.size(); ++i) {
    std::int32_t &next = after_[list[i]], &previous = before_[list[i + 1]];
    if (next == list[i + 1]) continue;
    fits = next < 0 && previous < 0;
    for (std::int32_t at = list[i + 1]; fits && at >= 0; at = after_[at]) fits = at != list[i];
    next = list[i + 1];
    previous = list[i];
  }
  if (fits) return true;
  before_ = before;
  after_ = after;
  return false;
}

std::vector<std::vector<std::int32_t>> Neighbours::lines() const {
  std::vector<std::vector<std::int32_t>> result;
  for (std::size_t id = 0; id < after_.size(); ++id) {
    if (before_[id] >= 0 || after_[id] < 0) continue;
    result.emplace_back();
    for (std::int32_t at = id; at >= 0; at = after_[at]) result.back().push_back(at);
  }
  return result;
}

std::vector<std::vector<TensorId>> lines_of(const Operator& op) {
  if (op.adjacent.empty()) return {};
  Neighbours neighbours(op.inputs.size());
  for (const auto& list : op.adjacent) neighbours.add(places_in(op, list));
  auto lines = neighbours.lines();
  for (auto& line : lines)
    for (std::int32_t& each : line) each = op.inputs[each];
  return lines;
}

void check_adjacent(const Problem& problem, std::string_view place) {
  const auto refuse = [&](const Operator& op, std::string_view why) {
    throw Error(ErrorKind::invalid, std::string(place),
                fmt::format("operator '{}' has a list in 'adjacent' {}", op.name, why));
  };
  for (const Operator& op : problem.operators) {
    Neighbours neighbours(op.inputs.size());
    for (const auto& list : op.adjacent) {
      if (list.size() < 2) refuse(op, "of fewer than two tensors");
      const std::vector<std::int32_t> places = places_in(op, list);
      if (std::count(places.begin(), places.end(), std::ssize(op.inputs)) > 0)
        refuse(op, "with a tensor that it does not read");
      if (!neighbours.add(places)) refuse(op, "that gives a tensor two neighbours on one side");
    }
  }
}

void check_alignment(const Problem& problem, std::int64_t alignment) {
  for (const Operator& op : problem.operators)
    for (const auto& line : lines_of(op))
      for (std::size_t i = 0; i + 1 < line.size(); ++i) {
        const TensorInfo& tensor = problem.tensors[line[i]];
        if (tensor.bytes % alignment != 0)
          throw Error(
              ErrorKind::invalid, fmt::format("operator '{}'", op.name),
              fmt::format(
                  "reads '{}' of {} bytes and '{}' as one run, but addresses are multiples of {}",
                  tensor.name, tensor.bytes, problem.tensors[line[i + 1]].name, alignment),
              "plan with a smaller alignment, or copy what is concatenated");
      }
}

}  // namespace pliant::plan
