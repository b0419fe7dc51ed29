#include <numeric>
#include <string>

#include "graph/passes/passes.h"
#include "graph/passes/rebuild.h"

namespace pliant {
namespace {

std::string_view name(Statistic statistic) {
  switch (statistic) {
    case Statistic::value: return "value";
    case Statistic::max_abs: return "max_abs";
    case Statistic::sum_of_squares: return "sum_of_squares";
    case Statistic::gram: return "gram";
  }
  return "";
}

// [everything before, last axis]
Shape as_matrix(const Shape& shape) {
  if (shape.empty()) return {1, 1};
  const std::int64_t width = shape.back();
  return {width == 0 ? 0 : elements(shape) / width, width};
}

ValueId measure(Builder& b, ValueId x, Statistic statistic) {
  if (statistic == Statistic::value) return x;
  const DType dtype = b.type(x).dtype == DType::f64 ? DType::f64 : DType::f32;
  const ValueId matrix = b.reshape(x, as_matrix(b.shape(x)));
  if (statistic == Statistic::gram) {
    const ValueId wide = b.cast(matrix, dtype);
    return b.einsum("md,me->de", {wide, wide});
  }
  const bool most = statistic == Statistic::max_abs;
  const Expr expr = most ? apply(Fn::absolute, {argument(0)}) : argument(0) * argument(0);
  return b.reduce(most ? kind::ReduceFn::max : kind::ReduceFn::sum, b.map(expr, {matrix}, dtype),
                  {0});
}

}  // namespace

Graph observe(const Graph& graph, const std::vector<ValueId>& values, Statistic statistic) {
  Rebuild rebuild(graph, statistic == Statistic::value);
  rebuild.values([](const Op&) { return false; });
  rebuild.outputs();
  for (const ValueId id : values) {
    const std::string wanted = graph.value(id).name + "." + std::string(name(statistic));
    const Builder::Scope scope(rebuild.builder, "observe");
    rebuild.builder.output(measure(rebuild.builder, rebuild.now(id), statistic), wanted);
  }
  return rebuild.builder.finish();
}

}  // namespace pliant
