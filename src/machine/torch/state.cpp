#include "machine/torch/state.h"

#include <fmt/format.h>

#include <set>

#include "core/error.h"
#include "machine/torch/kinds/values.h"
#include "machine/torch/leaves.h"

namespace pliant::aten {
namespace {

struct Part {
  std::string name;
  at::Tensor Buckets::*bucket;
  const Slot* slot;
};

std::vector<Part> parts_of(const Buckets& buckets, bool averaged) {
  std::vector<Part> parts;
  for (const Range& range : buckets.ranges())
    for (std::size_t i = range.first_slot; i < range.last_slot; ++i) {
      const Slot& slot = buckets.slots()[i];
      const auto add = [&](const char* what, at::Tensor Buckets::*bucket) {
        parts.push_back({what + slot.name, bucket, &slot});
      };
      add("parameter.", &Buckets::parameters);
      add("first.", &Buckets::first);
      if (range.group.rule == Rule::adamw) add("second.", &Buckets::second);
      if (averaged) add("average.", &Buckets::average);
    }
  return parts;
}

const Stored& found(const WeightStore& state, const std::string& name, const TensorType& wanted) {
  const Stored* stored = state.find(name);
  if (stored == nullptr) throw Error(ErrorKind::invalid, name, "missing in the state of training");
  if (stored->type != wanted || stored->encoding != Encoding::plain)
    throw Error(ErrorKind::invalid, name,
                fmt::format("is {} in the state of training, {} expected", to_string(stored->type),
                            to_string(wanted)));
  return *stored;
}

bool has_averages(const WeightStore& state) {
  bool any = false;
  state.for_each(
      [&](const std::string& name, const Stored&) { any = any || name.starts_with("average."); });
  return any;
}

}  // namespace

Tensor copy_of(const at::Tensor& bucket, const Slot& slot) {
  Tensor copy({DType::f32, slot.shape});
  write(Buckets::view(bucket, slot), copy.view());
  return copy;
}

WeightStore saved(const Buckets& buckets, std::int64_t steps) {
  WeightStore state;
  Tensor count({DType::i64, {}});
  count.span<std::int64_t>()[0] = steps;
  state.add("steps", std::move(count));
  for (const Part& part : parts_of(buckets, buckets.average.defined()))
    state.add(part.name, copy_of(buckets.*part.bucket, *part.slot));
  return state;
}

std::int64_t restored(const WeightStore& state, Buckets& buckets) {
  const bool averaged = has_averages(state);
  const std::vector<Part> parts = parts_of(buckets, averaged);
  std::set<std::string, std::less<>> known{"steps"};
  for (const Part& part : parts) {
    found(state, part.name, {DType::f32, part.slot->shape});
    known.insert(part.name);
  }
  state.for_each([&](const std::string& name, const Stored&) {
    if (!known.contains(name))
      throw Error(ErrorKind::invalid, name, "unknown in a state of training");
  });
  const Tensor steps = decode(found(state, "steps", {DType::i64, {}}));
  if (steps.span<std::int64_t>()[0] < 0)
    throw Error(ErrorKind::invalid, "steps", fmt::format("{}", steps.span<std::int64_t>()[0]));
  const at::NoGradGuard no_record;
  buckets.average = averaged ? at::zeros_like(buckets.parameters) : at::Tensor();
  for (const Part& part : parts)
    Buckets::view(buckets.*part.bucket, *part.slot)
        .copy_(stored(state.at(part.name), at::Device(at::kCPU)));
  buckets.refresh_halves();
  return steps.span<std::int64_t>()[0];
}

}  // namespace pliant::aten
