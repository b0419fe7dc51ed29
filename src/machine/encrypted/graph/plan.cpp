#include "machine/encrypted/graph/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "core/error.h"
#include "graph/passes/passes.h"
#include "machine/encrypted/einsum/plan/finish.h"
#include "machine/encrypted/graph/lowering.h"

namespace pliant::encrypted {
namespace {

constexpr const char* kAccepted =
    "accepted are einsum, map (sums, products, and functions of one encrypted value), reduce (sum, "
    "mean), reshape, slice, concat, pad (with zeros, edge, reflect) and window";

constexpr std::int64_t kMostSlots = 1 << 16;
constexpr int kMostDegree = 1023;
constexpr std::int64_t kMostElements = 1 << 26;

using Flags = std::vector<bool>;  // by operand
using FlagsOfValues = ById<ValueId, bool>;

Flags operand_flags(const Op& op, const FlagsOfValues& flags) {
  Flags result;
  for (const ValueId id : op.in) result.push_back(flags[id]);
  return result;
}

// Why an operator on encrypted operands is refused; empty where it is not.
struct Refuses {
  const Graph& graph;
  const Op& op;
  Flags encrypted;

  std::string operator()(const kind::Einsum&) const { return ""; }
  std::string operator()(const kind::Map& map) const {
    if (map.dtype != DType::f32 && map.dtype != DType::f64)
      return fmt::format("a result of type {}", name(map.dtype));
    return map_refusal(map, op, graph, encrypted);
  }
  std::string operator()(const kind::Reduce& reduce) const {
    constexpr std::array names{"sum", "mean", "max", "min", "product", "logsumexp", "argmax"};
    if (reduce.fn == kind::ReduceFn::sum || reduce.fn == kind::ReduceFn::mean) return "";
    return fmt::format("reduce {}", names[static_cast<std::size_t>(reduce.fn)]);
  }
  std::string operator()(const kind::Reshape&) const { return ""; }
  std::string operator()(const kind::Slice&) const { return ""; }
  std::string operator()(const kind::Pad& pad) const {
    if (pad.mode != kind::PadMode::constant || pad.value == 0) return "";
    return fmt::format("pad with {}", pad.value);
  }
  std::string operator()(const kind::Window&) const { return ""; }
  std::string operator()(const kind::Concat&) const {
    if (std::ranges::all_of(encrypted, std::identity())) return "";
    return "concat of encrypted and plain tensors";
  }
  std::string operator()(const auto&) const { return std::string(name(op.kind)); }
};

std::optional<Refusal> refusal(const Graph& graph, OpId id, const FlagsOfValues& flags) {
  const Op& op = graph.op(id);
  const Flags encrypted = operand_flags(op, flags);
  if (std::ranges::none_of(encrypted, std::identity())) return std::nullopt;
  std::string reason = std::visit(Refuses{graph, op, encrypted}, op.kind);
  if (reason.empty()) return std::nullopt;
  return Refusal{id, std::move(reason)};
}

std::vector<Refusal> refusals(const Graph& core, const FlagsOfValues& flags) {
  std::vector<Refusal> result;
  for (const OpId id : core.ops().ids())
    if (auto found = refusal(core, id, flags)) result.push_back(std::move(*found));
  return result;
}

// One operator after the other.
class Lowering {
 public:
  Lowering(const Graph& graph, const std::set<std::string>& secret, const Ranges& ranges,
           const GraphOptions& options)
      : graph_(graph),
        options_(options),
        flags_(encrypted_values(graph, secret)),
        ranges_(graph.values().size()),
        values_(graph.values().size()),
        readers_(graph.values().size(), 0),
        wants_clean_(graph.values().size(), false),
        stated_(ranges),
        bench_(graph, options, begin()) {
    bench_.first_plain = secret_.size();
    for (const Op& op : graph.ops()) {
      const bool clean = approximates(op, graph, operand_flags(op, flags_));
      for (const ValueId id : op.in) {
        ++readers_[id];
        if (clean) wants_clean_[id] = true;
      }
    }
    for (const ValueId id : graph.outputs()) ++readers_[id];
  }

  GraphPlan run(std::shared_ptr<const Graph> graph) {
    for (std::size_t i = 0; i < secret_.size(); ++i) place_input(i);
    for (const Op& op : graph_.ops()) lower(op);
    std::vector<einsum::PlacedTensor> outputs;
    GraphPlan result{std::move(graph), {}, secret_, {}, {}, options_.gains, 0};
    for (std::size_t o = 0; o < graph_.outputs().size(); ++o) {
      const ValueId id = graph_.outputs()[o];
      if (!flags_[id])
        throw Error(ErrorKind::unsupported, "output " + graph_.output_names()[o],
                    "does not depend on any secret input", "compute it in the clear");
      outputs.push_back(bench_.placed(*values_[id]));
      result.approximation = std::max(result.approximation, values_[id]->error);
    }
    result.plain = bench_.plain;
    for (const std::size_t input : secret_)
      result.ranges[graph_.inputs()[input]] = ranges_[graph_.inputs()[input]];
    for (const PlainTensor& tensor : bench_.plain) {
      problem_.inputs.push_back({.shape = tensor.shape, .secret = false});
      for (const ValueId id : tensor.operands) result.ranges[id] = range_of(id);
    }
    problem_.input_labels.resize(problem_.inputs.size());
    result.plan = finish(problem_, bench_.builder, outputs,
                         {.slots = options_.slots,
                          .scale_bits = options_.scale_bits,
                          .first_bits = options_.first_bits});
    result.plan.reasons = bench_.notes;
    return result;
  }

 private:
  // The inputs and the program that begins with them.
  einsum::ProgramBuilder begin() {
    problem_.text = "graph";
    for (std::size_t i = 0; i < graph_.inputs().size(); ++i) {
      const ValueId id = graph_.inputs()[i];
      const Value& value = graph_.value(id);
      ranges_[id] = stated(value).value_or(Interval{});
      if (!flags_[id]) continue;
      if (!is_float(value.type.dtype))
        throw Error(ErrorKind::unsupported, "input " + value.name,
                    fmt::format("has type {}", to_string(value.type)),
                    "encrypted values are real numbers");
      secret_.push_back(i);
      einsum::EinsumOperand input{.shape = value.type.shape, .magnitude = ranges_[id].magnitude()};
      input.layout =
          einsum::row_major(axis_labels(input.shape.size()), input.shape, options_.slots);
      require_room(value, *input.layout);
      problem_.inputs.push_back(std::move(input));
    }
    problem_.input_labels.resize(problem_.inputs.size());
    return new_builder(problem_, {.slots = options_.slots});
  }

  void require_room(const Value& value, const einsum::SlotLayout& layout) const {
    const auto taken = static_cast<std::int64_t>(ciphertexts(layout).size());
    if (taken > options_.most_ciphertexts)
      throw Error(
          ErrorKind::capacity, "input " + value.name,
          fmt::format("{} takes {} ciphertexts of {} slots, more than {}", to_string(value.type),
                      taken, options_.slots, options_.most_ciphertexts),
          "allow more ciphertexts, or split it");
  }

  std::optional<Interval> stated(const Value& value) const {
    const auto at = stated_.find(value.name);
    if (at == stated_.end()) return std::nullopt;
    if (!(at->second.low <= at->second.high) || !std::isfinite(at->second.magnitude()))
      throw Error(ErrorKind::invalid, "range of " + value.name,
                  fmt::format("[{}, {}]", at->second.low, at->second.high));
    return at->second;
  }

  void place_input(std::size_t i) {
    const ValueId id = graph_.inputs()[secret_[i]];
    const einsum::EinsumOperand& input = problem_.inputs[i];
    values_[id] = EncryptedValue{input.shape,
                                 {bench_.builder.input(static_cast<int>(i), *input.layout)},
                                 std::nullopt,
                                 ranges_[id],
                                 0};
  }

  Interval range_of(ValueId id) {
    const Value& value = graph_.value(id);
    if (value.role == Role::weight) return stated(value).value_or(Interval{});
    if (value.role != Role::constant) return ranges_[id];
    Interval result{INFINITY, -INFINITY};
    for (std::int64_t i = 0; i < elements(value.type.shape); ++i) {
      const double element = get(value.constant->view(), i);
      result = hull(result, {element, element});
    }
    return result;
  }

  void lower(const Op& op) {
    if (std::ranges::none_of(op.in, [&](ValueId id) { return flags_[id]; }))
      return in_the_clear(op);
    if (values_[op.out[0]]) return;  // along with an earlier one
    const std::vector<const Op*> joint = joint_with(op);
    if (joint.size() > 1 && lower_jointly(joint)) return;
    place(op, lowered(op, operands_of(op), wants_clean_[op.out[0]]));
  }

  std::vector<OperandValue> operands_of(const Op& op) {
    std::vector<OperandValue> operands;
    for (const ValueId id : op.in) {
      if (flags_[id] && readers_[id] > 1) values_[id]->scaling.reset();
      operands.push_back({id, flags_[id] ? &*values_[id] : nullptr, range_of(id)});
    }
    return operands;
  }

  // The encrypted operand of an einsum whose other operands, of which there are some, are in the
  // clear and known from the start.
  ValueId projects(const Op& op) const {
    ValueId result = ValueId::none;
    if (!std::holds_alternative<kind::Einsum>(op.kind) || op.in.size() < 2) return result;
    for (const ValueId id : op.in)
      if (flags_[id]) {
        if (result != ValueId::none) return ValueId::none;
        result = id;
      } else if (graph_.value(id).role == Role::result) {
        return ValueId::none;
      }
    return result;
  }

  // It and later ones that multiply the same encrypted value by plain tensors.
  std::vector<const Op*> joint_with(const Op& op) const {
    std::vector<const Op*> result;
    const ValueId of = projects(op);
    if (of == ValueId::none) return result;
    for (const Op& other : graph_.ops())
      if (projects(other) == of && !values_[other.out[0]]) result.push_back(&other);
    return result;
  }

  bool lower_jointly(const std::vector<const Op*>& ops) {
    std::vector<std::vector<OperandValue>> operands;
    bool apart = false;
    for (const Op* op : ops) {
      operands.push_back(operands_of(*op));
      apart = apart || !only_contracted(op->out[0]);
    }
    auto values = lower_einsums(ops, operands, apart, bench_);
    for (std::size_t i = 0; values && i < ops.size(); ++i) place(*ops[i], std::move((*values)[i]));
    return values.has_value();
  }

  // Whatever reads it, at once or reshaped, is an einsum: it need not be clean, nor be scaled.
  bool only_contracted(ValueId id) const {
    return std::ranges::all_of(graph_.ops(), [&](const Op& op) {
      if (std::ranges::find(op.in, id) == op.in.end()) return true;
      if (std::holds_alternative<kind::Reshape>(op.kind)) return only_contracted(op.out[0]);
      return std::holds_alternative<kind::Einsum>(op.kind);
    });
  }

  void place(const Op& op, EncryptedValue value) {
    const ValueId out = op.out[0];
    const Value& described = graph_.value(out);
    if (value.shape != described.type.shape)  // axes of size 1
      value = lower_reshape({described.type.shape}, value);
    if (const auto range = stated(described)) value.range = *range;
    claim(value);
    ranges_[out] = value.range;
    values_[out] = std::move(value);
  }

  // No slot of a clean tensor is beyond its range, approximations included.
  void claim(EncryptedValue& value) {
    if (value.view || !value.bases[0].layout.clean) return;
    for (const auto& [number, id] : value.bases[0].ciphertexts) {
      bench_.builder.claim(id, value.range.magnitude() + value.error);
      if (value.scaling) value.scaling->claims.push_back(id);
    }
  }

  EncryptedValue lowered(const Op& op, const std::vector<OperandValue>& operands, bool clean) {
    const EncryptedValue* x = operands[0].encrypted;
    if (const auto* map = std::get_if<kind::Map>(&op.kind))
      return lower_map(op, *map, operands, bench_);
    if (const auto* einsum = std::get_if<kind::Einsum>(&op.kind))
      return lower_einsum(op, *einsum, operands, clean, bench_);
    if (const auto* reduce = std::get_if<kind::Reduce>(&op.kind))
      return lower_reduce(op, *reduce, *x, clean, bench_);
    if (const auto* reshape = std::get_if<kind::Reshape>(&op.kind))
      return lower_reshape(*reshape, *x);
    if (const auto* slice = std::get_if<kind::Slice>(&op.kind)) return lower_slice(*slice, *x);
    if (const auto* pad = std::get_if<kind::Pad>(&op.kind)) return lower_pad(*pad, *x);
    if (const auto* window = std::get_if<kind::Window>(&op.kind)) return lower_window(*window, *x);
    std::vector<const EncryptedValue*> parts;
    for (const OperandValue& operand : operands) parts.push_back(operand.encrypted);
    return lower_concat(std::get<kind::Concat>(op.kind), parts);
  }

  // Known by its statement, or by what arithmetic makes of its operands' ranges.
  void in_the_clear(const Op& op) {
    std::vector<Interval> operands;
    for (const ValueId id : op.in) operands.push_back(range_of(id));
    for (const ValueId id : op.out) {
      const auto range = stated(graph_.value(id));
      ranges_[id] = range ? *range : implied(op, operands);
    }
  }

  Interval implied(const Op& op, const std::vector<Interval>& operands) const {
    if (const auto* map = std::get_if<kind::Map>(&op.kind)) return map_range(*map, operands);
    if (const auto* einsum = std::get_if<kind::Einsum>(&op.kind))
      return contracted(op, *einsum, operands);
    if (const auto* reduce = std::get_if<kind::Reduce>(&op.kind)) {
      double count = 1;
      for (const int axis : reduce->axes) count *= graph_.value(op.in[0]).type.shape[axis];
      if (reduce->fn == kind::ReduceFn::sum) return operands[0] * Interval{count, count};
    }
    Interval result = operands[0];  // of kinds that move elements
    if (const auto* pad = std::get_if<kind::Pad>(&op.kind))
      result = hull(result, {pad->value, pad->value});
    if (std::holds_alternative<kind::Concat>(op.kind))
      for (const Interval& operand : operands) result = hull(result, operand);
    return result;
  }

  Interval contracted(const Op& op, const kind::Einsum& einsum,
                      const std::vector<Interval>& operands) const {
    std::map<char, std::int64_t> summed;
    double magnitude = 1;
    for (std::size_t i = 0; i < op.in.size(); ++i) {
      magnitude *= operands[i].magnitude();
      for (std::size_t axis = 0; axis < einsum.in[i].size(); ++axis)
        if (einsum.out.find(einsum.in[i][axis]) == std::string::npos)
          summed[einsum.in[i][axis]] = graph_.value(op.in[i]).type.shape[axis];
    }
    for (const auto& [label, size] : summed) magnitude *= static_cast<double>(size);
    return {-magnitude, magnitude};
  }

  const Graph& graph_;
  const GraphOptions& options_;
  FlagsOfValues flags_;
  ById<ValueId, Interval> ranges_;
  ById<ValueId, std::optional<EncryptedValue>> values_;
  ById<ValueId, int> readers_;
  ById<ValueId, bool> wants_clean_;  // a polynomial reads it
  const Ranges& stated_;
  std::vector<std::size_t> secret_;
  einsum::EinsumProblem problem_;
  Workbench bench_;
};

void require_elements(const Graph& graph) {
  for (const Value& value : graph.values())
    if (elements(value.type.shape) == 0)
      throw Error(ErrorKind::unsupported, "value " + value.name,
                  "has no elements: " + to_string(value.type), "leave it out of the graph");
}

// Every element of an encrypted value is written down, also of a view, and every element in the
// clear that meets one.
void require_countable(const Graph& graph, const std::set<std::string>& secret) {
  const auto encrypted = encrypted_values(graph, secret);
  for (const ValueId id : graph.values().ids())
    if (encrypted[id] && elements(graph.value(id).type.shape) > kMostElements)
      throw Error(ErrorKind::capacity, "value " + graph.value(id).name,
                  fmt::format("{}: more than {} encrypted elements",
                              to_string(graph.value(id).type), kMostElements),
                  "split it");
  std::set<ValueId> clear;
  for (const Op& op : graph.ops())
    if (std::ranges::any_of(op.in, [&](ValueId id) { return encrypted[id]; }))
      for (const ValueId id : op.in)
        if (!encrypted[id]) clear.insert(id);
  std::int64_t left = kMostElements;
  for (const ValueId id : clear) {
    const std::int64_t own = elements(graph.value(id).type.shape);
    if (own > left)
      throw Error(ErrorKind::capacity, "value " + graph.value(id).name,
                  fmt::format("{}: with it more than {} elements in the clear meet encrypted ones",
                              to_string(graph.value(id).type), kMostElements),
                  "split the graph");
    left -= own;
  }
}

void require_in_range(const GraphOptions& options) {
  const auto slots = static_cast<std::uint64_t>(options.slots);
  if (options.slots < 1 || options.slots > kMostSlots || !std::has_single_bit(slots))
    throw Error(ErrorKind::usage, "slots",
                fmt::format("{} is not a power of two up to {}", options.slots, kMostSlots));
  if (!(options.approximation > 0))
    throw Error(ErrorKind::usage, "approximation",
                fmt::format("an error of {} is not above 0", options.approximation));
  if (options.most_degree < 1 || options.most_degree > kMostDegree)
    throw Error(ErrorKind::usage, "degree",
                fmt::format("{} is not between 1 and {}", options.most_degree, kMostDegree));
}

void require_names(const Graph& graph, const std::set<std::string>& secret, const Ranges& ranges,
                   const Gains& gains) {
  for (const std::string& name : secret)
    if (std::ranges::none_of(graph.inputs(),
                             [&](ValueId id) { return graph.value(id).name == name; }))
      throw Error(ErrorKind::not_found, "secret inputs", "the graph has no input " + name);
  for (const auto& [name, gain] : gains)
    if (!graph.find(name) || !(gain >= 0) || !std::isfinite(gain))
      throw Error(ErrorKind::invalid, "gains", fmt::format("{} of value {}", gain, name));
  for (const auto& [name, range] : ranges)
    if (!graph.find(name))
      throw Error(ErrorKind::not_found, "ranges", "the graph has no value " + name);
}

}  // namespace

ById<ValueId, bool> encrypted_values(const Graph& graph, const std::set<std::string>& secret) {
  ById<ValueId, bool> flags(graph.values().size(), false);
  for (const ValueId id : graph.inputs()) flags[id] = secret.contains(graph.value(id).name);
  for (const Op& op : graph.ops()) {
    const bool any = std::ranges::any_of(op.in, [&](ValueId id) { return flags[id]; });
    for (const ValueId id : op.out) flags[id] = any;
  }
  return flags;
}

std::vector<Refusal> refuses(const Graph& graph, const std::set<std::string>& secret) {
  const Graph core = decompose(graph);
  return refusals(core, encrypted_values(core, secret));
}

GraphPlan plan(const Graph& graph, const std::set<std::string>& secret, const Ranges& ranges,
               const GraphOptions& options) {
  auto core = std::make_shared<const Graph>(decompose(graph));
  require_in_range(options);
  require_elements(*core);
  require_names(*core, secret, ranges, options.gains);
  require_countable(*core, secret);
  for (const Refusal& refusal : refusals(*core, encrypted_values(*core, secret)))
    throw Error(ErrorKind::unsupported, "operator " + core->op(refusal.op).name,
                refusal.reason + " of encrypted values", kAccepted);
  GraphPlan result = Lowering(*core, secret, ranges, options).run(core);
  if (options.levels >= 0 && result.plan.levels() > options.levels)
    throw Error(ErrorKind::capacity, "encrypted graph",
                fmt::format("needs {} levels, this parameter set has {}", result.plan.levels(),
                            options.levels),
                "choose parameters with more levels; there is no bootstrapping");
  return result;
}

}  // namespace pliant::encrypted
