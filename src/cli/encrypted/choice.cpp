#include "cli/encrypted/choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "machine/encrypted/einsum/engine/engine.h"

namespace pliant::cli {

std::vector<Option> plan_options(PlanChoice& choice) {
  return {
      option("encrypt", "LIST", choice.encrypt,
             "the operands that are encrypted, from 0: all, or for example 0,2"),
      option("magnitude", "X", choice.magnitude, "no element of an encrypted operand is larger"),
      option("planner", "NAME", choice.plan.planner,
             "layouts: chosen for the least work; einhops: the published algorithm"),
      flag("canonical", choice.plan.canonical,
           "leave the result row by row from the first slot, as one who computes on would "
           "find it anywhere"),
      flag("free-inputs", choice.plan.free_inputs,
           "encrypted operands are packed as suits the plan, in no more ciphertexts than row by "
           "row"),
      flag("complex-slots", choice.plan.complex_slots,
           "where all products are with what is in the clear: half of the encrypted operand in the "
           "imaginary parts of slots"),
      option("slots", "N", choice.plan.slots, "slots of a ciphertext, a power of two")
          .within(2, 65536),
      option("levels", "N", choice.plan.levels, "levels that the parameters have")
          .at_least(0)
          .with_default("as many as the plan needs"),
      option("scale-bits", "N", choice.plan.scale_bits, "fraction bits of encrypted numbers")
          .within(20, 49),
      option("security", "BITS", choice.security, "of the parameters, classical")
          .with_choices({"128", "192", "256"}),
      option("memory", "BYTES", choice.memory,
             "of keys and plaintexts at once: where a plan takes more, rotations by powers of two "
             "alone, "
             "which are more and need fewer keys; refused where that is too much")
          .with_default("no limit")};
}

std::set<std::size_t> secret_operands(const PlanChoice& choice, std::size_t count) {
  std::set<std::size_t> secret;
  if (choice.encrypt == "all") {
    for (std::size_t i = 0; i < count; ++i) secret.insert(i);
    return secret;
  }
  for (std::size_t at = 0; at <= choice.encrypt.size();) {
    const std::size_t comma = std::min(choice.encrypt.find(',', at), choice.encrypt.size());
    std::int64_t operand = -1;
    option_value(choice.encrypt.substr(at, comma - at), "--encrypt", operand);
    if (operand < 0 || std::cmp_greater_equal(operand, count))
      throw Error(ErrorKind::usage, "--encrypt",
                  fmt::format("{}: there are operands 0 to {}", operand,
                              static_cast<std::int64_t>(count) - 1),
                  "for example --encrypt 0, or all");
    secret.insert(static_cast<std::size_t>(operand));
    at = comma + 1;
  }
  return secret;
}

namespace {

Fitted fit(const PlanChoice& choice, einsum::Rotations rotations,
           const std::function<std::vector<einsum::Plan>(const einsum::PlanOptions&)>& planned) {
  Fitted result{.options = choice.plan, .plans = {}, .params = {}, .resident = {}};
  result.options.rotations = rotations;
  result.plans = planned(result.options);
  const einsum::Plan& plan = result.plans.front();
  result.params = einsum::choose_parameters(plan, choice.plan.scale_bits, choice.plan.first_bits,
                                            choice.security);
  const ckks::Context context(result.params);
  result.resident = {resident_key_bytes(context, plan.program),
                     plaintext_bytes(context, plan.program),
                     key_bytes(context, einsum::keys(plan.program))};
  return result;
}

}  // namespace

std::string keys_text(const Resident& bytes) {
  return fmt::format("{} at most at once, {} together", bytes_text(bytes.keys),
                     bytes_text(bytes.all_keys));
}

Fitted fitted(const PlanChoice& choice,
              const std::function<std::vector<einsum::Plan>(const einsum::PlanOptions&)>& planned) {
  std::optional<Fitted> least;
  const auto total = [](const Fitted& of) { return of.resident.keys + of.resident.plaintexts; };
  for (const auto rotations :
       {einsum::Rotations::any, einsum::Rotations::signed_powers, einsum::Rotations::powers}) {
    Fitted tried = fit(choice, rotations, planned);
    if (!choice.memory || std::cmp_less_equal(total(tried), choice.memory->count)) return tried;
    if (!least || total(tried) < total(*least)) least = std::move(tried);
  }
  const einsum::Plan& plan = least->plans.front();
  throw Error(
      ErrorKind::capacity, "einsum " + plan.expression,
      fmt::format("at the least its keys take {} at once and its plaintexts {}, --memory allows {}",
                  bytes_text(least->resident.keys), bytes_text(least->resident.plaintexts),
                  bytes_text(choice.memory->count)),
      "allow more, or split the expression");
}

nlohmann::ordered_json plan_json(const einsum::Plan& plan) {
  const einsum::Counts counts = einsum::counts(plan.program);
  return {{"expression", plan.expression},
          {"shape", plan.outputs[0].shape},
          {"rotations", counts.rotations},
          {"key_switches", counts.key_switches},
          {"products", counts.products},
          {"plain_muls", counts.diagonals + counts.plain_products},
          {"levels", plan.levels()},
          {"keys", counts.keys},
          {"exact", plan.exact}};
}

}  // namespace pliant::cli
