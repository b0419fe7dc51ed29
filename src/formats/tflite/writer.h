// One export: the file under construction, and where each value of the graph is in it.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/tflite/file.h"
#include "graph/graph.h"
#include "quant/store.h"

namespace pliant::tflite {

// How a tensor of rank 4 stands in the file: as in the graph, or with axis 1 behind the others, as
// TFLite's convolutions have it. Other ranks are always plain.
enum class Layout : std::uint8_t { plain, last };

using Integers = std::vector<std::int64_t>;

inline const Integers to_last{0, 2, 3, 1}, from_last{0, 3, 1, 2};

class Writer {
 public:
  Writer(const Graph& graph, const WeightStore& weights);
  File run();

  const TensorType& type(ValueId id) const { return graph_.value(id).type; }
  // a copy: further tensors move those that there are
  TensorType type(Index tensor) const { return file_.tensors[tensor].type; }
  // What a value was made in; a value in another layout is turned once.
  Layout layout(ValueId id) const;
  Index value(ValueId id, Layout layout = Layout::plain);
  bool is_leaf(ValueId id) const { return graph_.value(id).role != Role::result; }
  // `last` if one of the operands that are computed was made so.
  Layout common_layout(const std::vector<ValueId>& values) const;
  // A value as an operand that broadcasts to `rank` axes in `layout`.
  Index operand(ValueId id, std::size_t rank, Layout layout);

  // Each appends an operator and gives its result. What is done to constants is done here.
  Index op(Code code, std::vector<Index> in, TensorType result, Options options = {});
  Index transpose(Index x, const Integers& order);
  Index reshape(Index x, const Shape& shape);
  Index slice(Index x, const Integers& begin, const Integers& size);
  // axes ascending; without them in the result's shape unless `keep`
  Index reduce(Code code, Index x, const Integers& axes, bool keep);
  Index cast(Index x, DType to);
  Index pad(Index x, const Integers& low, const Integers& high, double value);

  Index constant(Tensor values, const std::string& base);
  Index integers(const Integers& values);                  // i32 [n]
  Index pairs(const Integers& low, const Integers& high);  // i32 [n, 2]
  Index scalar(double value);                              // f32 of rank 0
  bool is_constant(Index tensor) const { return file_.tensors[tensor].constant != nullptr; }

  // A bias that the one Map behind a convolution adds, which the convolution takes over.
  struct Bias {
    OpId map = OpId::none;
    std::size_t instruction = 0;  // the Map's sum
    std::size_t convolved = 0;    // the Map's operand that the convolution makes
    ValueId value = ValueId::none;
  };
  std::optional<Bias> bias_of(const Op& convolve) const;
  void take_over(const Bias& bias) { taken_over_[bias.map] = bias; }
  // that of the Map being written, if it has one
  const Bias* taken_over() const;

  [[noreturn]] void refuse(const std::string& what) const;  // by the operator being written

 private:
  Index leaf(ValueId id);
  void add_inputs();
  void add_op();
  void add_outputs();
  Index tensor(TensorType type, std::shared_ptr<const Tensor> constant, const std::string& base);

  const Graph& graph_;
  const WeightStore& weights_;
  ById<ValueId, std::vector<OpId>> consumers_;
  File file_;
  ById<ValueId, std::array<Index, 2>> places_;  // by layout; -1: not there yet
  ById<ValueId, Layout> layouts_;
  std::map<Integers, Index> lists_;
  std::map<OpId, Bias> taken_over_;
  std::map<double, Index> scalars_;
  OpId now_ = OpId::none;  // being written
};

// What an operator's result is, and in which layout.
struct Made {
  Index tensor = -1;
  Layout layout = Layout::plain;
};

// One per kind that TFLite has or that is put together from what it has.
Made write_kind(Writer& to, const Op& op, const kind::Einsum& kind);
Made write_kind(Writer& to, const Op& op, const kind::Map& kind);
Made write_kind(Writer& to, const Op& op, const kind::Reduce& kind);
Made write_kind(Writer& to, const Op& op, const kind::Gather& kind);
Made write_kind(Writer& to, const Op& op, const kind::Reshape& kind);
Made write_kind(Writer& to, const Op& op, const kind::Slice& kind);
Made write_kind(Writer& to, const Op& op, const kind::Concat& kind);
Made write_kind(Writer& to, const Op& op, const kind::Pad& kind);
Made write_kind(Writer& to, const Op& op, const kind::Softmax& kind);
Made write_kind(Writer& to, const Op& op, const kind::Convolve& kind);
Made write_kind(Writer& to, const Op& op, const kind::Pool& kind);

// Whether a composite operator is written as it is; others are decomposed first.
bool written_whole(const Graph& graph, const Op& op);

// For an option's field.
inline std::int32_t narrow(std::int64_t value) { return static_cast<std::int32_t>(value); }

// An axis of a value of rank 4, where it stands in a layout.
int placed(int axis, Layout layout);
// Sizes or the like per axis of the graph, in the order of a layout.
Integers arranged(const Integers& by_axis, Layout layout);

}  // namespace pliant::tflite
