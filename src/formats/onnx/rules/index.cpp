// Operators with indices, masks and running sums.
#include <fmt/format.h>

#include <algorithm>

#include "core/checked.h"
#include "formats/onnx/rules/build.h"

namespace pliant::onnx {

namespace {
namespace indexing {

// Indices may count from the end: known ones are corrected now, others when they run.
ValueId from_start(Call& c, int operand, std::int64_t size) {
  if (c.type(operand).dtype != DType::i32 && c.type(operand).dtype != DType::i64)
    c.fail("its index is " + to_string(c.type(operand)));
  const Tensor* known = c.known(operand);
  if (!known) {
    const Expr i = argument(0), end = constant(size);
    return c.b.map(select(apply(Fn::less, {i, constant(0)}), i + end, i), {c.in(operand)},
                   c.type(operand).dtype);
  }
  Tensor index = known->copy();
  bool changed = false;
  for (std::int64_t k = 0; k < elements(index.type().shape); ++k) {
    const std::int64_t at = get_int(index.view(), k);
    if (at < -size || at >= size) c.fail(fmt::format("index {} into an axis of size {}", at, size));
    if (at < 0) set_int(index.view(), k, at + size), changed = true;
  }
  return changed ? c.b.constant(std::move(index)) : c.in(operand);
}

Results gather(Call& c) {
  const int axis = c.axis(c.integer("axis", 0), c.rank(0));
  const std::int64_t size = c.shape(0)[axis];
  return {c.b.gather(c.in(0), from_start(c, 1, size), axis)};
}

std::vector<int> moved_to_end(int axis, int rank) {
  auto order = axis_range(0, rank);
  order.erase(order.begin() + axis);
  order.push_back(axis);
  return order;
}

Results gather_elements(Call& c) {
  const int rank = c.rank(0), axis = c.axis(c.integer("axis", 0), rank);
  if (c.rank(1) != rank) c.fail("its index has another rank");
  ValueId x = c.in(0), index = from_start(c, 1, c.shape(0)[axis]);
  kind::Slice part{Integers(c.shape(0).size(), 0), c.shape(1), Integers(c.shape(0).size(), 1)};
  part.size[axis] = c.shape(0)[axis];
  if (part.size != c.shape(0)) x = c.b.slice(x, part);
  if (axis == rank - 1) return {c.b.gather(x, index, axis, rank - 1)};
  const auto order = moved_to_end(axis, rank);
  std::vector<int> back(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) back[order[i]] = i;
  return {c.b.transpose(
      c.b.gather(c.b.transpose(x, order), c.b.transpose(index, order), rank - 1, rank - 1), back)};
}

// One index per element: the indexed axes are joined and their indices combined.
Results gather_nd(Call& c) {
  const std::int64_t batch_axes = c.integer("batch_dims", 0);
  if (c.rank(1) == 0 || batch_axes < 0 || batch_axes >= c.rank(1))
    c.fail(fmt::format("batch_dims {}", batch_axes));
  const int batch = batch_axes;
  const std::int64_t count = c.shape(1).back();
  if (count < 1 || batch + count > c.rank(0))
    c.fail(fmt::format("{} indices into {}", count, to_string(c.shape(0))));
  const Shape& x = c.shape(0);
  const Shape sizes(x.begin() + batch, x.begin() + batch + count);
  Integers steps(sizes.size(), 1);
  for (std::size_t i = sizes.size(); i-- > 1;)
    steps[i - 1] = checked_multiply(steps[i], sizes[i], c.place());
  Shape joined(x.begin(), x.begin() + batch);
  joined.push_back(elements(sizes));
  joined.insert(joined.end(), x.begin() + batch + count, x.end());
  const Expr i = argument(0), size = argument(1), step = argument(2);
  const ValueId index =
      c.b.map(select(apply(Fn::less, {i, constant(0)}), i + size, i) * step,
              {c.in(1), constant_integers(c.b, sizes), constant_integers(c.b, steps)}, DType::i64);
  const ValueId linear = c.b.reduce(kind::ReduceFn::sum, index, {-1});
  return {c.b.gather(c.b.reshape(c.in(0), joined), linear, batch, batch)};
}

Results one_hot(Call& c) {
  const auto depths = c.known_reals(1, "the depth");
  if (depths.size() != 1 || depths[0] < 1 || depths[0] > 1e9)
    c.fail("its depth is no positive number");
  const auto depth = static_cast<std::int64_t>(depths[0]);
  c.check_size({DType::i64, {depth}});
  const int rank = c.rank(0) + 1, axis = c.axis(c.integer("axis", -1), rank);
  Shape apart = c.shape(0);
  apart.insert(apart.begin() + axis, 1);
  Integers positions(depth);
  for (std::int64_t i = 0; i < depth; ++i) positions[i] = i;
  const ValueId row = along_axis(c.b, constant_integers(c.b, positions), axis, rank);
  if (elements(c.shape(2)) != 2) c.fail("its values are " + to_string(c.type(2)));
  const ValueId off = c.b.reshape(c.b.slice(c.in(2), 0, 0, 1), {}),
                on = c.b.reshape(c.b.slice(c.in(2), 0, 1, 1), {});
  const Expr i = argument(0), end = constant(depth);
  const Expr hit =
      apply(Fn::equal, {select(apply(Fn::less, {i, constant(0)}), i + end, i), argument(1)});
  return {c.b.map(select(hit, argument(3), argument(2)),
                  {c.b.reshape(c.in(0), apart), row, off, on}, c.type(2).dtype)};
}

Results compress(Call& c) {
  const Integers condition = c.known_integers(1, "the condition");
  Integers kept;
  for (std::size_t i = 0; i < condition.size(); ++i)
    if (condition[i] != 0) kept.push_back(i);
  if (c.attribute("axis"))
    return {
        c.b.gather(c.in(0), constant_integers(c.b, kept), c.axis(c.integer("axis", 0), c.rank(0)))};
  return {c.b.gather(c.b.reshape(c.in(0), {-1}), constant_integers(c.b, kept), 0)};
}

Results non_zero(Call& c) {
  const Tensor& x = c.must_know(0, "its operand");
  const auto steps = strides(x.type().shape);
  std::vector<Integers> found(steps.size());
  for (std::int64_t k = 0; k < elements(x.type().shape); ++k) {
    if (get(x.view(), k) == 0) continue;
    for (std::size_t i = 0; i < steps.size(); ++i)
      found[i].push_back(k / steps[i] % x.type().shape[i]);
  }
  const std::int64_t count = found.empty() ? 0 : std::ssize(found[0]);
  Tensor result({DType::i64, {std::ssize(found), count}});
  std::int64_t at = 0;
  for (const auto& row : found)
    for (auto each : row) set_int(result.view(), at++, each);
  return {std::move(result)};
}

// result = x, where position (row, column) is kept, by a mask that is a constant
Results triangle(Call& c) {
  const int rank = c.rank(0);
  if (rank < 2) c.fail("its operand is " + to_string(c.type(0)));
  const std::int64_t shift = c.has(1) ? c.known_integer(1, "the diagonal") : 0;
  const bool upper = c.integer("upper", 1) != 0;
  const std::int64_t rows = c.shape(0)[rank - 2], columns = c.shape(0).back();
  const TensorType type{DType::boolean, {rows, columns}};
  c.check_size(type);
  Tensor mask(type);
  const std::int64_t far = std::clamp(shift, -rows - columns, rows + columns);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      set_int(mask.view(), i * columns + j, upper ? j >= i + far : j <= i + far);
  const Expr kept = select(argument(1), argument(0), constant(0));
  return {c.b.map(kept, {c.in(0), c.b.constant(std::move(mask))}, c.type(0).dtype)};
}

Results running_sum(Call& c) {
  const auto axes = c.known_integers(1, "the axis");
  if (axes.size() != 1) c.fail("its axis is no scalar");
  const int axis = c.axis(axes[0], c.rank(0));
  const std::int64_t size = c.shape(0)[axis];
  const bool exclusive = c.integer("exclusive", 0) != 0, reverse = c.integer("reverse", 0) != 0;
  const TensorType type{c.type(0).dtype, {size, size}};
  c.check_size(type);
  Tensor sums(type);  // [from, to]
  for (std::int64_t i = 0; i < size; ++i)
    for (std::int64_t j = 0; j < size; ++j) {
      const bool before = reverse ? i > j : i < j;
      set(sums.view(), i * size + j, before || (!exclusive && i == j));
    }
  std::string from, to;
  for (int i = 0; i < c.rank(0); ++i) from += static_cast<char>('a' + i);
  to = from, to[axis] = 'z';
  const std::string notation = fmt::format("{},{}z->{}", from, from[axis], to);
  return {c.b.einsum(notation, {c.in(0), c.b.constant(std::move(sums))})};
}

constexpr RuleEntry rules[] = {
    {"Compress", compress},  {"CumSum", running_sum},
    {"Gather", gather},      {"GatherElements", gather_elements},
    {"GatherND", gather_nd}, {"NonZero", non_zero},
    {"OneHot", one_hot},     {"Trilu", triangle},
};

}  // namespace indexing
}  // namespace

std::span<const RuleEntry> index_rules() { return indexing::rules; }

}  // namespace pliant::onnx
