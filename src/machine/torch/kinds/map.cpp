// Map: the expression, instruction by instruction, on whole tensors.
#include <array>
#include <cmath>

#include "machine/torch/kinds/compute.h"
#include "machine/torch/kinds/values.h"

namespace pliant::aten {
namespace {

class Arithmetic {
 public:
  Arithmetic(const Expr& expr, const Call& call) : expr_(expr), call_(call) {
    bool wide = call.result().dtype == DType::f64;
    for (std::size_t i = 0; i < call.in.size(); ++i) wide = wide || call.dtype(i) == DType::f64;
    type_ = wide ? at::kDouble : at::kFloat;
    device_ = call.in.empty() ? at::Device(at::kCPU) : call.in[0].device();
  }

  at::Tensor run() {
    for (const Instruction& each : expr_.code) values_.push_back(step(each));
    return values_.back();
  }

 private:
  at::Tensor step(const Instruction& at) const {
    switch (arity(at.fn)) {
      case 0: return leaf(at);
      case 1: return unary(at.fn, values_[at.a]);
      case 2: return binary(at.fn, values_[at.a], values_[at.b]);
      default: return at::where(values_[at.a].ne(0), values_[at.b], values_[at.c]);
    }
  }

  at::Tensor leaf(const Instruction& at) const {
    if (at.fn == Fn::argument) return call_.real(at.a).to(type_);
    return at::scalar_tensor(at.value, at::TensorOptions().dtype(type_).device(device_));
  }

  at::Tensor truth(const at::Tensor& boolean) const { return boolean.to(type_); }

  at::Tensor binary(Fn fn, const at::Tensor& a, const at::Tensor& b) const {
    switch (fn) {
      case Fn::add: return a + b;
      case Fn::subtract: return a - b;
      case Fn::multiply: return a * b;
      case Fn::divide: return a / b;
      case Fn::minimum: return at::where(b.lt(a), b, a);
      case Fn::maximum: return at::where(b.gt(a), b, a);
      case Fn::power: return a.pow(b);
      case Fn::modulo: return a.fmod(b);
      case Fn::equal: return truth(a.eq(b));
      case Fn::less: return truth(a.lt(b));
      case Fn::less_equal: return truth(a.le(b));
      case Fn::and_: return truth(a.ne(0).logical_and(b.ne(0)));
      default: return truth(a.ne(0).logical_or(b.ne(0)));
    }
  }

  at::Tensor unary(Fn fn, const at::Tensor& x) const {
    switch (fn) {
      case Fn::negate: return x.neg();
      case Fn::absolute: return x.abs();
      case Fn::sign: return at::where(x.isnan(), x, x.sign());
      case Fn::reciprocal: return x.reciprocal();
      case Fn::sqrt: return x.sqrt();
      case Fn::rsqrt: return x.rsqrt();
      case Fn::exp: return x.exp();
      case Fn::log: return x.log();
      case Fn::sin: return x.sin();
      case Fn::cos: return x.cos();
      case Fn::tanh: return x.tanh();
      case Fn::erf: return x.erf();
      case Fn::sigmoid: return x.sigmoid();
      case Fn::silu: return at::silu(x);
      case Fn::gelu: return at::gelu(x);
      case Fn::gelu_tanh: return at::gelu(x, "tanh");
      case Fn::floor: return x.floor();
      case Fn::ceil: return x.ceil();
      case Fn::round_even: return x.round();
      case Fn::truncate: return x.trunc();
      case Fn::not_: return truth(x.eq(0));
      case Fn::is_nan: return truth(x.isnan());
      default: return x.detach();  // stop
    }
  }

  const Expr& expr_;
  const Call& call_;
  at::ScalarType type_ = at::kFloat;
  at::Device device_ = at::kCPU;
  std::vector<at::Tensor> values_;
};

}  // namespace

Tensors compute(const kind::Map& kind, const Call& call) {
  const at::Tensor result = Arithmetic(kind.expr, call).run();
  // an expression without arguments, or with some of them only, may be smaller than the result
  return {call.held(result.expand(call.result().shape))};
}

}  // namespace pliant::aten
