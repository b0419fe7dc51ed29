// Decoder-only language models as tables and blocks: every family is a LanguageConfig, the three
// graphs (embed, layers, head) are built from it, and one table of names maps each weight to its
// sources in every file format.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "quant/store.h"

namespace pliant {

enum class Family : std::uint8_t { openelm, llama, qwen2, qwen3, gemma2, phi3, gpt2 };
std::string_view name(Family family);

enum class Activation : std::uint8_t { silu, gelu, gelu_tanh, relu };
enum class NormKind : std::uint8_t { rms, layer };

inline constexpr std::int64_t max_layers = 4096;

// What one layer is; widths may differ from layer to layer (OpenELM, arXiv 2404.14619, section
// 2.1).
struct LayerConfig {
  std::int64_t heads = 0, kv_heads = 0, ffn = 0;
  std::int64_t window = 0;  // of attention, in positions; 0: all
  // another layer whose tensors this one uses (block sharing); -1: its own
  int weights_of = -1;
  bool operator==(const LayerConfig&) const = default;
};

struct LanguageConfig {
  Family family = Family::llama;
  std::int64_t vocabulary = 0, width = 0, head_width = 0, context = 0;
  std::vector<LayerConfig> layers;

  NormKind norm = NormKind::rms;
  double norm_eps = 1e-5;
  bool norm_plus_one = false;  // the stored norm weight is w - 1 (Gemma)
  bool post_norms = false;     // norms after attention and FFN, before the residual (Gemma 2)
  // RMS norm of each head of q and k before the rotation (OpenELM, Qwen 3)
  bool qk_norm = false;
  bool qkv_bias = false, output_bias = false, ffn_bias = false;
  bool fused_qkv = false;      // one weight holds the rows of q, k and v, in this order
  bool fused_gate_up = false;  // one weight holds the rows of gate and up
  bool gated = true;           // act(gate) * up, or act(up) alone
  Activation activation = Activation::silu;
  bool tied = false;                        // the head uses the embedding table
  bool learned_positions = false;           // GPT-2; no rotation then
  double embedding_scale = 1;               // Gemma: sqrt(width)
  double attention_scale = 0;               // 0: 1 / sqrt(head_width)
  double attention_cap = 0, logit_cap = 0;  // cap * tanh(x / cap); 0: none
  std::int64_t rotary_width = 0;            // of the head; 0: all of it
  // neighbours (2i, 2i+1) turn together, not (i, i + width / 2)
  bool rotary_pairs = false;
  double rotary_base = 10000;
  double rotary_scaling = 1;  // factor on angles (linear scaling: 1 / factor)
  // per pair, divides its frequency (Llama 3, LongRoPE); empty: all 1
  std::vector<double> rotary_factors;
  double rotary_magnitude = 1;  // factor on the rotated q and k (LongRoPE)
  // LongRoPE: the factors in place of rotary_factors while `context` is at most
  // rotary_short_context. Who opens a model with a smaller context sets `context` before building
  // graphs.
  std::vector<double> rotary_short_factors;
  std::int64_t rotary_short_context = 0;
  bool operator==(const LanguageConfig&) const = default;
};

// Throws Error{invalid} at `place` for a config that no graph can be built from: sizes out of range
// or contradicting each other, numbers that are not finite, shared weights of a layer that has none
// of its own or another shape.
void check(const LanguageConfig& config, std::string_view place);

std::int64_t parameter_count(const LanguageConfig& config);  // shared tensors counted once
// head_bytes: of a key and a value of one KV head
std::int64_t cache_bytes_per_token(const LanguageConfig& config, std::int64_t head_bytes);

// Everything that is needed to run: the config and the weights under canonical names.
struct LanguageModel {
  LanguageConfig config;
  std::shared_ptr<const WeightStore> weights;
};

// The graphs that run a model; every weight in them is f32, however the store writes it (weights.h
// names them). R: row capacity. Row inputs besides the first: seq, pos, tag, i32 [R].
//   embed: ids i32 [R] (and pos, if positions are learned) -> hidden f32 [R, width]
//   layers [first, last): hidden, seq, pos, tag -> hidden; Attention{cache = layer} if `cached`
//   head: hidden [R, width] -> logits [R, vocabulary], with the final norm
Graph embed_graph(const LanguageConfig& config, std::int64_t rows);
Graph layers_graph(const LanguageConfig& config, int first, int last, std::int64_t rows,
                   bool cached);
Graph head_graph(const LanguageConfig& config, std::int64_t rows);

// What a model is trained to lessen, over exactly `rows` packed rows. Inputs, i32 [rows]: ids, seq,
// pos, tag, and target (< 0: the row has no loss). Outputs, f32 scalars: loss = nll + z_loss * z;
// nll, the negative log-likelihood, and z, the squared logarithm of the softmax's denominator
// (arXiv 2204.02311, section 5), both summed over the rows that have a target. Throws
// Error{unsupported} for a model that caps its logits.
Graph loss_graph(const LanguageConfig& config, std::int64_t rows, double z_loss);

// What CoreNet's log adds to the sum of the losses for each row without a target: it sets the
// logits of such rows to 0 before it takes the denominator. Its gradients have none of it.
double corenet_logged_z_loss(const LanguageConfig& config, double z_loss);

}  // namespace pliant
