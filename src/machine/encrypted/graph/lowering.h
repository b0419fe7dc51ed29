// From operators to the steps of an encrypted program, one operator after the other.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "machine/encrypted/einsum/plan/search.h"
#include "machine/encrypted/graph/chebyshev.h"
#include "machine/encrypted/graph/linear.h"
#include "machine/encrypted/graph/plan.h"

namespace pliant::encrypted {

// What lowering works on: the program so far, the tensors in the clear, and how values are brought
// into ciphertexts and layouts.
class Workbench {
 public:
  Workbench(const Graph& graph, const GraphOptions& options, einsum::ProgramBuilder builder)
      : graph(graph), options(options), builder(std::move(builder)) {}

  const Graph& graph;
  const GraphOptions& options;
  einsum::ProgramBuilder builder;
  std::size_t first_plain = 0;  // the number of the first of `plain` among the plan's tensors
  std::vector<PlainTensor> plain;
  std::vector<std::string> notes;

  // The number of a tensor in the clear among the plan's.
  int tensor(PlainTensor tensor, double magnitude);
  // All of its elements, for cells.
  einsum::ClearId clear(int tensor);

  // Counts what plaintexts of polynomials hold. Throws Error{capacity} naming the limit where all
  // of a graph would take gigabytes.
  void take_terms(std::int64_t slots, const std::string& place);

  // In ciphertexts of its own: nothing where the view has plain strides, a rotation where they
  // begin elsewhere, else a linear map into `to` or whatever layout is cheap. `clean`: all other
  // slots are zero.
  einsum::PlacedTensor placed(const EncryptedValue& value, bool clean = false,
                              const einsum::SlotLayout* to = nullptr);
  // The same as a value; it is not made clean.
  EncryptedValue settled(const EncryptedValue& value, const einsum::SlotLayout* to = nullptr);
  // The plaintexts from `first` on scale the value too, if it can be scaled.
  void scaled_too(EncryptedValue& value, einsum::PlainId first);
  EncryptedValue linear(const LinearMap& map, const EncryptedValue& of, const Shape& shape,
                        const std::vector<einsum::SlotLayout>& layouts);
  // Layouts for the results of a map: row-major, and aligned with what it reads.
  std::vector<einsum::SlotLayout> layouts(const LinearMap& map, const EncryptedValue& of,
                                          const Shape& shape) const;

  // By the cheapest move; `to` without its copies.
  einsum::PlacedTensor moved(einsum::PlacedTensor a, einsum::SlotLayout to);

  EncryptedValue times(const EncryptedValue& value, double factor);
  EncryptedValue plus(const EncryptedValue& value, double term);
  // One einsum of encrypted and plain operands.
  struct Operand {
    const EncryptedValue* encrypted = nullptr;
    int tensor = -1;  // of a plain one
    Shape shape;
    Interval range;
  };
  EncryptedValue contracted(const std::string& notation, const std::vector<Operand>& operands,
                            bool clean, const std::string& place);
  struct Expression {
    std::string notation;
    std::vector<Operand> operands;
    std::string place;
  };
  // Several that multiply one encrypted operand by plain ones: by one linear transform, or nullopt
  // where that is not the cheapest. `apart`: each result in ciphertexts of its own, where it can be
  // scaled.
  std::optional<std::vector<EncryptedValue>> contracted(const std::vector<Expression>& all,
                                                        bool apart);
  // What such an einsum comes to, its tensors in the clear by their numbers.
  einsum::Contraction node(const std::string& notation, const std::vector<Operand>& operands,
                           const std::string& place);
  // Range and error of its result.
  static void bound(EncryptedValue& result, const einsum::Contraction& node,
                    const std::vector<Operand>& operands);

 private:
  EncryptedValue gathered(const EncryptedValue& value, const einsum::SlotLayout* to);
  struct Reading {
    einsum::EinsumProblem problem;
    std::vector<const EncryptedValue*> encrypted;  // of each operand, once; null: in the clear
    std::vector<int> tensors;                      // those in the clear
  };
  static Reading read(const std::vector<Expression>& all);
  std::vector<einsum::PlacedTensor> placed(Reading& reading);  // as they lie, by operand
  // The results of a choice, with axes named as everywhere here.
  std::vector<einsum::PlacedTensor> emitted(const Reading& reading, einsum::Choice& choice,
                                            const std::vector<einsum::PlacedTensor>& values);
  // What scales a result that is a linear transform's.
  std::optional<Scaling> scaling_of(const einsum::PlacedTensor& result) const;
  std::map<std::pair<std::vector<ValueId>, std::string>, int> tensors_;  // by operands, expression
  std::vector<double> magnitudes_;
  std::int64_t terms_ = 0;
  std::map<int, einsum::ClearId> clears_;
};

// The result of a Map, and of each kind that moves or sums elements. Operands that are in the clear
// have no value; their ranges are known all the same.
struct OperandValue {
  ValueId id = ValueId::none;
  const EncryptedValue* encrypted = nullptr;
  Interval range;
};
EncryptedValue lower_map(const Op& op, const kind::Map& map,
                         const std::vector<OperandValue>& operands, Workbench& bench);
EncryptedValue lower_einsum(const Op& op, const kind::Einsum& einsum,
                            const std::vector<OperandValue>& operands, bool clean,
                            Workbench& bench);
// Several of one encrypted operand, the same of each, and plain ones; nullopt where they are better
// lowered one by one. `apart` as above.
std::optional<std::vector<EncryptedValue>> lower_einsums(
    const std::vector<const Op*>& ops, const std::vector<std::vector<OperandValue>>& operands,
    bool apart, Workbench& bench);
EncryptedValue lower_reduce(const Op& op, const kind::Reduce& reduce, const EncryptedValue& x,
                            bool clean, Workbench& bench);
EncryptedValue lower_reshape(const kind::Reshape& reshape, const EncryptedValue& x);
EncryptedValue lower_slice(const kind::Slice& slice, const EncryptedValue& x);
EncryptedValue lower_pad(const kind::Pad& pad, const EncryptedValue& x);
EncryptedValue lower_window(const kind::Window& window, const EncryptedValue& x);
EncryptedValue lower_concat(const kind::Concat& concat,
                            const std::vector<const EncryptedValue*>& parts);

// Whether a Map approximates functions of encrypted values, which wants clean operands.
bool approximates(const Op& op, const Graph& graph, const std::vector<bool>& encrypted);
// Why a Map is refused; empty where it is not.
std::string map_refusal(const kind::Map& map, const Op& op, const Graph& graph,
                        const std::vector<bool>& encrypted);
// The range of a Map's result, for operands in the clear too.
Interval map_range(const kind::Map& map, const std::vector<Interval>& operands);

}  // namespace pliant::encrypted
