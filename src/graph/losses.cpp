#include "graph/losses.h"

#include <fmt/format.h>

#include "core/error.h"

namespace pliant::blocks {
namespace {

ValueId log_softmax(Builder& b, ValueId logits, const std::string& name) {
  const ValueId all = b.reduce(kind::ReduceFn::logsumexp, logits, {1}, true, name + ".all");
  return b.map(argument(0) - argument(1), {logits, all}, {}, name + ".log");
}

struct Divergence {
  ValueId value, surrogate;  // per row; the second has the gradient
};

Divergence divergence(Builder& b, ValueId log_q, ValueId target, double alpha, double clip,
                      const std::string& name) {
  const Expr log = argument(0), p = argument(1), q = apply(Fn::exp, {log});
  // what a target of 0 leaves finite
  const Expr log_ratio = apply(Fn::log, {maximum(p, constant(1e-30))}) - log;
  Expr value, weight;
  if (alpha == 1) {
    value = p * log_ratio;
    weight = p;
  } else {
    const Expr ratio = minimum(constant(clip), apply(Fn::exp, {constant(alpha) * log_ratio}));
    value = q * (ratio - constant(1)) * constant(1 / (alpha * (alpha - 1)));
    weight = q * ratio * constant(1 / alpha);
  }
  const Expr surrogate = constant(-1) * apply(Fn::stop, {weight}) * log;
  const auto sum = [&](const Expr& each, const std::string& what) {
    const ValueId terms = b.map(each, {log_q, target}, {}, name + what + ".terms");
    return b.reduce(kind::ReduceFn::sum, terms, {1}, false, name + what);
  };
  return {sum(value, ".value"), sum(surrogate, ".surrogate")};
}

}  // namespace

ValueId soft_cross_entropy(Builder& b, ValueId logits, ValueId target, std::string name) {
  if (name.empty()) name = "soft_cross_entropy";
  const ValueId log_q = log_softmax(b, logits, name);
  const ValueId terms =
      b.map(constant(-1) * argument(0) * argument(1), {target, log_q}, {}, name + ".terms");
  return b.reduce(kind::ReduceFn::sum, terms, {1}, false, std::move(name));
}

ValueId alpha_divergence(Builder& b, ValueId logits, ValueId target, const AlphaOptions& options,
                         std::string name) {
  if (name.empty()) name = "alpha_divergence";
  if (options.low == 0 || options.high == 0 || !(options.low <= options.high))
    throw Error(ErrorKind::invalid, name,
                fmt::format("no divergence is for alphas of {} and {}", options.low, options.high),
                "take a negative and a positive one");
  const ValueId log_q = log_softmax(b, logits, name);
  const Divergence low = divergence(b, log_q, target, options.low, options.clip, name + ".low"),
                   high = divergence(b, log_q, target, options.high, options.clip, name + ".high");
  // The value of the divergence with the gradient of its surrogate.
  const Expr first = apply(Fn::less, {argument(2), argument(0)});
  const Expr value = apply(Fn::stop, {select(first, argument(0), argument(2))}),
             surrogate = select(first, argument(1), argument(3));
  return b.map(value + surrogate - apply(Fn::stop, {surrogate}),
               {low.value, low.surrogate, high.value, high.surrogate}, {}, std::move(name));
}

}  // namespace pliant::blocks
