#include "models/language/weights.h"

#include <fmt/format.h>

#include "core/error.h"
#include "models/language/part_table.h"

namespace pliant {
namespace {

// three of Hugging Face files, and GGUF files
enum Scheme : std::size_t { llama, openelm, gpt2, gguf, schemes };

// One line per weight: its name here, in Hugging Face files of the three name families, and in GGUF
// files.
constexpr PartTable<Part, schemes, part_count> names{{
    {Part::embedding,
     "embedding.weight",
     {"model.embed_tokens.weight", "transformer.token_embeddings.weight", "transformer.wte.weight",
      "token_embd.weight"}},
    {Part::positions,
     "positions.weight",
     {"", "", "transformer.wpe.weight", "position_embd.weight"}},
    {Part::norm,
     "norm.weight",
     {"model.norm.weight", "transformer.norm.weight", "transformer.ln_f.weight",
      "output_norm.weight"}},
    {Part::norm_bias, "norm.bias", {"", "", "transformer.ln_f.bias", "output_norm.bias"}},
    {Part::head,
     "head.weight",
     {"lm_head.weight", "lm_head.weight", "lm_head.weight", "output.weight"}},
    {Part::attention_norm,
     "attention.norm.weight",
     {"input_layernorm.weight", "attn_norm.weight", "ln_1.weight", "attn_norm.weight"}},
    {Part::attention_norm_bias, "attention.norm.bias", {"", "", "ln_1.bias", "attn_norm.bias"}},
    {Part::q, "attention.q.weight", {"self_attn.q_proj.weight", "", "", "attn_q.weight"}},
    {Part::q_bias, "attention.q.bias", {"self_attn.q_proj.bias", "", "", "attn_q.bias"}},
    {Part::k, "attention.k.weight", {"self_attn.k_proj.weight", "", "", "attn_k.weight"}},
    {Part::k_bias, "attention.k.bias", {"self_attn.k_proj.bias", "", "", "attn_k.bias"}},
    {Part::v, "attention.v.weight", {"self_attn.v_proj.weight", "", "", "attn_v.weight"}},
    {Part::v_bias, "attention.v.bias", {"self_attn.v_proj.bias", "", "", "attn_v.bias"}},
    {Part::qkv,
     "attention.qkv.weight",
     {"self_attn.qkv_proj.weight", "attn.qkv_proj.weight", "attn.c_attn.weight",
      "attn_qkv.weight"}},
    {Part::qkv_bias, "attention.qkv.bias", {"", "", "attn.c_attn.bias", "attn_qkv.bias"}},
    {Part::q_norm,
     "attention.q_norm.weight",
     {"self_attn.q_norm.weight", "attn.q_norm.weight", "", "attn_q_norm.weight"}},
    {Part::k_norm,
     "attention.k_norm.weight",
     {"self_attn.k_norm.weight", "attn.k_norm.weight", "", "attn_k_norm.weight"}},
    {Part::output,
     "attention.output.weight",
     {"self_attn.o_proj.weight", "attn.out_proj.weight", "attn.c_proj.weight",
      "attn_output.weight"}},
    {Part::output_bias,
     "attention.output.bias",
     {"self_attn.o_proj.bias", "", "attn.c_proj.bias", "attn_output.bias"}},
    {Part::post_attention_norm,
     "attention.post_norm.weight",
     {"post_attention_layernorm.weight", "", "", "post_attention_norm.weight"}},
    {Part::ffn_norm,
     "ffn.norm.weight",
     {"post_attention_layernorm.weight", "ffn_norm.weight", "ln_2.weight", "ffn_norm.weight"}},
    {Part::ffn_norm_bias, "ffn.norm.bias", {"", "", "ln_2.bias", "ffn_norm.bias"}},
    {Part::gate,
     "ffn.gate.weight",
     {"mlp.gate_proj.weight", "ffn.proj_1.weight", "", "ffn_gate.weight"}},
    {Part::gate_bias, "ffn.gate.bias", {"mlp.gate_proj.bias", "", "", "ffn_gate.bias"}},
    {Part::up,
     "ffn.up.weight",
     {"mlp.up_proj.weight", "ffn.proj_1.weight", "mlp.c_fc.weight", "ffn_up.weight"}},
    {Part::up_bias, "ffn.up.bias", {"mlp.up_proj.bias", "", "mlp.c_fc.bias", "ffn_up.bias"}},
    {Part::gate_up, "ffn.gate_up.weight", {"mlp.gate_up_proj.weight", "", "", "ffn_up.weight"}},
    {Part::gate_up_bias, "ffn.gate_up.bias", {"", "", "", "ffn_up.bias"}},
    {Part::down,
     "ffn.down.weight",
     {"mlp.down_proj.weight", "ffn.proj_2.weight", "mlp.c_proj.weight", "ffn_down.weight"}},
    {Part::down_bias,
     "ffn.down.bias",
     {"mlp.down_proj.bias", "", "mlp.c_proj.bias", "ffn_down.bias"}},
    {Part::post_ffn_norm,
     "ffn.post_norm.weight",
     {"post_feedforward_layernorm.weight", "", "", "post_ffw_norm.weight"}},
}};

std::string_view hugging_face_name(const LanguageConfig& config, Part part) {
  if (config.family == Family::openelm) return names[part].in_file[openelm];
  if (config.family == Family::gpt2) return names[part].in_file[gpt2];
  // With post norms, Gemma's name for the norm before the FFN is another one than Llama's.
  if (config.post_norms && part == Part::ffn_norm) return "pre_feedforward_layernorm.weight";
  return names[part].in_file[llama];
}

std::string_view hugging_face_prefix(const LanguageConfig& config) {
  if (config.family == Family::openelm) return "transformer.layers";
  return config.family == Family::gpt2 ? "transformer.h" : "model.layers";
}

Shape matrix(std::int64_t out, std::int64_t in) { return {out, in}; }

std::optional<Shape> model_shape(const LanguageConfig& c, Part part) {
  switch (part) {
    case Part::embedding: return matrix(c.vocabulary, c.width);
    case Part::positions:
      return c.learned_positions ? std::optional(matrix(c.context, c.width)) : std::nullopt;
    case Part::norm: return Shape{c.width};
    case Part::norm_bias:
      return c.norm == NormKind::layer ? std::optional(Shape{c.width}) : std::nullopt;
    case Part::head: return c.tied ? std::nullopt : std::optional(matrix(c.vocabulary, c.width));
    default: return {};
  }
}

// Rows of the weight that a bias belongs to, or the matrix itself.
std::optional<std::int64_t> attention_rows(const LanguageConfig& c, const LayerConfig& layer,
                                           Part part) {
  const std::int64_t q = layer.heads * c.head_width, kv = layer.kv_heads * c.head_width;
  switch (part) {
    case Part::q:
    case Part::q_bias: return c.fused_qkv ? std::nullopt : std::optional(q);
    case Part::k:
    case Part::k_bias:
    case Part::v:
    case Part::v_bias: return c.fused_qkv ? std::nullopt : std::optional(kv);
    case Part::qkv:
    case Part::qkv_bias: return c.fused_qkv ? std::optional(q + 2 * kv) : std::nullopt;
    default: return {};
  }
}

std::optional<Shape> attention_shape(const LanguageConfig& c, const LayerConfig& layer, Part part) {
  const auto rows = attention_rows(c, layer, part);
  switch (part) {
    case Part::attention_norm: return Shape{c.width};
    case Part::attention_norm_bias:
      return c.norm == NormKind::layer ? std::optional(Shape{c.width}) : std::nullopt;
    case Part::q:
    case Part::k:
    case Part::v:
    case Part::qkv: return rows ? std::optional(matrix(*rows, c.width)) : std::nullopt;
    case Part::q_bias:
    case Part::k_bias:
    case Part::v_bias:
    case Part::qkv_bias: return rows && c.qkv_bias ? std::optional(Shape{*rows}) : std::nullopt;
    case Part::q_norm:
    case Part::k_norm: return c.qk_norm ? std::optional(Shape{c.head_width}) : std::nullopt;
    case Part::output: return matrix(c.width, layer.heads * c.head_width);
    case Part::output_bias: return c.output_bias ? std::optional(Shape{c.width}) : std::nullopt;
    case Part::post_attention_norm:
      return c.post_norms ? std::optional(Shape{c.width}) : std::nullopt;
    default: return {};
  }
}

std::optional<Shape> ffn_shape(const LanguageConfig& c, const LayerConfig& layer, Part part) {
  const bool gate = c.gated && !c.fused_gate_up, up = !c.fused_gate_up;
  const auto when = [](bool condition, Shape shape) {
    return condition ? std::optional(std::move(shape)) : std::nullopt;
  };
  switch (part) {
    case Part::ffn_norm: return Shape{c.width};
    case Part::ffn_norm_bias: return when(c.norm == NormKind::layer, {c.width});
    case Part::gate: return when(gate, matrix(layer.ffn, c.width));
    case Part::gate_bias: return when(gate && c.ffn_bias, {layer.ffn});
    case Part::up: return when(up, matrix(layer.ffn, c.width));
    case Part::up_bias: return when(up && c.ffn_bias, {layer.ffn});
    case Part::gate_up: return when(c.fused_gate_up, matrix(2 * layer.ffn, c.width));
    case Part::gate_up_bias: return when(c.fused_gate_up && c.ffn_bias, {2 * layer.ffn});
    case Part::down: return matrix(c.width, layer.ffn);
    case Part::down_bias: return when(c.ffn_bias, {c.width});
    case Part::post_ffn_norm: return when(c.post_norms, {c.width});
    default: return {};
  }
}

}  // namespace

std::string weight_name(Part part, int layer) {
  return is_layer_part(part) ? fmt::format("layers.{}.{}", layer, names[part].name)
                             : std::string(names[part].name);
}

std::optional<Part> bias_of(Part part) { return names.bias_of(part); }

std::optional<Shape> weight_shape(const LanguageConfig& config, Part part, int layer) {
  if (!is_layer_part(part)) return model_shape(config, part);
  const LayerConfig& sizes = config.layers.at(layer);
  return part < Part::ffn_norm ? attention_shape(config, sizes, part)
                               : ffn_shape(config, sizes, part);
}

std::vector<WeightSpec> weight_table(const LanguageConfig& config) {
  std::vector<WeightSpec> table;
  const auto add = [&](Part part, int layer) {
    if (auto shape = weight_shape(config, part, layer))
      table.push_back({part, layer, std::move(*shape)});
  };
  add(Part::embedding, -1);
  add(Part::positions, -1);
  for (std::size_t i = 0; i < config.layers.size(); ++i) {
    if (config.layers[i].weights_of != -1) continue;
    for (const auto& each : names)
      if (is_layer_part(each.part)) add(each.part, i);
  }
  for (const Part part : {Part::norm, Part::norm_bias, Part::head}) add(part, -1);
  return table;
}

WeightSource weight_source(NameScheme scheme, const LanguageConfig& config,
                           const WeightSpec& spec) {
  const bool is_gguf = scheme == NameScheme::gguf;
  const std::string_view name =
      is_gguf ? names[spec.part].in_file[gguf] : hugging_face_name(config, spec.part);
  if (name.empty())
    throw Error(ErrorKind::unsupported, spec.name(),
                fmt::format("{} files of the family {} have no place for it",
                            is_gguf ? "GGUF" : "Hugging Face", pliant::name(config.family)));
  WeightSource source{std::string(name), spec.shape};
  if (is_layer_part(spec.part))
    source.name =
        fmt::format("{}.{}.{}", is_gguf ? "blk" : hugging_face_prefix(config), spec.layer, name);
  if (is_gguf) return source;
  if (config.family == Family::openelm && (spec.part == Part::gate || spec.part == Part::up) &&
      config.gated) {
    source.shape[0] = 2 * spec.shape[0];
    source.first_row = spec.part == Part::up ? spec.shape[0] : 0;
  }
  const bool layer_matrix = is_layer_part(spec.part) && spec.shape.size() == 2;
  if (config.family == Family::gpt2 && layer_matrix) {
    source.transposed = true;
    std::swap(source.shape[0], source.shape[1]);
  }
  return source;
}

}  // namespace pliant
