// Losses over class scores [N, C, d...] with integer targets [N, d...].
#include <fmt/format.h>

#include "formats/onnx/rules/build.h"

namespace pliant::onnx {

namespace {
namespace loss {

struct Losses {
  ValueId each;    // [N, d...], already weighted, 0 where ignored
  ValueId weight;  // [N, d...]
};

Losses picked(Call& c, ValueId log_probability, bool ignores, std::int64_t ignored) {
  const int rank = c.rank(0);
  if (rank < 2 || c.rank(1) != rank - 1)
    c.fail(fmt::format("targets {} for {}", to_string(c.type(1)), to_string(c.type(0))));
  const DType dtype = c.type(0).dtype;
  const Expr target = argument(0);
  const Expr is_ignored = ignores ? apply(Fn::equal, {target, constant(ignored)}) : constant(0);
  const ValueId safe = c.b.map(select(is_ignored, constant(0), target), {c.in(1)}, DType::i64);
  std::vector<int> order{0};
  for (int i = 2; i < rank; ++i) order.push_back(i);
  order.push_back(1);
  Shape column = c.shape(1);
  column.push_back(1);
  const ValueId last = rank == 2 ? log_probability : c.b.transpose(log_probability, order);
  const ValueId chosen =
      c.b.reshape(c.b.gather(last, c.b.reshape(safe, column), rank - 1, rank - 1), c.shape(1));
  const ValueId class_weight = c.has(2) ? c.b.gather(c.in(2), safe, 0) : c.b.scalar(1, dtype);
  const ValueId weight =
      c.b.map(select(is_ignored, constant(0), argument(1)), {c.in(1), class_weight}, dtype);
  return {c.b.map(unary(Fn::negate, argument(0) * argument(1)), {chosen, weight}, dtype), weight};
}

ValueId combined(Call& c, const Losses& losses) {
  const std::string how = c.text("reduction", "mean");
  if (how == "none") return losses.each;
  const auto total = [&](ValueId x) {
    return c.b.reduce(kind::ReduceFn::sum, x, axis_range(0, c.rank(1)));
  };
  if (how == "sum") return total(losses.each);
  if (how != "mean") c.fail("reduction is '" + how + "'");
  return c.b.map(argument(0) / argument(1), {total(losses.each), total(losses.weight)},
                 c.type(0).dtype);
}

Results negative_log_likelihood(Call& c) {
  return {
      combined(c, picked(c, c.in(0), c.attribute("ignore_index"), c.integer("ignore_index", 0)))};
}

Results softmax_cross_entropy(Call& c) {
  if (c.rank(0) < 2) c.fail("its scores are " + to_string(c.type(0)));
  const ValueId total = c.b.reduce(kind::ReduceFn::logsumexp, c.in(0), {1}, true);
  const ValueId log_probability =
      c.b.map(argument(0) - argument(1), {c.in(0), total}, c.type(0).dtype);
  return {combined(c, picked(c, log_probability, c.attribute("ignore_index"),
                             c.integer("ignore_index", 0))),
          log_probability};
}

constexpr RuleEntry rules[] = {{"NegativeLogLikelihoodLoss", negative_log_likelihood},
                               {"SoftmaxCrossEntropyLoss", softmax_cross_entropy}};

}  // namespace loss
}  // namespace

std::span<const RuleEntry> loss_rules() { return loss::rules; }

}  // namespace pliant::onnx
