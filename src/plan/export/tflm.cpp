#include "plan/export/tflm.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "plan/export/shipment.h"
#include "plan/place/place.h"

namespace pliant::plan {
namespace {

constexpr std::int64_t alignment = 16;  // of TFLM's buffers
constexpr std::int32_t not_planned = -1, version = 1, subgraph = 0;

// What TFLM holds when, in steps of the plan; per tensor.
std::vector<place::Rectangle> lifetimes(const Problem& problem, const Plan& plan) {
  std::vector<place::Rectangle> lives;
  for (const TensorInfo& tensor : problem.tensors) lives.push_back({tensor.bytes, 0, 1});
  const Step end = plan.order.size();
  for (Step step = 0; step < end; ++step) {
    const Operator& op = problem.operators[plan.order[step]];
    for (const TensorId t : op.outputs) lives[t].lower = step, lives[t].upper = step + 1;
    for (const TensorId t : op.inputs) lives[t].upper = step + 1;
  }
  for (std::size_t t = 0; t < lives.size(); ++t)
    if (problem.tensors[t].role == Role::output) lives[t].upper = std::max(end, lives[t].upper);
  return lives;
}

void put(std::string& bytes, std::int32_t value) {
  const auto word = static_cast<std::uint32_t>(value);
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(word >> shift & 0xff);
}

}  // namespace

TflmPlan plan_for_tflm(const Problem& problem, const Plan& plan) {
  if (plan.order.size() != problem.operators.size())
    throw Error(
        ErrorKind::invalid, "plan",
        fmt::format("{} steps for {} operators", plan.order.size(), problem.operators.size()));
  if (plan.traffic_bytes > 0)
    throw Error(ErrorKind::unsupported, "offline memory plan",
                fmt::format("the plan moves {} bytes to and from off-chip memory, which TensorFlow "
                            "Lite Micro's arena has no way to say",
                            plan.traffic_bytes),
                "plan with --minimize peak, or for a scratchpad of MP or more");
  for (const Operator& op : problem.operators)
    if (!op.adjacent.empty())
      throw Error(ErrorKind::unsupported, fmt::format("operator '{}'", op.name),
                  "reads inputs as one run of bytes, which TensorFlow Lite Micro's kernels do not",
                  "plan with concats that copy");
  const std::vector<place::Rectangle> lives = lifetimes(problem, plan);
  std::vector<place::Rectangle> planned;
  for (std::size_t t = 0; t < lives.size(); ++t)
    if (problem.tensors[t].role != Role::weight) planned.push_back(lives[t]);
  place::PlaceOptions options;
  options.alignment = alignment;
  const place::Packed packed = place::pack(planned, options);
  if (packed.height > std::numeric_limits<std::int32_t>::max())
    throw Error(ErrorKind::unsupported, "offline memory plan",
                fmt::format("takes {} bytes, beyond the format's 31 bits", packed.height));
  TflmPlan result{{}, packed.height};
  std::size_t i = 0;
  for (const TensorInfo& tensor : problem.tensors)
    result.offsets.push_back(
        tensor.role == Role::weight ? not_planned : static_cast<std::int32_t>(packed.offsets[i++]));
  return result;
}

std::string tflm_buffer(const TflmPlan& plan) {
  std::string bytes;
  put(bytes, version);
  put(bytes, subgraph);
  put(bytes, plan.offsets.size());
  for (const std::int32_t offset : plan.offsets) put(bytes, offset);
  return bytes;
}

}  // namespace pliant::plan
