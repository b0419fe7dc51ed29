// The weights of a language model: what there is, under which name, of which shape, and where each
// file format keeps it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/language/language.h"

namespace pliant {

// Matrices are [out, in]. Parts up to head_weight belong to the model, the others to each layer.
enum class Part : std::uint8_t {
  embedding,  // [vocabulary, width]
  positions,  // [context, width]
  norm,
  norm_bias,
  head,  // [vocabulary, width]
  attention_norm,
  attention_norm_bias,
  q,
  q_bias,
  k,
  k_bias,
  v,
  v_bias,
  qkv,
  qkv_bias,
  q_norm,
  k_norm,
  output,
  output_bias,
  post_attention_norm,
  ffn_norm,
  ffn_norm_bias,
  gate,
  gate_bias,
  up,
  up_bias,
  gate_up,
  gate_up_bias,
  down,
  down_bias,
  post_ffn_norm,
};
inline constexpr int part_count = 31;
inline constexpr bool is_layer_part(Part part) { return part >= Part::attention_norm; }

// Canonical: "embedding.weight", "layers.3.attention.q.weight". `layer` is ignored for parts of the
// model.
std::string weight_name(Part part, int layer = -1);

// The part that is the bias of a matrix or a norm; none if it has none in any model.
std::optional<Part> bias_of(Part part);

// None if models of this config have no such part. `config` has passed check().
std::optional<Shape> weight_shape(const LanguageConfig& config, Part part, int layer = -1);

struct WeightSpec {
  Part part = Part::embedding;
  int layer = -1;
  Shape shape;
  std::string name() const { return weight_name(part, layer); }
};

// shared tensors once, in the order of use
std::vector<WeightSpec> weight_table(const LanguageConfig& config);

// Where a weight lies in a file.
enum class NameScheme : std::uint8_t { hugging_face, gguf };
struct WeightSource {
  std::string name;
  Shape shape;                 // of the tensor in the file
  std::int64_t first_row = 0;  // this weight is the rows [first_row, first_row + shape[0]) of it
  bool transposed = false;     // the file has [in, out]
};
WeightSource weight_source(NameScheme scheme, const LanguageConfig& config, const WeightSpec& spec);

}  // namespace pliant
