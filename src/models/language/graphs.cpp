// The graphs of a language model.
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "core/error.h"
#include "graph/blocks.h"
#include "graph/builder.h"
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
  Network(const LanguageConfig& config, std::int64_t rows, bool short_runs = true)
      : c_(config), rows_(rows), short_runs_(short_runs) {
    check(config, "language model");
  }

  Graph embed() { return finish(embedded(), "hidden"); }

  Graph layers(int first, int last, bool cached) {
    if (first < 0 || last > static_cast<int>(c_.layers.size()) || first >= last)
      throw Error(ErrorKind::invalid, "layers",
                  fmt::format("[{}, {}) of a model of {} layers", first, last, c_.layers.size()));
    return finish(through(hidden_input(), first, last, cached), "hidden");
  }

  Graph head() {
    const ValueId normed = norm(hidden_input(), Part::norm, -1, "norm");
    ValueId logits = blocks::linear(b_, normed, table(), none, "head");
    if (c_.logit_cap > 0)
      logits = b_.map(
          constant(c_.logit_cap) * apply(Fn::tanh, {argument(0) * constant(1 / c_.logit_cap)}),
          {logits}, {}, "capped");
    return finish(logits, "logits");
  }

  Graph loss(double z_loss) {
    if (c_.logit_cap > 0)
      throw Error(ErrorKind::unsupported, "loss",
                  fmt::format("the model caps its logits at {}", c_.logit_cap),
                  "train a model without a cap of its logits");
    const ValueId hidden = through(embedded(), 0, static_cast<int>(c_.layers.size()), false);
    const ValueId target = row("target");
    const std::vector<ValueId> lost = b_.add(
        kind::CrossEntropy{}, {norm(hidden, Part::norm, -1, "norm"), table(), target}, "lost", 2);
    const ValueId nll = total(lost[kind::CrossEntropy::nll], "nll.sum");
    const ValueId denominator = lost[kind::CrossEntropy::logsumexp];
    const Expr counts = apply(Fn::less_equal, {constant(0), argument(1)});
    const ValueId z = total(b_.map(select(counts, argument(0) * argument(0), constant(0)),
                                   {denominator, target}, {}, "z.rows"),
                            "z.sum");
    b_.output(b_.map(argument(0) + constant(z_loss) * argument(1), {nll, z}, {}, "loss"), "loss");
    b_.output(nll, "nll");
    b_.output(z, "z");
    return b_.finish();
  }

 private:
  // A row input, made at its first use.
  ValueId row(const std::string& name, TensorType type = {DType::i32, {}}) {
    const auto [found, is_new] = leaves_.try_emplace(name, none);
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
    const auto [found, is_new] = leaves_.try_emplace(name, none);
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
    const bool is_short = c_.context <= c_.rotary_short_context && !c_.rotary_short_factors.empty();
    const std::vector<double>& factors = is_short ? c_.rotary_short_factors : c_.rotary_factors;
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

  const LanguageConfig& c_;
  std::int64_t rows_;
  bool short_runs_;
  Builder b_;
  std::map<std::string, ValueId> leaves_;
  ValueId magnitudes_ = none, factors_ = none;
};

}  // namespace

Graph embed_graph(const LanguageConfig& config, std::int64_t rows) {
  return Network(config, rows).embed();
}

Graph layers_graph(const LanguageConfig& config, int first, int last, std::int64_t rows,
                   bool cached) {
  return Network(config, rows).layers(first, last, cached);
}

Graph head_graph(const LanguageConfig& config, std::int64_t rows) {
  return Network(config, rows).head();
}

Graph loss_graph(const LanguageConfig& config, std::int64_t rows, double z_loss) {
  return Network(config, rows, false).loss(z_loss);
}

}  // namespace pliant
