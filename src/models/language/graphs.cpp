// The graphs of a language model.
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "core/error.h"
#include "graph/blocks.h"
#include "graph/builder.h"
#include "models/language/distill.h"
#include "models/language/rotary.h"
#include "models/language/weights.h"

namespace pliant {
namespace {

using blocks::none;

// Row inputs that attention needs.
struct RowInputs {
  ValueId seq, pos, tag;
};

class Network {
 public:
  // short: the graphs may run with fewer rows
  Network(Builder& builder, const LanguageConfig& config, std::int64_t rows, bool short_runs = true)
      : b_(builder), c_(config), rows_(rows), short_runs_(short_runs) {
    check(config, "language model");
  }
  // Another model on the same rows.
  Network(const Network& other, const LanguageConfig& config)
      : Network(other.b_, config, other.rows_, other.short_runs_) {
    inputs_ = other.inputs_;
  }

  Graph embed() { return finish(embedded(), "hidden"); }

  Graph layers(int first, int last, bool cached) {
    if (first < 0 || last > static_cast<int>(c_.layers.size()) || first >= last)
      throw Error(ErrorKind::invalid, "layers",
                  fmt::format("[{}, {}) of a model of {} layers", first, last, c_.layers.size()));
    return finish(through(hidden_input(), first, last, cached), "hidden");
  }

  Graph head() { return finish(logits(norm(hidden_input(), Part::norm, -1, "norm")), "logits"); }

  Graph loss(double z_loss) {
    const Lost lost = losses();
    b_.output(b_.map(argument(0) + constant(z_loss) * argument(1), {lost.nll, lost.z}, {}, "loss"),
              "loss");
    b_.output(lost.nll, "nll");
    b_.output(lost.z, "z");
    return b_.finish();
  }

  Graph distilled(const LanguageConfig& teacher, double z_loss, const Distillation& how) {
    const Lost lost = losses();
    const ValueId own = logits(lost.hidden);
    const ValueId wanted = [&] {
      const Builder::Scope scope(b_, "teacher");
      return Network(*this, teacher).all_logits();
    }();
    const ValueId far = divergence(own, wanted, lost.target, how.temperature);
    const Expr sum = constant(1 - how.weight) * argument(0) + constant(z_loss) * argument(1) +
                     constant(how.weight * how.temperature * how.temperature) * argument(2);
    b_.output(b_.map(sum, {lost.nll, lost.z, far}, {}, "loss"), "loss");
    b_.output(lost.nll, "nll");
    b_.output(lost.z, "z");
    b_.output(far, "divergence");
    return b_.finish();
  }

 private:
  ValueId logits(ValueId normed) {
    const ValueId plain = blocks::linear(b_, normed, table(), none, "head");
    if (c_.logit_cap == 0) return plain;
    return b_.map(
        constant(c_.logit_cap) * apply(Fn::tanh, {argument(0) * constant(1 / c_.logit_cap)}),
        {plain}, {}, "capped");
  }
  ValueId last_hidden() {  // normed
    const ValueId hidden = through(embedded(), 0, static_cast<int>(c_.layers.size()), false);
    return norm(hidden, Part::norm, -1, "norm");
  }
  ValueId all_logits() { return logits(last_hidden()); }

  // Sums over the rows that have a target.
  struct Lost {
    ValueId hidden, target, nll, z;
  };
  Lost losses() {
    if (c_.logit_cap > 0)
      throw Error(ErrorKind::unsupported, "loss",
                  fmt::format("the model caps its logits at {}", c_.logit_cap),
                  "train a model without a cap of its logits");
    const ValueId hidden = last_hidden(), target = row("target");
    const std::vector<ValueId> lost =
        b_.add(kind::CrossEntropy{}, {hidden, table(), target}, "lost", 2);
    const ValueId nll = total(lost[kind::CrossEntropy::nll], "nll.sum");
    const ValueId denominator = lost[kind::CrossEntropy::logsumexp];
    const ValueId z = total(b_.map(select(has_target(1), argument(0) * argument(0), constant(0)),
                                   {denominator, target}, {}, "z.rows"),
                            "z.sum");
    return {hidden, target, nll, z};
  }
  static Expr has_target(int operand) {
    return apply(Fn::less_equal, {constant(0), argument(operand)});
  }

  // KL(teacher || own) of the distributions at this temperature. With p the teacher's: sum of
  // p (t - s) + log sum exp s - log sum exp t, without a logarithm of a p that may be 0.
  ValueId divergence(ValueId own, ValueId teacher, ValueId target, double temperature) {
    const Expr cooled = argument(0) * constant(1 / temperature);
    const ValueId s = b_.map(cooled, {own}, {}, "distill.own");
    const ValueId t = b_.map(apply(Fn::stop, {cooled}), {teacher}, {}, "distill.teacher");
    const ValueId p = b_.softmax(t, 1, "distill.wanted");
    const ValueId gap =
        b_.reduce(kind::ReduceFn::sum,
                  b_.map(argument(0) * (argument(1) - argument(2)), {p, t, s}, {}, "distill.gaps"),
                  {1}, false, "distill.gap");
    const auto denominator = [&](ValueId x, const char* name) {
      return b_.reduce(kind::ReduceFn::logsumexp, x, {1}, false, name);
    };
    const Expr kl = argument(0) + argument(1) - argument(2);
    return total(b_.map(select(has_target(3), kl, constant(0)),
                        {gap, denominator(s, "distill.own.denominator"),
                         denominator(t, "distill.teacher.denominator"), target},
                        {}, "distill.rows"),
                 "distill.sum");
  }

  // A row input, made at its first use.
  ValueId row(const std::string& name, TensorType type = {DType::i32, {}}) {
    const auto [found, is_new] = inputs_.try_emplace(name, none);
    type.shape.insert(type.shape.begin(), rows_);
    if (is_new) found->second = short_runs_ ? b_.row_input(name, type) : b_.input(name, type);
    return found->second;
  }
  ValueId hidden_input() { return row("hidden", {DType::f32, {c_.width}}); }
  ValueId table() { return weight(c_.tied ? Part::embedding : Part::head); }
  ValueId total(ValueId x, const std::string& name) {
    return b_.reduce(kind::ReduceFn::sum, x, {0}, false, name);
  }

  ValueId embedded() {
    const ValueId ids = row("ids");
    ValueId hidden = b_.gather(weight(Part::embedding), ids, 0, 0, "tokens");
    if (c_.embedding_scale != 1)
      hidden = b_.map(argument(0) * constant(c_.embedding_scale), {hidden}, {}, "tokens.scaled");
    if (!c_.learned_positions) return hidden;
    const ValueId pos = row("pos");
    return blocks::add(b_, hidden, b_.gather(weight(Part::positions), pos, 0, 0, "places"),
                       "placed");
  }

  ValueId through(ValueId hidden, int first, int last, bool cached) {
    const RowInputs rows{row("seq"), row("pos"), row("tag")};
    for (int layer = first; layer < last; ++layer) {
      hidden = attention_block(layer, hidden, rows, cached);
      hidden = ffn_block(layer, hidden);
    }
    return hidden;
  }

  Graph finish(ValueId result, std::string name) {
    b_.output(result, std::move(name));
    return b_.finish();
  }

  // The leaf of a weight, made at its first use; none if the model has no such part. Layers that
  // share have one leaf.
  ValueId weight(Part part, int layer = -1) {
    if (is_layer_part(part))
      if (const int owner = c_.layers[layer].weights_of; owner != -1) layer = owner;
    const auto shape = weight_shape(c_, part, layer);
    if (!shape) return none;
    const std::string name = weight_name(part, layer);
    const auto [found, is_new] = weights_.try_emplace(name, none);
    if (is_new) found->second = b_.weight(name, {DType::f32, *shape});
    return found->second;
  }

  ValueId bias(Part part, int layer) {
    const std::optional<Part> found = bias_of(part);
    return found ? weight(*found, layer) : none;
  }

  ValueId norm_weight(Part part, int layer) {
    const ValueId stored = weight(part, layer);
    return c_.norm_plus_one ? b_.map(argument(0) + constant(1), {stored}, {},
                                     fmt::format("{}.plus_one", b_.value(stored).name))
                            : stored;
  }

  ValueId norm(ValueId x, Part part, int layer, const std::string& name) {
    if (c_.norm == NormKind::rms)
      return blocks::rms_norm(b_, x, norm_weight(part, layer), c_.norm_eps, name);
    return blocks::layer_norm(b_, x, norm_weight(part, layer), bias(part, layer), c_.norm_eps,
                              name);
  }

  struct Projection {
    ValueId weight = none, bias = none;
  };
  Projection projection(Part part, int layer) { return {weight(part, layer), bias(part, layer)}; }
  // A projection that is some rows of a fused one.
  Projection rows_of(const Projection& fused, std::int64_t first, std::int64_t count,
                     const std::string& name) {
    const auto rows = [&](ValueId x, const char* what) {
      return x == none ? none : b_.slice(x, 0, first, count, name + what);
    };
    return {rows(fused.weight, ".rows"), rows(fused.bias, ".bias_rows")};
  }
  ValueId linear(ValueId x, const Projection& p, const std::string& name) {
    return blocks::linear(b_, x, p.weight, p.bias, name);
  }

  ValueId heads(ValueId x, std::int64_t count, const std::string& name) {
    return b_.reshape(x, {rows_, count, c_.head_width}, name + ".heads");
  }

  // q or k: normed, rotated.
  ValueId turned(ValueId x, Part norm_part, int layer, ValueId pos, const std::string& name) {
    if (c_.qk_norm)
      x = blocks::rms_norm(b_, x, norm_weight(norm_part, layer), c_.norm_eps, name + ".normed");
    if (c_.learned_positions) return x;
    const std::int64_t width = c_.rotary_width == 0 ? c_.head_width : c_.rotary_width;
    const auto style = c_.rotary_pairs ? kind::RotaryStyle::pairs : kind::RotaryStyle::halves;
    const kind::Rotary rotary{width, c_.rotary_base, c_.rotary_scaling, style};
    const ValueId factors = rotary_factors();
    x = factors == none ? b_.rotary(x, pos, rotary, name + ".turned")
                        : b_.rotary(x, pos, factors, rotary, name + ".turned");
    return c_.rotary_magnitude == 1 ? x
                                    : blocks::multiply(b_, x, magnitudes(width), name + ".scaled");
  }

  // The divisors of the frequencies, by the context that the model is opened with; none if all are
  // 1.
  ValueId rotary_factors() {
    const std::vector<double>& factors = pliant::rotary_factors(c_);
    if (factors_ == none && !factors.empty())
      factors_ =
          b_.constant(Tensor::of(DType::f32, {std::ssize(factors)}, factors), "rotary.factors");
    return factors_;
  }

  // rotary_magnitude for the rotated dimensions, 1 for the others.
  ValueId magnitudes(std::int64_t rotated) {
    if (magnitudes_ == none) {
      std::vector<double> values(c_.head_width, 1);
      std::fill_n(values.begin(), rotated, c_.rotary_magnitude);
      magnitudes_ =
          b_.constant(Tensor::of(DType::f32, {c_.head_width}, values), "rotary.magnitudes");
    }
    return magnitudes_;
  }

  ValueId attention_block(int layer, ValueId hidden, const RowInputs& rows, bool cached) {
    const LayerConfig& sizes = c_.layers[layer];
    const std::string prefix = fmt::format("layers.{}.attention", layer);
    const ValueId x = norm(hidden, Part::attention_norm, layer, prefix + ".norm");
    const std::int64_t q_rows = sizes.heads * c_.head_width,
                       kv_rows = sizes.kv_heads * c_.head_width;
    Projection q = projection(Part::q, layer), k = projection(Part::k, layer),
               v = projection(Part::v, layer);
    if (c_.fused_qkv) {
      const Projection fused = projection(Part::qkv, layer);
      q = rows_of(fused, 0, q_rows, prefix + ".q");
      k = rows_of(fused, q_rows, kv_rows, prefix + ".k");
      v = rows_of(fused, q_rows + kv_rows, kv_rows, prefix + ".v");
    }
    const auto split = [&](const Projection& p, std::int64_t count, const std::string& name) {
      return heads(linear(x, p, name), count, name);
    };
    const ValueId queries =
        turned(split(q, sizes.heads, prefix + ".q"), Part::q_norm, layer, rows.pos, prefix + ".q");
    const ValueId keys = turned(split(k, sizes.kv_heads, prefix + ".k"), Part::k_norm, layer,
                                rows.pos, prefix + ".k");
    const ValueId values = split(v, sizes.kv_heads, prefix + ".v");
    kind::Attention attention;
    attention.scale = c_.attention_scale == 0 ? 1 / std::sqrt(c_.head_width) : c_.attention_scale;
    attention.window = sizes.window;
    attention.cap = c_.attention_cap;
    attention.cache = cached ? layer : -1;
    const ValueId seen = b_.attention(
        attention, {queries, keys, values, rows.seq, rows.pos, rows.tag}, prefix + ".seen");
    const ValueId joined = b_.reshape(seen, {rows_, q_rows}, prefix + ".joined");
    ValueId out = linear(joined, projection(Part::output, layer), prefix + ".output");
    if (c_.post_norms) out = norm(out, Part::post_attention_norm, layer, prefix + ".post_norm");
    return blocks::add(b_, hidden, out, prefix + ".sum");
  }

  Expr activation(const Expr& x) const {
    switch (c_.activation) {
      case Activation::silu: return apply(Fn::silu, {x});
      case Activation::gelu: return apply(Fn::gelu, {x});
      case Activation::gelu_tanh: return apply(Fn::gelu_tanh, {x});
      case Activation::relu: return maximum(x, constant(0));
    }
    throw Error(ErrorKind::invalid, "activation",
                fmt::format("unknown number {}", static_cast<int>(c_.activation)));
  }

  ValueId ffn_block(int layer, ValueId hidden) {
    const std::int64_t width = c_.layers[layer].ffn;
    const std::string prefix = fmt::format("layers.{}.ffn", layer);
    const ValueId x = norm(hidden, Part::ffn_norm, layer, prefix + ".norm");
    Projection gate = projection(Part::gate, layer), up = projection(Part::up, layer);
    if (c_.fused_gate_up) {
      const Projection fused = projection(Part::gate_up, layer);
      gate = rows_of(fused, 0, width, prefix + ".gate");
      up = rows_of(fused, width, width, prefix + ".up");
    }
    std::vector<ValueId> inner;
    if (c_.gated) inner.push_back(linear(x, gate, prefix + ".gate"));
    inner.push_back(linear(x, up, prefix + ".up"));
    const Expr active = c_.gated ? activation(argument(0)) * argument(1) : activation(argument(0));
    const ValueId wide = b_.map(active, inner, {}, prefix + ".active");
    ValueId out = linear(wide, projection(Part::down, layer), prefix + ".down");
    if (c_.post_norms) out = norm(out, Part::post_ffn_norm, layer, prefix + ".post_norm");
    return blocks::add(b_, hidden, out, prefix + ".sum");
  }

  Builder& b_;
  const LanguageConfig& c_;
  std::int64_t rows_;
  bool short_runs_;
  std::map<std::string, ValueId> inputs_, weights_;
  ValueId magnitudes_ = none, factors_ = none;
};

}  // namespace

Graph embed_graph(const LanguageConfig& config, std::int64_t rows) {
  Builder builder;
  return Network(builder, config, rows).embed();
}

Graph layers_graph(const LanguageConfig& config, int first, int last, std::int64_t rows,
                   bool cached) {
  Builder builder;
  return Network(builder, config, rows).layers(first, last, cached);
}

Graph head_graph(const LanguageConfig& config, std::int64_t rows) {
  Builder builder;
  return Network(builder, config, rows).head();
}

Graph loss_graph(const LanguageConfig& config, std::int64_t rows, double z_loss) {
  Builder builder;
  return Network(builder, config, rows, false).loss(z_loss);
}

double corenet_logged_z_loss(const LanguageConfig& config, double z_loss) {
  return z_loss * std::pow(std::log(static_cast<double>(config.vocabulary)), 2);
}

Graph distill_graph(const LanguageConfig& config, const LanguageConfig& teacher, std::int64_t rows,
                    double z_loss, const Distillation& how) {
  if (teacher.vocabulary != config.vocabulary)
    throw Error(ErrorKind::invalid, "teacher",
                fmt::format("has {} tokens, the model {}", teacher.vocabulary, config.vocabulary),
                "distil from a model of the same tokenizer");
  if (!(how.weight >= 0 && how.weight <= 1) || !(how.temperature > 0 && how.temperature < 1e6))
    throw Error(ErrorKind::invalid, "distillation",
                fmt::format("a weight of {} at temperature {}", how.weight, how.temperature),
                "the weight is from 0 to 1, the temperature above 0");
  Builder builder;
  return Network(builder, config, rows, false).distilled(teacher, z_loss, how);
}

}  // namespace pliant
