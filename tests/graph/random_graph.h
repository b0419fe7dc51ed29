// Seeded random graphs for property tests: all kinds, small shapes, valid by construction. Values
// stay moderate, so that machines can be compared with tolerances. Unused results become outputs:
// nothing is dead.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "core/rng.h"
#include "graph/builder.h"
#include "graph/shapes/rules.h"
#include "graph/views.h"
#include "quant/store.h"

namespace pliant {

struct RandomGraphOptions {
  int operators = 12;     // steps; one step may add a few operators
  std::int64_t rows = 0;  // > 0: a graph over packed rows that may run short
  bool composite = true;  // softmax, normalize, rotary, attention, convolve, pool, cross_entropy
  bool integers = true;   // integer and bool values: casts, argmax, integer Maps
  bool opaque = false;    // for text and planning only: cannot be evaluated
  bool folding = true;    // operators on weights and constants alone
};

class RandomGraph {
 public:
  RandomGraph(Rng& rng, const RandomGraphOptions& options) : rng_(rng), options_(options) {
    using Step = void (RandomGraph::*)();
    steps_ = {&RandomGraph::einsum,  &RandomGraph::map,    &RandomGraph::map,
              &RandomGraph::reduce,  &RandomGraph::gather, &RandomGraph::table,
              &RandomGraph::reshape, &RandomGraph::slice,  &RandomGraph::concat,
              &RandomGraph::pad,     &RandomGraph::window};
    for (Step each : {&RandomGraph::softmax, &RandomGraph::normalize, &RandomGraph::attention,
                      &RandomGraph::convolve, &RandomGraph::pool, &RandomGraph::cross_entropy})
      if (options.composite) steps_.push_back(each);
    if (options.integers) steps_.push_back(&RandomGraph::integer);
    if (options.opaque && options.rows == 0) steps_.push_back(&RandomGraph::opaque);
  }

  Graph make() {
    keep(leaf({DType::f32, shape(2, 3)}));
    for (int i = 0; i < options_.operators; ++i) (this->*steps_[pick(steps_.size())])();
    bool any = false;
    for (std::size_t i = 0; i < made_.size(); ++i)
      if (!used_[i] || rng_.below(10) == 0) {
        b_.output(made_[i]);
        any = true;
      }
    if (!any) b_.output(made_.back());
    return b_.finish();
  }

 private:
  // Choices.
  std::size_t pick(std::size_t count) {
    return static_cast<std::size_t>(rng_.below(static_cast<std::int64_t>(count)));
  }
  bool chance(int percent) { return rng_.below(100) < percent; }
  std::int64_t small() { return rng_.between(1, 5); }
  bool rows() const { return options_.rows > 0; }
  int first_axis() const { return rows() ? 1 : 0; }  // the first that operators may touch
  std::string name() { return "v" + std::to_string(count_++); }

  Shape shape(int low_rank, int high_rank) {  // leads with the rows if there are any
    Shape result(static_cast<std::size_t>(rng_.between(low_rank, high_rank)));
    for (auto& size : result) size = small();
    if (rows()) result[0] = options_.rows;
    return result;
  }

  ValueId leaf(TensorType type) {  // an operand that computing may start from
    if (rows() && !type.shape.empty() && type.shape[0] == options_.rows)
      return b_.row_input(name(), type);
    return chance(50) || !options_.folding ? b_.input(name(), type) : b_.weight(name(), type);
  }

  ValueId weight(Shape shape) { return b_.weight(name(), {DType::f32, std::move(shape)}); }

  ValueId index(Shape shape, std::int64_t below) {
    Tensor values({DType::i32, std::move(shape)});
    for (auto& each : values.span<std::int32_t>())
      each = static_cast<std::int32_t>(rng_.below(below));
    return b_.constant(std::move(values), name());
  }

  // A float value of the wanted rank: an existing one, or a new leaf.
  ValueId value(int low_rank, int high_rank) {
    for (int attempt = 0; attempt < 6 && !made_.empty(); ++attempt) {
      std::size_t i = pick(made_.size());
      int rank = static_cast<int>(b_.shape(made_[i]).size());
      if (b_.type(made_[i]).dtype != DType::f32 || rank < low_rank || rank > high_rank) continue;
      used_[i] = true;
      return made_[i];
    }
    return leaf({DType::f32, shape(std::max(low_rank, first_axis()), high_rank)});
  }

  int axis(ValueId x) {
    return static_cast<int>(rng_.between(first_axis(), static_cast<int>(b_.shape(x).size()) - 1));
  }
  std::int64_t size(ValueId x, int axis) { return b_.shape(x)[axis]; }

  void keep(ValueId id) {  // large results are left alone
    if (elements(b_.shape(id)) > 4096 || b_.shape(id).size() > 6) return used(id);
    made_.push_back(id);
    used_.push_back(false);
  }
  void used(ValueId id) { b_.output(id); }

  // Steps.
  void einsum() {
    ValueId x = value(std::max(1, first_axis()), 4);
    std::string labels = rows() ? "r" : "", fresh = "abcdefgh";
    while (labels.size() < b_.shape(x).size()) labels += fresh[labels.size()];
    kind::Einsum einsum{{labels}, ""};
    std::vector<ValueId> operands = {x};
    std::string all = labels;
    if (chance(75)) {  // a second operand: some labels of the first, one of its own
      std::string other;
      Shape shape;
      for (std::size_t i = rows() ? 1 : 0; i < labels.size(); ++i)
        if (chance(60)) other += labels[i], shape.push_back(b_.shape(x)[i]);
      other += 'z', shape.push_back(small());
      all += 'z';
      operands.push_back(weight(shape));
      einsum.in.push_back(other);
    }
    if (rows() && chance(30)) operands.push_back(x), einsum.in.push_back(labels);
    std::vector<char> out(all.begin() + first_axis(), all.end());
    std::shuffle(out.begin(), out.end(), rng_);
    out.resize(pick(out.size() + 1));
    einsum.out = (rows() ? "r" : "") + std::string(out.begin(), out.end());
    ValueId y = b_.add(einsum, operands, name())[0];
    keep(chance(50) ? b_.map(apply(Fn::tanh, {argument(0)}), {y}) : y);
  }

  Expr expr(int operands) {
    std::vector<Expr> pool = {constant(0.5), constant(-1.25)};
    for (int i = 0; i < operands; ++i) pool.push_back(argument(i));
    const Fn unary[] = {Fn::negate, Fn::absolute, Fn::sigmoid, Fn::silu, Fn::gelu, Fn::gelu_tanh,
                        Fn::tanh,   Fn::sin,      Fn::cos,     Fn::erf,  Fn::stop};
    const Fn binary[] = {Fn::add, Fn::subtract, Fn::multiply, Fn::minimum, Fn::maximum};
    Expr last = argument(0);
    for (int i = 0; i < operands; ++i) last = pliant::apply(binary[pick(5)], {last, argument(i)});
    for (int i = 0; i < 3; ++i) {
      if (last.code.size() > 30) break;
      last = chance(50)   ? pliant::apply(unary[pick(11)], {last})
             : chance(80) ? pliant::apply(binary[pick(5)], {last, pool[pick(pool.size())]})
                          : select(pliant::apply(Fn::less, {pool[pick(pool.size())], last}), last,
                                   argument(0));
    }
    return pliant::apply(Fn::tanh, {last}) * constant(2);
  }

  // A shape that broadcasts into `to`: some axes 1, some leading ones dropped.
  Shape narrower(const Shape& to) {
    Shape result = to;
    for (auto& size : result)
      if (chance(30)) size = 1;
    if (rows()) result[0] = 1;
    result.erase(result.begin(), result.begin() + (pick(result.size() + 1)));
    return result;
  }

  void map() {
    ValueId x = value(first_axis(), 4);
    std::vector<ValueId> operands = {x};
    for (int i = static_cast<int>(rng_.below(3)); i > 0; --i) {
      Shape shape = b_.shape(x);
      // with rows, a row input of the same shape
      if (chance(30)) operands.push_back(leaf({DType::f32, shape}));
      else operands.push_back(weight(narrower(shape)));
    }
    if (chance(30)) operands.push_back(b_.scalar(rng_.uniform()));
    keep(b_.map(expr(static_cast<int>(operands.size())), operands, DType::f32, name()));
  }

  void reduce() {
    ValueId x = value(first_axis() + 1, 4);
    kind::Reduce reduce{static_cast<kind::ReduceFn>(rng_.below(6)), {}, chance(50)};
    for (int i = first_axis(); i < static_cast<int>(b_.shape(x).size()); ++i)
      if (chance(50)) reduce.axes.push_back(i);
    if (reduce.axes.empty()) reduce.axes = {axis(x)};
    keep(b_.add(reduce, {x}, name())[0]);
  }

  void gather() {
    ValueId x = value(first_axis() + 1, 3);
    int along = axis(x);
    int batch = !rows() && along > 0 && chance(40) ? static_cast<int>(rng_.between(1, along)) : 0;
    Shape index_shape(b_.shape(x).begin(), b_.shape(x).begin() + batch);
    for (std::int64_t i = rng_.below(3); i > 0; --i) index_shape.push_back(small());
    keep(b_.gather(x, index(index_shape, size(x, along)), along, batch, name()));
  }

  void table() {
    Shape index_shape = {rows() ? options_.rows : small()};
    ValueId i = rows() ? b_.row_input(name(), {DType::i32, index_shape}) : index(index_shape, 8);
    keep(b_.gather(weight({8, small()}), i, 0, 0, name()));
  }

  void reshape() {
    ValueId x = value(first_axis(), 4);
    Shape to = rows() ? Shape{options_.rows} : Shape{};
    std::int64_t rest = 1;
    for (std::size_t i = to.size(); i < b_.shape(x).size(); ++i) rest *= b_.shape(x)[i];
    while (rest > 1 && to.size() < 4) {
      std::int64_t factor = rng_.between(1, rest);
      while (rest % factor) --factor;
      to.push_back(factor);
      rest /= factor;
    }
    to.push_back(rest);
    keep(b_.reshape(x, to, name()));
  }

  void slice() {
    ValueId x = value(first_axis() + 1, 4);
    kind::Slice slice{kind::Sizes(b_.shape(x).size(), 0), b_.shape(x),
                      kind::Sizes(b_.shape(x).size(), 1)};
    auto at = static_cast<std::size_t>(axis(x));
    std::int64_t n = b_.shape(x)[at], step = rng_.between(1, 2),
                 count = rng_.between(1, (n - 1) / step + 1);
    slice.size[at] = count;
    slice.start[at] = rng_.between(0, n - 1 - (count - 1) * step);
    slice.step[at] = step;
    if (chance(40)) slice.start[at] += (count - 1) * step, slice.step[at] = -step;
    keep(b_.slice(x, slice, name()));
  }

  void concat() {
    ValueId x = value(first_axis() + 1, 4);
    int along = axis(x);
    std::vector<ValueId> parts = {x};
    for (std::int64_t i = rng_.between(1, 2); i > 0; --i) {
      Shape shape = b_.shape(x);
      shape[along] = small();
      parts.push_back(chance(30) ? x : leaf({DType::f32, shape}));
    }
    keep(b_.concat(parts, along, name()));
  }

  void pad() {
    ValueId x = value(first_axis() + 1, 4);
    std::size_t rank = b_.shape(x).size();
    kind::Pad pad{kind::Sizes(rank, 0), kind::Sizes(rank, 0), kind::Sizes(rank, 0)};
    auto at = static_cast<std::size_t>(axis(x));
    std::int64_t n = b_.shape(x)[at];
    pad.mode = static_cast<kind::PadMode>(rng_.below(3));
    pad.value = pad.mode == kind::PadMode::constant ? rng_.normal() : 0;
    std::int64_t most = pad.mode == kind::PadMode::reflect ? n - 1 : 3;
    pad.low[at] = rng_.between(n > 1 ? -1 : 0, most);
    pad.high[at] = rng_.between(n > 2 ? -1 : 0, most);
    if (pad.mode == kind::PadMode::constant) pad.interior[at] = rng_.below(3);
    keep(b_.pad(x, pad, name()));
  }

  void window() {
    ValueId x = value(first_axis() + 1, 4);
    int along = axis(x);
    std::int64_t window = rng_.between(1, size(x, along));
    std::int64_t dilation =
        window > 1 && (window - 1) * 2 + 1 <= size(x, along) ? rng_.between(1, 2) : 1;
    keep(b_.window(x, {{along}, {window}, {rng_.between(1, 2)}, {dilation}}, name()));
  }

  void softmax() {
    ValueId x = value(first_axis() + 1, 4);
    keep(b_.softmax(x, axis(x), name()));
  }

  void normalize() {
    ValueId x = value(first_axis() + 1, 4);
    auto y = b_.add(kind::Normalize{{axis(x)}, 0.01 + rng_.uniform(), chance(50)}, {x}, name(),
                    chance(30) ? 3 : 1);
    for (ValueId each : y) keep(each);
  }

  ValueId sequence(const std::string& of, std::int64_t count, std::int64_t low, std::int64_t high) {
    for (std::size_t i = 0; i < sequences_.size(); ++i)
      if (sequences_[i].first == of && b_.shape(sequences_[i].second)[0] == count)
        return sequences_[i].second;
    ValueId id = ValueId::none;
    if (rows()) {
      id = b_.row_input(of, {DType::i32, {count}});
    } else {
      Tensor values({DType::i32, {count}});
      for (auto& each : values.span<std::int32_t>())
        each = static_cast<std::int32_t>(rng_.between(low, high));
      id = b_.constant(std::move(values), name());
    }
    sequences_.emplace_back(of, id);
    return id;
  }

  ValueId heads(std::int64_t count, std::int64_t heads, std::int64_t depth) {
    return leaf({DType::f32, {count, heads, depth}});
  }

  void attention() {
    std::int64_t count = rows() ? options_.rows : small(), keys = rng_.between(1, 2),
                 depth = 2 * rng_.between(1, 3);
    kind::Attention attention{rng_.uniform() + 0.2, chance(60),
                              chance(30) ? rng_.between(1, 4) : 0};
    if (chance(30)) attention.cap = 1.5;
    ValueId pos = sequence("pos", count, 0, 5);
    ValueId q = heads(count, keys * rng_.between(1, 2), depth), k = heads(count, keys, depth);
    if (chance(60)) {
      kind::Rotary rotary{chance(50) ? depth : 2, 100, 0.5,
                          static_cast<kind::RotaryStyle>(rng_.below(2))};
      std::vector<ValueId> turned{q, pos}, turned_key{k, pos};
      if (chance(30)) {
        Tensor factors({DType::f32, {rotary.dims / 2}});
        fill_uniform(factors.view(), rng_, 0.5, 8);
        turned.push_back(b_.constant(std::move(factors), name()));
        turned_key.push_back(turned.back());
      }
      q = b_.add(rotary, turned, name())[0];
      k = b_.add(rotary, turned_key, name())[0];
    }
    std::vector<ValueId> operands = {q,
                                     k,
                                     heads(count, keys, small()),
                                     sequence("seq", count, -1, 1),
                                     pos,
                                     sequence("tag", count, 0, 0)};
    attention.has_bias = chance(30);
    if (attention.has_bias) operands.push_back(weight({b_.shape(q)[1], 8, 8}));
    attention.has_tree = !rows() && chance(30);
    if (attention.has_tree) operands.push_back(b_.cast(index({count, count}, 2), DType::boolean));
    keep(b_.attention(attention, operands, name()));
  }

  void convolve() {
    std::size_t spatial = 1 + pick(2);
    std::int64_t groups = rng_.between(1, 2), in = groups * rng_.between(1, 2),
                 out = groups * rng_.between(1, 3);
    Shape x_shape = {rows() ? options_.rows : rng_.between(1, 2), in}, w_shape = {out, in / groups};
    kind::Convolve convolve{{}, {}, {}, {}, groups, chance(30)};
    if (convolve.transposed) w_shape = {in, out / groups};
    for (std::size_t i = 0; i < spatial; ++i) {
      x_shape.push_back(rng_.between(3, 6));
      w_shape.push_back(rng_.between(1, 3));
      convolve.stride.push_back(rng_.between(1, 2));
      convolve.dilation.push_back(w_shape.back() < 3 ? rng_.between(1, 2) : 1);
      convolve.low.push_back(rng_.between(0, w_shape.back() - 1));
      convolve.high.push_back(convolve.transposed ? -rng_.below(convolve.stride.back())
                                                  : rng_.between(0, 2));
    }
    ValueId y = b_.convolve(leaf({DType::f32, x_shape}), weight(w_shape), convolve, name());
    if (chance(60)) {
      Shape channel(spatial + 1, 1);
      channel[0] = out;
      y = b_.map(maximum(argument(0) + argument(1), constant(0)), {y, weight(channel)}, {}, name());
    }
    keep(y);
  }

  void pool() {
    std::size_t spatial = 1 + pick(2);
    Shape shape = {rows() ? options_.rows : small(), small()};
    kind::Pool pool;
    pool.fn = static_cast<kind::PoolFn>(rng_.below(2));
    pool.divide_by_valid = chance(50);
    for (std::size_t i = 0; i < spatial; ++i) {
      shape.push_back(rng_.between(4, 6));
      pool.size.push_back(rng_.between(1, 3));
      pool.stride.push_back(rng_.between(1, 2));
      pool.dilation.push_back(pool.size.back() < 3 ? rng_.between(1, 2) : 1);
      pool.low.push_back(rng_.between(0, pool.size.back() - 1));
      pool.high.push_back(rng_.between(0, pool.size.back() - 1));
    }
    keep(b_.pool(leaf({DType::f32, shape}), pool, name()));
  }

  void cross_entropy() {
    std::int64_t count = rows() ? options_.rows : small(), depth = small();
    auto y = b_.add(
        kind::CrossEntropy{},
        {leaf({DType::f32, {count, depth}}), weight({8, depth}), sequence("target", count, -1, 7)},
        name());
    keep(y[0]);
    keep(y[1]);
  }

  void integer() {
    ValueId x = value(first_axis() + 1, 3);
    ValueId y = chance(50) ? b_.reduce(kind::ReduceFn::argmax, x, {axis(x)}, chance(50), name())
                           : b_.map(apply(Fn::round_even, {argument(0) * constant(4)}), {x},
                                    DType::i8, name());
    const DType targets[] = {DType::i32, DType::i64, DType::u8, DType::boolean, DType::f32};
    y = b_.map(argument(0) * constant(3) + constant(1), {y}, targets[pick(5)], name());
    keep(y);
  }

  void opaque() {
    ValueId x = value(1, 4);
    auto y = b_.add(kind::Opaque{"ai.test",
                                 "Odd \"kind\"\n",
                                 "a=1;\t\xc3\xa9",
                                 {{DType::f32, shape(1, 3)}, {DType::bf16, {}}}},
                    {x}, name(), 2);
    keep(y[0]);
    keep(y[1]);
  }

  Rng& rng_;
  RandomGraphOptions options_;
  Builder b_;
  std::vector<void (RandomGraph::*)()> steps_;
  std::vector<ValueId> made_;
  std::vector<bool> used_;
  std::vector<std::pair<std::string, ValueId>> sequences_;
  int count_ = 0;
};

inline Graph random_graph(Rng& rng, const RandomGraphOptions& options = {}) {
  return RandomGraph(rng, options).make();
}

// Inputs for a random graph: normal floats, "seq" in -1..1, "target" in -1..7, other integers in
// 0..7. `rows` > 0 and smaller than the capacity: row inputs are made short.
inline std::vector<Tensor> random_inputs(const Graph& graph, Rng& rng, std::int64_t rows = 0) {
  std::vector<Tensor> inputs;
  for (ValueId id : graph.inputs()) {
    TensorType type = graph.value(id).type;
    if (rows > 0 && graph.value(id).rows) type.shape[0] = rows;
    Tensor tensor(type);
    const std::string& name = graph.value(id).name;
    for (std::int64_t i = 0; i < elements(type.shape); ++i)
      set(tensor.view(), i,
          is_float(type.dtype) ? rng.normal()
                               : static_cast<double>(name == "seq"      ? rng.between(-1, 1)
                                                     : name == "target" ? rng.between(-1, 7)
                                                                        : rng.below(8)));
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

// Normal weights, scaled down so that values stay moderate.
inline WeightStore random_weight_store(const Graph& graph, Rng& rng) {
  WeightStore store;
  for (const Value& value : graph.values())
    if (value.role == Role::weight) {
      Tensor tensor(value.type);
      fill_normal(tensor.view(), rng, 0.5);
      store.add(value.name, std::move(tensor));
    }
  return store;
}

}  // namespace pliant
