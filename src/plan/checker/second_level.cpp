// Absences that the claim spends in a second memory on chip, and what is left for the one off chip.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "plan/checker/replay.h"

namespace pliant::checker {

// The residency that ends right before the absence, if another one begins with a load where it
// ends; else null.
const Claim::Residency* Replay::left_before(const Claim::Residency& absence) const {
  const auto& list = tensors_[absence.tensor].residencies;
  for (std::size_t i = 0; i + 1 < list.size(); ++i)
    if (list[i]->to + 1 == absence.from && list[i + 1]->from == absence.to) {
      const bool loaded =
          std::any_of(claim_.events.begin(), claim_.events.end(), [&](const Claim::Event& each) {
            return each.action == Action::load && each.step == absence.to &&
                   each.tensor == absence.tensor;
          });
      return loaded ? list[i] : nullptr;
    }
  return nullptr;
}

void Replay::check_absence(const Claim::Residency& absence) const {
  const Claim::SecondLevel& level = *claim_.second_level;
  demand(is_tensor(absence.tensor), "the second level holds tensor {} of {}", absence.tensor,
         network_.tensors.size());
  const Claim::Residency* before = left_before(absence);
  demand(before != nullptr,
         "'{}' is in the second level from step {} to {}, which is no absence of it",
         name(absence.tensor), absence.from, absence.to);
  demand(!overwritten_at(*before), "step {}: '{}' goes to the second level, but was written over",
         before->to, name(absence.tensor));
  const std::int64_t bytes = network_.tensors[absence.tensor].bytes;
  demand(absence.address >= 0 && bytes <= level.bytes && absence.address <= level.bytes - bytes,
         "step {}: '{}' at address {} with {} bytes is not inside the second level of {} bytes",
         absence.from, name(absence.tensor), absence.address, bytes, level.bytes);
  demand(absence.address % claim_.alignment == 0,
         "step {}: '{}' at address {} of the second level is not aligned to {}", absence.from,
         name(absence.tensor), absence.address, claim_.alignment);
}

void Replay::check_second_memory() const {
  const Claim::SecondLevel& level = *claim_.second_level;
  const Claim::Prices prices = claim_.prices.value_or(Claim::Prices{});
  demand(!claim_.frame, "a second level is claimed in the steady state");
  demand(level.bytes > 0, "the second level has {} bytes", level.bytes);
  demand(level.price >= 0 && level.price <= std::min(prices.read, prices.write),
         "the second level costs {} per byte, off-chip memory {} and {}", level.price, prices.read,
         prices.write);
  for (const auto& each : level.residencies) check_absence(each);
  for (std::size_t a = 0; a < level.residencies.size(); ++a)
    for (std::size_t b = 0; b < a; ++b) {
      const auto &one = level.residencies[a], &two = level.residencies[b];
      if (one.to < two.from || two.to < one.from) continue;
      demand(one.tensor != two.tensor, "'{}' is in the second level twice", name(one.tensor));
      demand(one.address + network_.tensors[one.tensor].bytes <= two.address ||
                 two.address + network_.tensors[two.tensor].bytes <= one.address,
             "step {}: '{}' and '{}' overlap in the second level", std::max(one.from, two.from),
             name(one.tensor), name(two.tensor));
    }
}

void Replay::check_second_level() {
  check_second_memory();
  const Claim::SecondLevel& level = *claim_.second_level;
  const Claim::Prices prices = claim_.prices.value_or(Claim::Prices{});
  std::map<std::int64_t, std::size_t> absences;
  std::int64_t loads = 0, stores = 0;  // bytes, no longer off chip
  for (const auto& each : level.residencies) {
    loads = sum_of(loads, network_.tensors[each.tensor].bytes);
    ++absences[each.tensor];
  }
  for (const auto& [id, count] : absences) {
    if (network_.tensors[id].role != Role::activation) continue;
    demand(count == tensors_[id].loads,
           "'{}' spends {} of its {} absences in the second level, not all", name(id), count,
           tensors_[id].loads);
    stores = sum_of(stores, network_.tensors[id].bytes);
  }
  const std::int64_t moved = product_of(loads, 2),
                     off_chip = sum_of(loaded_ - loads, stored_ - stores);
  std::int64_t cost =
      sum_of(product_of(loaded_ - loads, prices.read), product_of(stored_ - stores, prices.write));
  if (moved_ > 0) cost = sum_of(cost, product_of(moved_, prices.move));
  cost = sum_of(cost, product_of(moved, level.price));
  verdict_.off_chip_bytes = off_chip;
  demand(level.moved_bytes == moved,
         "claims to move {} bytes to and from the second level, its absences move {}",
         level.moved_bytes, moved);
  demand(level.off_chip_bytes == off_chip,
         "claims {} bytes of traffic off chip, the second level leaves {}", level.off_chip_bytes,
         off_chip);
  demand(level.cost == cost, "claims a cost of {} with a second level, it is {}", level.cost, cost);
  demand(level.lower_bound_cost >= 0 && level.lower_bound_cost <= cost,
         "claims a lower bound of {} on its cost of {} with a second level", level.lower_bound_cost,
         cost);
  check_optimum("cost with a second level", cost, level.lower_bound_cost);
}

}  // namespace pliant::checker
