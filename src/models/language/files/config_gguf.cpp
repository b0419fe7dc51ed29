// The metadata of GGUF files, of the architectures that we have.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "models/language/files/load.h"

namespace pliant {
namespace {

class Reader {
 public:
  Reader(const Gguf& file, std::string_view place)
      : file_(file), place_(place), architecture_(file.text("general.architecture")) {}

  LanguageConfig read() {
    config_.family = family();
    sizes();
    norms();
    rotary();
    special();
    shared();
    check(config_, place_);
    return std::move(config_);
  }

 private:
  [[noreturn]] void fail(ErrorKind kind, std::string problem) const {
    throw Error(kind, std::string(place_), std::move(problem));
  }

  std::string key(std::string_view name) const { return fmt::format("{}.{}", architecture_, name); }
  bool has(std::string_view name) const { return file_.find(key(name)) != nullptr; }
  std::int64_t integer(std::string_view name) const { return file_.integer(key(name)); }
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const {
    return has(name) ? integer(name) : otherwise;
  }
  double number(std::string_view name, double otherwise) const {
    return has(name) ? file_.number(key(name)) : otherwise;
  }

  const GgufTensor* tensor(std::string_view name) const {
    for (const GgufTensor& each : file_.tensors)
      if (each.name == name) return &each;
    return nullptr;
  }
  bool has_tensor(std::string_view name) const { return tensor(name) != nullptr; }

  Family family() const {
    for (int i = 0; i <= static_cast<int>(Family::gpt2); ++i)
      if (name(static_cast<Family>(i)) == architecture_) return static_cast<Family>(i);
    throw Error(ErrorKind::unsupported, std::string(place_),
                fmt::format("architecture \"{}\"", architecture_),
                "read are: openelm, llama, qwen2, qwen3, gemma2, phi3, gpt2");
  }

  // One number per layer: an array, or one for all.
  std::vector<std::int64_t> per_layer(std::string_view name, std::size_t layers) const {
    std::vector<std::int64_t> values = file_.integers(key(name));
    const bool single = file_.find(key(name))->index() != GgufValue(GgufArray{}).index();
    if (single) values.assign(layers, values.at(0));
    if (values.size() != layers)
      fail(ErrorKind::invalid,
           fmt::format("'{}' has {} entries for {} layers", key(name), values.size(), layers));
    return values;
  }

  void sizes() {
    config_.width = integer("embedding_length");
    config_.context = integer("context_length");
    const std::int64_t count = integer("block_count");
    if (count < 1 || count > max_layers)
      fail(ErrorKind::invalid,
           fmt::format("'{}' is {}, from 1 to {} expected", key("block_count"), count, max_layers));
    const std::size_t layers = count;
    const auto heads = per_layer("attention.head_count", layers),
               ffn = per_layer("feed_forward_length", layers);
    const auto kv_heads =
        has("attention.head_count_kv") ? per_layer("attention.head_count_kv", layers) : heads;
    for (std::size_t i = 0; i < layers; ++i)
      config_.layers.push_back({.heads = heads[i], .kv_heads = kv_heads[i], .ffn = ffn[i]});
    if (heads[0] < 1) fail(ErrorKind::invalid, fmt::format("layer 0 has {} heads", heads[0]));
    config_.head_width = integer("attention.key_length", config_.width / heads[0]);
    if (const std::int64_t values = integer("attention.value_length", config_.head_width);
        values != config_.head_width)
      fail(ErrorKind::unsupported,
           fmt::format("heads of {} for keys and {} for values", config_.head_width, values));
    vocabulary();
  }

  void vocabulary() {
    const GgufTensor* table = tensor("token_embd.weight");
    if (table == nullptr) fail(ErrorKind::not_found, "has no tensor 'token_embd.weight'");
    if (table->stored.type.shape.size() != 2)
      fail(ErrorKind::invalid,
           fmt::format("'token_embd.weight' is {}", to_string(table->stored.type.shape)));
    config_.vocabulary = table->stored.type.shape[0];
    if (has("vocab_size") && integer("vocab_size") != config_.vocabulary)
      fail(ErrorKind::invalid,
           fmt::format("'{}' is {}, 'token_embd.weight' has {} rows", key("vocab_size"),
                       integer("vocab_size"), config_.vocabulary));
    config_.tied = !has_tensor("output.weight");
  }

  void norms() {
    const bool layer_norm = config_.family == Family::gpt2;
    config_.norm = layer_norm ? NormKind::layer : NormKind::rms;
    config_.norm_eps = number(
        layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", 1e-5);
    config_.qk_norm = has_tensor("blk.0.attn_q_norm.weight");
    config_.fused_qkv = has_tensor("blk.0.attn_qkv.weight");
    config_.qkv_bias = has_tensor(config_.fused_qkv ? "blk.0.attn_qkv.bias" : "blk.0.attn_q.bias");
    config_.output_bias = has_tensor("blk.0.attn_output.bias");
    config_.ffn_bias = has_tensor("blk.0.ffn_up.bias");
  }

  std::vector<double> factors(std::string_view name) const {
    const GgufTensor* found = tensor(name);
    if (found == nullptr) return {};
    const Stored& stored = found->stored;
    if (stored.type.dtype != DType::f32 || stored.type.shape.size() != 1 ||
        stored.type.shape[0] > 1 << 14)
      fail(ErrorKind::invalid,
           fmt::format("'{}' is {}, a short list of f32 expected", name, to_string(stored.type)));
    const Tensor values = decode(stored);
    std::vector<double> result;
    for (std::int64_t i = 0; i < stored.type.shape[0]; ++i) result.push_back(get(values.view(), i));
    return result;
  }

  void rotary() {
    // its converters permute the rows of q and k
    config_.rotary_pairs = config_.family == Family::llama;
    config_.rotary_base = number("rope.freq_base", 10000);
    const std::int64_t width = integer("rope.dimension_count", config_.head_width);
    if (width != config_.head_width) config_.rotary_width = width;
    config_.rotary_factors = factors("rope_freqs.weight");
    const std::string kind =
        has("rope.scaling.type") ? file_.text(key("rope.scaling.type")) : "none";
    if (kind == "linear") config_.rotary_scaling = 1 / number("rope.scaling.factor", 1);
    else if (kind == "longrope" || has_tensor("rope_factors_long.weight")) longrope();
    else if (kind != "none")
      fail(ErrorKind::unsupported, fmt::format("rotary scaling \"{}\"", kind));
  }

  void longrope() {
    for (const char* each : {"rope_factors_long.weight", "rope_factors_short.weight"})
      if (!has_tensor(each))
        fail(ErrorKind::invalid, fmt::format("rotary scaling \"longrope\" without '{}'", each));
    config_.rotary_factors = factors("rope_factors_long.weight");
    config_.rotary_short_factors = factors("rope_factors_short.weight");
    config_.rotary_short_context = integer("rope.scaling.original_context_length", 0);
    config_.rotary_magnitude = number("rope.scaling.attn_factor", 1);
  }

  void gemma2() {
    config_.post_norms = true;
    config_.activation = Activation::gelu_tanh;
    config_.embedding_scale = std::sqrt(config_.width);
    // The largest of the three models scales by the width per head, the others by the head's.
    const bool largest = config_.layers.size() == 46;
    const std::int64_t scaled =
        largest ? config_.width / config_.layers[0].heads : config_.head_width;
    config_.attention_scale = number("attention.scale", 1 / std::sqrt(scaled));
    config_.attention_cap = number("attn_logit_softcapping", 0);
    config_.logit_cap = number("final_logit_softcapping", 0);
    for (std::size_t i = 0; i < config_.layers.size(); i += 2)
      config_.layers[i].window = integer("attention.sliding_window", 0);
  }

  void special() {
    if (config_.family == Family::gemma2) gemma2();
    if (config_.family == Family::phi3) {
      config_.fused_gate_up = true;
      for (LayerConfig& layer : config_.layers)
        layer.window = integer("attention.sliding_window", 0);
    }
    if (config_.family == Family::gpt2) {
      config_.learned_positions = true;
      config_.gated = false;
      config_.activation = Activation::gelu_tanh;
    }
  }

  void shared() {
    if (file_.find(weights_of_key) == nullptr) return;
    const std::vector<std::int64_t> owners = file_.integers(weights_of_key);
    if (owners.size() != config_.layers.size())
      fail(ErrorKind::invalid, fmt::format("'{}' names {} layers of {}", weights_of_key,
                                           owners.size(), config_.layers.size()));
    for (std::size_t i = 0; i < owners.size(); ++i) {
      if (owners[i] < -1 || owners[i] >= max_layers)
        fail(ErrorKind::invalid, fmt::format("'{}' has {}", weights_of_key, owners[i]));
      config_.layers[i].weights_of = static_cast<int>(owners[i]);
    }
  }

  static constexpr std::string_view weights_of_key = "pliant.weights_of";

  const Gguf& file_;
  std::string_view place_;
  std::string architecture_;
  LanguageConfig config_;
};

}  // namespace

LanguageConfig config_from_gguf(const Gguf& file, std::string_view place) {
  try {
    return Reader(file, place).read();
  } catch (const Error& error) {
    if (error.place().starts_with(place)) throw;
    throw Error(error.kind(), fmt::format("{}: {}", place, error.place()), error.problem(),
                error.next_step());
  }
}

}  // namespace pliant
