#include "plan/export/c_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/error.h"
#include "plan/export/c_runtime.h"
#include "plan/export/identifiers.h"
#include "plan/export/shipment.h"

namespace pliant::plan {
namespace {

std::string number(std::int64_t value) {
  return value > UINT32_MAX ? fmt::format("UINT64_C({})", value) : fmt::format("{}u", value);
}

// The smallest type that holds 0 to `most`: tables lie in the device's memory.
const char* type_for(std::int64_t most) {
  if (most <= UINT8_MAX) return "uint8_t";
  if (most <= UINT16_MAX) return "uint16_t";
  return most <= UINT32_MAX ? "uint32_t" : "uint64_t";
}

const char* role_name(Role role) {
  switch (role) {
    case Role::input: return "INPUT";
    case Role::weight: return "WEIGHT";
    case Role::activation: return "ACTIVATION";
    case Role::output: return "OUTPUT";
  }
  return "";
}

class Header {
 public:
  Header(const Problem& problem, const Plan& plan, std::string_view network)
      : problem_(problem),
        plan_(plan),
        network_(network),
        prefix_(prefix_of(network)),
        shipment_(ship(problem, plan)) {
    if (problem.operators.empty())
      throw Error(ErrorKind::invalid, "C header", "the network has no operators");
    for (const char c : prefix_)
      capitals_ += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    give_slots();
  }

  std::string text() {
    introduce();
    sizes();
    enumerate();
    put(c_types);
    tensors();
    moves();
    copies();
    operands();
    steps();
    names();
    put(c_functions);
    if (!shipment_.pinned.empty()) put(c_start);
    put("\n#endif\n");
    return std::move(out_);
  }

 private:
  // Appends a text in which @p is the prefix and @P the prefix in capitals; nothing else in it
  // begins with '@'.
  void put(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool marked = text[i] == '@' && i + 1 < text.size();
      if (marked && text[i + 1] == 'p') out_ += prefix_, ++i;
      else if (marked && text[i + 1] == 'P') out_ += capitals_, ++i;
      else out_ += text[i];
    }
  }

  template <typename... Values>
  void line(fmt::format_string<Values...> pattern, Values&&... values) {
    put(fmt::format(pattern, std::forward<Values>(values)...) + "\n");
  }

  void give_slots() {
    for (std::size_t t = 0; t < problem_.tensors.size(); ++t) {
      const Role role = problem_.tensors[t].role;
      auto& list = role == Role::output ? results_ : given_;
      where_.push_back(role == Role::activation ? std::max<std::int64_t>(0, shipment_.spill[t])
                                                : static_cast<std::int64_t>(list.size()));
      if (role != Role::activation) list.push_back(t);
    }
  }

  void introduce() {
    const std::string proof =
        plan_.status == Status::optimal ? "no plan copies less" : "not proven to be the least";
    line("/* A plan for {}, written by pliant; not to be edited.", c_comment(network_));
    line(" *");
    if (!shipment_.pinned.empty())
      line(" * One frame of many: {} weights stay in the scratchpad; @p_start loads them once.\n *",
           shipment_.pinned.size());
    line(
        " * {} operators run in a scratchpad of {} bytes. {} bytes are copied beyond the "
        "compulsory {} ({}).",
        problem_.operators.size(), plan_.scratchpad_bytes, plan_.traffic_bytes,
        plan_.compulsory_bytes, proof);
    put(R"( *
 * Use: write a @p_kernel for each operator, put them into an array by @p_op_NAME, fill in a @p_memory,
 * and run:
 *
 *   static const @p_kernel kernels[@P_OPERATORS] = {...};
 *   @p_memory memory = {scratchpad, spill, {...}, {...}};
 *   int status = @p_run(&memory, kernels, context);
 *
 * Tensors that the plan does not know, such as weights planned without --weights, are the kernels' own affair; context
 * is handed on to them. @p_run_step runs one step, @P_NO_RUNTIME leaves the functions out: the tables are
 * enough for a runtime of your own. */
)");
    line("#ifndef @P_PLAN_H\n#define @P_PLAN_H\n\n#include <stddef.h>\n#include <stdint.h>\n");
  }

  void sizes() {
    std::size_t inputs = 0, outputs = 0;
    for (const Operator& op : problem_.operators) {
      inputs = std::max(inputs, op.inputs.size());
      outputs = std::max(outputs, op.outputs.size());
    }
    const auto define = [&](std::string_view name, std::int64_t value) {
      line("#define @P_{} {}", name, number(value));
    };
    define("SCRATCHPAD_BYTES", plan_.scratchpad_bytes);
    define("ALIGNMENT", plan_.alignment);
    define("SPILL_BYTES", shipment_.spill_bytes);
    define("TRAFFIC_BYTES", plan_.traffic_bytes);
    define("COMPULSORY_BYTES", plan_.compulsory_bytes);
    define("OPERATORS", problem_.operators.size());
    define("STEPS", plan_.order.size());
    define("TENSORS", problem_.tensors.size());
    define("GIVEN", given_.size());
    define("RESULTS", results_.size());
    define("PINNED", shipment_.pinned.size());
    define("MOST_INPUTS", inputs);
    define("MOST_OUTPUTS", outputs);
    line("#define @P_NO_WORKSPACE @P_SCRATCHPAD_BYTES");
    for (const Role role : {Role::input, Role::weight, Role::activation, Role::output})
      define(std::string("ROLE_") + role_name(role), static_cast<std::int64_t>(role));
  }

  template <typename List, typename Name>
  void enumeration(std::string_view comment, std::string_view kind, const List& list, Name&& name) {
    if (list.empty()) return;
    line("\n/* {} */\nenum {{", comment);
    Identifiers identifiers;
    for (std::size_t i = 0; i < list.size(); ++i)
      line("  @p_{}_{} = {}{}", kind, identifiers.add(name(list[i])), i,
           i + 1 < list.size() ? "," : "");
    line("}};");
  }

  void enumerate() {
    const auto own_name = [](const auto& each) { return each.name; };
    const auto tensor_name = [&](TensorId t) { return problem_.tensors[t].name; };
    enumeration("Operators: places in the array of kernels.", "op", problem_.operators, own_name);
    enumeration("Tensors: places in @p_tensors.", "tensor", problem_.tensors, own_name);
    enumeration("Inputs and weights: places in given.", "given", given_, tensor_name);
    enumeration("Outputs: places in results.", "result", results_, tensor_name);
  }

  void tensors() {
    std::int64_t bytes = 0, where = 0;
    for (const TensorInfo& tensor : problem_.tensors) bytes = std::max(bytes, tensor.bytes);
    for (const std::int64_t each : where_) where = std::max(where, each);
    line(
        "\n/* where: the place in given or results, or, of an activation, the offset of its copy "
        "in the spill region");
    line(" * (0 where it never leaves the scratchpad). */");
    line("typedef struct {{\n  {} bytes;\n  {} where;\n  uint8_t role;\n}} @p_tensor;",
         type_for(bytes), type_for(where));
    line("static const @p_tensor @p_tensors[] = {{");
    for (std::size_t t = 0; t < problem_.tensors.size(); ++t) {
      const TensorInfo& tensor = problem_.tensors[t];
      line("    {{{}, {}, @P_ROLE_{}}}, /* {} */", number(tensor.bytes), number(where_[t]),
           role_name(tensor.role), c_comment(tensor.name));
    }
    if (problem_.tensors.empty()) line("    {{0, 0, 0}}");
    line("}};");
  }

  void moves() {
    line("\n/* Within the scratchpad, before a step's loads, one after the other. */");
    const char* address = type_for(plan_.scratchpad_bytes);
    line("typedef struct {{\n  {} from, to;\n  {} tensor;\n}} @p_move;", address,
         type_for(problem_.tensors.size()));
    line("static const @p_move @p_moves[] = {{");
    for (const ShippedStep& step : shipment_.steps)
      for (const Move& move : step.moves) {
        ++moves_;
        line("    {{{}, {}, {}}}, /* {} */", number(move.from), number(move.to),
             number(move.tensor), c_comment(problem_.tensors[move.tensor].name));
      }
    if (moves_ == 0) line("    {{0, 0, 0}} /* none */");
    line("}};");
  }

  void copies() {
    line("\n/* Step after step: loads to the scratchpad, then stores from it. */");
    line("typedef struct {{\n  {} address;\n  {} tensor;\n}} @p_copy;",
         type_for(plan_.scratchpad_bytes), type_for(problem_.tensors.size()));
    line("static const @p_copy @p_copies[] = {{");
    for (const ShippedStep& step : shipment_.steps)
      for (const auto* list : {&step.before, &step.after})
        for (const Copy& copy : *list) {
          ++copies_;
          row(copy, copy.load ? "load" : "store");
        }
    if (copies_ == 0) line("    {{0, 0}} /* none */");
    line("}};");
    if (shipment_.pinned.empty()) return;
    line("\n/* Weights that stay at their addresses from frame to frame. */");
    line("static const @p_copy @p_pinned[] = {{");
    for (const Copy& copy : shipment_.pinned) row(copy, "pin");
    line("}};");
  }

  void row(const Copy& copy, std::string_view action) {
    line("    {{{}, {}}}, /* {} {} */", number(copy.address), number(copy.tensor), action,
         c_comment(problem_.tensors[copy.tensor].name));
  }

  void operands() {
    line("\n/* Step after step: the addresses of the inputs, then those of the outputs. */");
    line("static const {} @p_operands[] = {{", type_for(plan_.scratchpad_bytes));
    for (const ShippedStep& step : shipment_.steps) {
      std::string row;
      for (const auto* list : {&step.inputs, &step.outputs})
        for (const std::int64_t address : *list)
          row += fmt::format("{}{},", row.empty() ? "" : " ", number(address));
      operands_ += step.inputs.size() + step.outputs.size();
      if (!row.empty()) line("    {} /* {} */", row, c_comment(problem_.operators[step.op].name));
    }
    if (operands_ == 0) line("    0 /* none */");
    line("}};");
  }

  void steps() {
    std::size_t most = 0;  // of anything counted per step
    for (const ShippedStep& step : shipment_.steps)
      most = std::max({most, step.moves.size(), step.before.size(), step.after.size(),
                       step.inputs.size(), step.outputs.size()});
    line(
        "\n/* The order. moves count from first_move on, loads and stores count copies from "
        "first_copy on, inputs and");
    line(" * outputs count operands from first_operand on. */");
    line(
        "typedef struct {{\n  {} first_move;\n  {} first_copy;\n  {} first_operand;\n  {} "
        "workspace;\n  {} op;",
        type_for(moves_), type_for(copies_), type_for(operands_), type_for(plan_.scratchpad_bytes),
        type_for(problem_.operators.size()));
    line("  {} moves, loads, stores, inputs, outputs;\n}} @p_step;", type_for(most));
    line("static const @p_step @p_steps[] = {{");
    std::size_t move = 0, copy = 0, operand = 0;
    for (const ShippedStep& step : shipment_.steps) {
      const std::string workspace = step.workspace < 0 ? "@P_NO_WORKSPACE" : number(step.workspace);
      line("    {{{}u, {}u, {}u, {}, {}u, {}u, {}u, {}u, {}u, {}u}}, /* {} */", move, copy, operand,
           workspace, step.op, step.moves.size(), step.before.size(), step.after.size(),
           step.inputs.size(), step.outputs.size(), c_comment(problem_.operators[step.op].name));
      move += step.moves.size();
      copy += step.before.size() + step.after.size();
      operand += step.inputs.size() + step.outputs.size();
    }
    line("}};");
  }

  void names() {
    line("\n/* For messages; a compiler leaves them out where they are not used. */");
    line("static const char *const @p_names_of_operators[] = {{");
    for (const Operator& op : problem_.operators) literal(op.name);
    line("}};\nstatic const char *const @p_names_of_tensors[] = {{");
    for (const TensorInfo& tensor : problem_.tensors) literal(tensor.name);
    if (problem_.tensors.empty()) line("    0");
    line("}};");
  }

  void literal(std::string_view name) { out_ += "    " + c_string(name) + ",\n"; }  // may hold '@'

  const Problem& problem_;
  const Plan& plan_;
  std::string_view network_;
  std::string prefix_, capitals_, out_;
  Shipment shipment_;
  std::vector<TensorId> given_, results_;
  std::vector<std::int64_t> where_;  // per tensor
  std::int64_t moves_ = 0, copies_ = 0, operands_ = 0;
};

}  // namespace

std::string plan_to_c(const Problem& problem, const Plan& plan, std::string_view network) {
  return Header(problem, plan, network).text();
}

}  // namespace pliant::plan
