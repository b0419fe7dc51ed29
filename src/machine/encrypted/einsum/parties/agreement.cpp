#include "machine/encrypted/einsum/parties/agreement.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace pliant::einsum {
namespace {

using ckks::Hash;
using ckks::Reader;
using ckks::u64;
using ckks::Writer;

constexpr std::uint32_t kCharacters = 1 << 24, kOperands = 64, kAxes = 64;
constexpr u64 kSize = u64{1} << 40;  // of an axis

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string get_text(Reader& in) {
  const auto bytes = in.blob("the expression");
  if (bytes.size() > kCharacters)
    in.fail(fmt::format("an expression of {} characters, above {}", bytes.size(), kCharacters));
  std::string text;
  for (const std::byte each : bytes) text += static_cast<char>(each);
  return text;
}

EinsumOperand get_operand(Reader& in) {
  EinsumOperand operand;
  operand.secret = in.word(1, "whether an operand is encrypted") != 0;
  operand.magnitude = in.real("a bound");
  const std::uint32_t axes = in.word(kAxes, "number of axes");
  for (std::uint32_t i = 0; i < axes; ++i) {
    u64 size = 0;
    in.words({&size, 1}, kSize, "the size of an axis");
    operand.shape.push_back(static_cast<std::int64_t>(size));
  }
  return operand;
}

PlanOptions get_options(Reader& in) {
  PlanOptions options;
  options.slots = in.word(1 << 17, "number of slots");
  options.planner = static_cast<Planner>(in.word(1, "the planner"));
  options.rotations = static_cast<Rotations>(in.word(2, "what rotations are made of"));
  const std::uint32_t packing = in.word(3, "how operands are packed");
  options.free_inputs = (packing & 1) != 0;
  options.complex_slots = (packing & 2) != 0;
  options.canonical = in.word(1, "whether results are row-major") != 0;
  options.levels = static_cast<int>(in.word(61, "number of levels")) - 1;
  options.scale_bits = static_cast<int>(in.word(49, "bits of the scale"));
  options.first_bits = static_cast<int>(in.word(50, "bits of the first prime"));
  return options;
}

}  // namespace

Plan plan_of(const Agreement& agreement) {
  return plan(agreement.expression, agreement.operands, agreement.options);
}

Hash digest(const Plan& plan) {
  std::string text = to_text(plan.program);
  for (const PlannedInput& input : plan.inputs) text += "\n" + to_string(input.layout);
  for (const PlannedOutput& output : plan.outputs) text += "\n" + to_string(output.layout);
  return ckks::blake2b(bytes_of(text));
}

void put(Writer& out, const Agreement& agreement, const Plan& plan) {
  out.put_blob(serialize(agreement.params));
  out.put_blob(bytes_of(agreement.expression));
  out.put(static_cast<std::uint32_t>(agreement.operands.size()));
  for (const EinsumOperand& operand : agreement.operands) {
    out.put(std::uint32_t{operand.secret});
    out.put(operand.magnitude);
    out.put(static_cast<std::uint32_t>(operand.shape.size()));
    for (const std::int64_t size : operand.shape) out.put(static_cast<u64>(size));
  }
  const PlanOptions& options = agreement.options;
  for (const std::int64_t field :
       {options.slots, static_cast<std::int64_t>(options.planner),
        static_cast<std::int64_t>(options.rotations),
        options.free_inputs + 2 * std::int64_t{options.complex_slots},
        std::int64_t{options.canonical}, std::int64_t{options.levels} + 1,
        std::int64_t{options.scale_bits}, std::int64_t{options.first_bits}})
    out.put(static_cast<std::uint32_t>(field));
  out.put(agreement.session);
  out.put(std::span<const std::uint8_t>(digest(plan)));
}

Agreed get_agreement(Reader& in, bool accept_insecure) {
  Agreed agreed;
  Agreement& agreement = agreed.agreement;
  agreement.params = ckks::parse_params(in.blob("the parameters"), accept_insecure);
  agreement.expression = get_text(in);
  const std::uint32_t operands = in.word(kOperands, "number of operands");
  for (std::uint32_t i = 0; i < operands; ++i) agreement.operands.push_back(get_operand(in));
  agreement.options = get_options(in);
  in.words({&agreement.session, 1}, ~u64{0}, "the session");
  in.read(agreed.plan, "the plan's hash");
  return agreed;
}

Plan agreed_plan(const Agreed& agreed, const Planning& planning) {
  Plan plan = planning(agreed.agreement);
  if (digest(plan) != agreed.plan)
    throw Error(ErrorKind::invalid, "einsum " + plan.expression,
                "is planned otherwise here than where the keys were made",
                "use the same version on both sides, or make new keys");
  return plan;
}

}  // namespace pliant::einsum
