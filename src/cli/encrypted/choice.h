// What einsum and keys new have in common: which operands are encrypted, and how the expression is
// planned.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "command/options.h"
#include "machine/encrypted/ckks/context/params.h"
#include "machine/encrypted/einsum/plan/planner.h"

namespace pliant {

template <>
struct OptionWords<einsum::Planner> {
  static constexpr std::pair<einsum::Planner, const char*> words[] = {
      {einsum::Planner::layouts, "layouts"}, {einsum::Planner::einhops, "einhops"}};
};

namespace cli {

struct PlanChoice {
  std::string encrypt = "all";
  einsum::PlanOptions plan;
  double magnitude = 1;
  int security = 128;
  std::optional<Bytes> memory;  // for the keys
};

// Its options: --encrypt, --magnitude, --planner, --canonical, --slots, --levels, --scale-bits,
// --security, --memory.
std::vector<Option> plan_options(PlanChoice& choice);

// The operands that are encrypted, of `count`. Throws Error{usage} for others.
std::set<std::size_t> secret_operands(const PlanChoice& choice, std::size_t count);

// Expression, shape and counts.
nlohmann::ordered_json plan_json(const einsum::Plan& plan);

// In bytes.
struct Resident {
  // at most at once in a run that has each key from its first to its last use; likewise
  std::size_t keys = 0, plaintexts = 0;
  std::size_t all_keys = 0;  // together
};
std::string keys_text(const Resident& bytes);
// The first of `plans` and its parameters are those that count.
struct Fitted {
  einsum::PlanOptions options;
  std::vector<einsum::Plan> plans;
  ckks::Params params;
  Resident resident;
};
// What --memory allows: where keys take more, planned again with rotations made of powers of two,
// forth and back, then forth alone. Throws Error{capacity} where that takes too much, too.
Fitted fitted(const PlanChoice& choice,
              const std::function<std::vector<einsum::Plan>(const einsum::PlanOptions&)>& planned);

}  // namespace cli
}  // namespace pliant
