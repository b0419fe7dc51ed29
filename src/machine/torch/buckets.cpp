#include "machine/torch/buckets.h"

#include <fmt/format.h>

#include <numeric>

#include "core/checked.h"
#include "core/error.h"
#include "machine/torch/leaves.h"

namespace pliant::aten {
namespace {

constexpr std::int64_t alignment = 16;  // elements: 64 bytes of f32

void check_muon(const Slot& slot) {
  if (slot.shape.size() != 2)
    throw Error(ErrorKind::invalid, "parameter " + slot.name,
                fmt::format("{} is no matrix, which Muon needs", to_string(slot.shape)),
                "put it into a group of AdamW");
  const std::int64_t rows =
      std::accumulate(slot.blocks.begin(), slot.blocks.end(), std::int64_t{0});
  for (const std::int64_t block : slot.blocks)
    if (block < 1 || (rows != slot.shape[0]))
      throw Error(ErrorKind::invalid, "parameter " + slot.name,
                  fmt::format("blocks of {} rows in a matrix of {}", rows, slot.shape[0]));
}

}  // namespace

Buckets::Buckets(const WeightStore& weights, std::vector<Group> groups, const at::Device& device,
                 bool half) {
  for (Group& group : groups) add_group(weights, std::move(group));
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  parameters = at::zeros({size_}, options);
  gradients = at::zeros({size_}, options);
  first = at::zeros({size_}, options);
  second = at::zeros({size_}, options);
  if (half) halves = at::empty({size_}, options.dtype(at::kBFloat16));
  fill(weights, device);
  refresh_halves();
}

void Buckets::add_group(const WeightStore& weights, Group group) {
  Range range{{}, slots_.size(), slots_.size(), size_, 0};
  for (Parameter& parameter : group.parameters) {
    const TensorType& type = weights.at(parameter.name).type;
    if (!is_float(type.dtype))
      throw Error(ErrorKind::invalid, "parameter " + parameter.name,
                  fmt::format("{} has no gradient", to_string(type)));
    Slot slot{std::move(parameter.name), type.shape, size_, elements(type.shape),
              std::move(parameter.blocks)};
    if (group.rule == Rule::muon) check_muon(slot);
    if (!by_name_.emplace(slot.name, slots_.size()).second)
      throw Error(ErrorKind::invalid, "parameter " + slot.name, "stands in two groups");
    size_ = round_up(checked_add(size_, slot.count, "parameters"), alignment);
    slots_.push_back(std::move(slot));
  }
  group.parameters.clear();
  range.group = std::move(group);
  range.last_slot = slots_.size();
  range.count = size_ - range.offset;
  ranges_.push_back(std::move(range));
}

void Buckets::fill(const WeightStore& weights, const at::Device& device) {
  for (const Slot& slot : slots_) {
    view(parameters, slot).copy_(stored(weights.at(slot.name), device));
    at::Tensor leaf = view(parameters, slot).detach().requires_grad_();
    leaf.mutable_grad() = view(gradients, slot);
    leaves_.push_back(std::move(leaf));
  }
}

const Slot* Buckets::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &slots_[found->second];
}

const Slot& Buckets::at(std::string_view name) const {
  if (const Slot* slot = find(name)) return *slot;
  throw Error(ErrorKind::not_found, fmt::format("parameter {}", name),
              fmt::format("not among the {} parameters", slots_.size()));
}

at::Tensor Buckets::view(const at::Tensor& bucket, const Slot& slot) {
  return bucket.narrow(0, slot.offset, slot.count).view(slot.shape);
}

const at::Tensor& Buckets::leaf(const Slot& slot) const {
  return leaves_[static_cast<std::size_t>(&slot - slots_.data())];
}

void Buckets::refresh_halves() {
  if (halves.defined()) halves.copy_(parameters);
}

std::int64_t Buckets::bytes() const {
  std::int64_t sum = 0;
  for (const at::Tensor* each : {&parameters, &gradients, &first, &second, &halves, &average})
    if (each->defined()) sum += each->numel() * each->element_size();
  return sum;
}

}  // namespace pliant::aten
