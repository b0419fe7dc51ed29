// 2: a language model made on the spot, without training.
//
//   example-02_language_model [FOLDER TEXT...]
//
// Trains a tokenizer on the prose of the TEXT files (README.md), counts which token follows which
// pair of tokens, and writes those counts as the weights of a one-layer Llama: an attention layer
// that looks one token back, and a feed-forward layer with one unit per pair. What comes out, in
// FOLDER (build/example-02), is a model that every tool that reads Llama models opens, and that
// talks like TEXT: `pliant generate FOLDER -p "The"`.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/tensor.h"
#include "formats/safetensors/safetensors.h"
#include "lm/session.h"
#include "open/language_model.h"
#include "text/load/load.h"
#include "text/train/bpe.h"

namespace {

using namespace pliant;

// The hidden state has three parts of V entries each, and a constant:
//   [0, V) which token this is; [V, 2V) which one came before; [2V, 3V) what the pair says about
//   the next; 3V: `bias`.
// The constant is so large that the RMS norms divide every row by the same number, which their
// weights undo.
constexpr double bias = 1024;
constexpr std::int64_t head_width = 32;
constexpr std::int64_t most_units = 3000;
// of the attention on the previous token, and of a unit's threshold
constexpr double sharpness = 24;

constexpr std::int64_t vocabulary = 512;

using Pair = std::pair<TokenId, TokenId>;
using Counts = std::map<TokenId, double>;

// The lines of a text that are neither tables, headings nor code.
std::string prose(const std::string& text) {
  std::string result;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
    if (std::string_view("|#` \n").find(text[begin]) == std::string_view::npos)
      result.append(text, begin, end - begin);
    begin = end;
  }
  return result;
}

std::shared_ptr<const Tokenizer> make_tokenizer(const std::string& text,
                                                const std::string& folder) {
  const TrainedBpe trained =
      train_byte_bpe(text, {.size = vocabulary, .special = {"<|endoftext|>"}});
  write_file(folder + "/tokenizer.json", tokenizer_json(trained));
  write_file(folder + "/tokenizer_config.json", tokenizer_config_json(trained));
  return load_tokenizer(folder);
}

struct Statistics {
  std::int64_t tokens = 0;
  std::vector<std::vector<double>> next;       // [token][next]: log of the smoothed frequency
  std::vector<std::pair<Pair, Counts>> pairs;  // the commonest pairs, with what followed them
};

Statistics count(const std::vector<TokenId>& ids, TokenId kinds) {
  const auto size = static_cast<std::size_t>(kinds);
  Statistics result;
  result.tokens = static_cast<std::int64_t>(ids.size());
  std::map<Pair, Counts> pairs;
  result.next.assign(size, std::vector<double>(size, 0.001));
  for (std::size_t i = 1; i < ids.size(); ++i) {
    result.next[ids[i - 1]][ids[i]] += 1;
    if (i > 1) pairs[{ids[i - 2], ids[i - 1]}][ids[i]] += 1;
  }
  for (auto& row : result.next) {
    double sum = 0;
    for (const double each : row) sum += each;
    for (double& each : row) each = std::log(each / sum);
  }
  const auto total = [](const Counts& counts) {
    double sum = 0;
    for (const auto& [id, each] : counts) sum += each;
    return sum;
  };
  result.pairs.assign(pairs.begin(), pairs.end());
  std::stable_sort(result.pairs.begin(), result.pairs.end(),
                   [&](const auto& a, const auto& b) { return total(a.second) > total(b.second); });
  if (result.pairs.size() > most_units) result.pairs.resize(most_units);
  return result;
}

class Weights {
 public:
  explicit Weights(Statistics statistics)
      : statistics_(std::move(statistics)), v_(static_cast<std::int64_t>(statistics_.next.size())) {
    heads_ = (v_ + head_width - 1) / head_width;
    width_ = (3 * v_ + 1 + 255) / 256 * 256;  // whole blocks of every weight encoding
    units_ = (std::ssize(statistics_.pairs) + 255) / 256 * 256;
  }

  std::string config() const {
    return fmt::format(
        R"({{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": {},
 "hidden_size": {}, "num_hidden_layers": 1, "num_attention_heads": {}, "num_key_value_heads": {}, "head_dim": {},
 "intermediate_size": {}, "hidden_act": "silu", "rms_norm_eps": 1e-06, "rope_theta": 10000.0,
 "max_position_embeddings": 512, "tie_word_embeddings": false, "torch_dtype": "float32"}}
)",
        v_, width_, heads_, heads_, head_width, units_);
  }

  void write(const std::string& path) {
    embedding();
    norms();
    look_back();
    units();
    head();
    SafeTensors file;
    file.metadata["format"] = "pt";
    for (const auto& [name, tensor] : tensors_)
      file.tensors.push_back({name, tensor.type(), tensor.raw()});
    write_safetensors(path, file);
  }

  std::int64_t parameters() const {
    std::int64_t sum = 0;
    for (const auto& [name, tensor] : tensors_) sum += elements(tensor.type().shape);
    return sum;
  }

 private:
  float* add(const std::string& name, Shape shape) {
    return tensors_.emplace(name, Tensor({DType::f32, std::move(shape)}))
        .first->second.view()
        .as<float>();
  }
  static std::string layer(const char* name) {
    return fmt::format("model.layers.0.{}.weight", name);
  }

  void embedding() {
    float* table = add("model.embed_tokens.weight", {v_, width_});
    for (std::int64_t id = 0; id < v_; ++id) {
      table[id * width_ + id] = 1;
      table[id * width_ + 3 * v_] = static_cast<float>(bias);
    }
  }

  void norms() {
    const auto undo = static_cast<float>(bias / std::sqrt(static_cast<double>(width_)));
    for (const std::string& name : {layer("input_layernorm"), layer("post_attention_layernorm"),
                                    std::string("model.norm.weight")})
      std::fill_n(add(name, {width_}), width_, undo);
  }

  // Keys are the same at every position and queries are keys turned back by one position: after the
  // rotary embedding their product is largest one position apart. Values carry the token into the
  // second part.
  void look_back() {
    float* q = add(layer("self_attn.q_proj"), {heads_ * head_width, width_});
    float* k = add(layer("self_attn.k_proj"), {heads_ * head_width, width_});
    float* v = add(layer("self_attn.v_proj"), {heads_ * head_width, width_});
    float* o = add(layer("self_attn.o_proj"), {width_, heads_ * head_width});
    const double size = sharpness / bias;
    for (std::int64_t row = 0; row < heads_ * head_width; ++row) {
      const std::int64_t half = head_width / 2, pair = row % half;
      const double angle =
          std::pow(10000.0, -static_cast<double>(pair) / static_cast<double>(half));
      const bool first = row % head_width < half;
      q[row * width_ + 3 * v_] =
          static_cast<float>(size * (first ? std::cos(angle) : -std::sin(angle)));
      k[row * width_ + 3 * v_] = static_cast<float>(first ? size : 0);
      if (row >= v_) continue;
      v[row * width_ + row] = 1;
      o[(v_ + row) * heads_ * head_width + row] = 1;
    }
  }

  // Unit u opens when both of its tokens are there (two ones against a threshold of one and a half)
  // and then adds what its pair says to the third part: the difference to what the last token alone
  // says.
  void units() {
    float* gate = add(layer("mlp.gate_proj"), {units_, width_});
    float* up = add(layer("mlp.up_proj"), {units_, width_});
    float* down = add(layer("mlp.down_proj"), {width_, units_});
    for (std::int64_t u = 0; u < std::ssize(statistics_.pairs); ++u) {
      const auto& [pair, counts] = statistics_.pairs[u];
      gate[u * width_ + pair.second] = sharpness;
      gate[u * width_ + v_ + pair.first] = sharpness;
      gate[u * width_ + 3 * v_] = static_cast<float>(-1.5 * sharpness / bias);
      up[u * width_ + 3 * v_] = static_cast<float>(1 / (0.5 * sharpness * bias));
      const std::vector<double>& before = statistics_.next[pair.second];
      double sum = 0.3;  // of an observation: what the last token alone says
      for (const auto& [id, each] : counts) sum += each;
      for (std::int64_t id = 0; id < v_; ++id) {
        const double prior = std::exp(before[id]);
        const auto seen = counts.find(static_cast<TokenId>(id));
        const double now = (0.3 * prior + (seen == counts.end() ? 0 : seen->second)) / sum;
        down[(2 * v_ + id) * units_ + u] = static_cast<float>(std::log(now / prior));
      }
    }
  }

  void head() {
    float* table = add("lm_head.weight", {v_, width_});
    for (std::int64_t next = 0; next < v_; ++next) {
      for (std::int64_t id = 0; id < v_; ++id)
        table[next * width_ + id] = static_cast<float>(statistics_.next[id][next]);
      table[next * width_ + 2 * v_ + next] = 1;
    }
  }

  Statistics statistics_;
  std::int64_t v_, heads_ = 0, width_ = 0, units_ = 0;
  std::map<std::string, Tensor> tensors_;
};

// What the counts say about the token after `ids`, and what the model says.
void compare(const std::string& folder, const Statistics& statistics,
             const std::vector<TokenId>& ids) {
  ThreadPool pool(default_threads());
  lm::Session session(load_language_model(folder), pool);
  const auto v = static_cast<std::int64_t>(statistics.next.size());
  const std::vector<TokenId> start(ids.begin(),
                                   ids.begin() + std::min<std::ptrdiff_t>(64, std::ssize(ids)));
  const Tensor logits({DType::f32, {std::ssize(start), v}});
  const TensorView view = logits.view();
  session.feed(session.open(), start, &view);
  double model = 0, tokens_alone = 0;
  for (std::size_t i = 1; i + 1 < start.size(); ++i) {
    const float* row = view.as<float>() + static_cast<std::int64_t>(i) * v;
    double sum = 0;
    for (std::int64_t id = 0; id < v; ++id) sum += std::exp(static_cast<double>(row[id]));
    model += std::log(sum) - static_cast<double>(row[start[i + 1]]);
    tokens_alone -= statistics.next[start[i]][start[i + 1]];
  }
  const auto count = static_cast<double>(start.size() - 2);
  fmt::print(
      "nats per token on the text's beginning: model {:.3f}, counts of single tokens {:.3f}\n",
      model / count, tokens_alone / count);
  if (!(model < tokens_alone)) throw std::runtime_error("the model does not look back");
  fmt::print("expected: the model's below the other's, because it also sees the token before\n");
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string folder = argc > 1 ? argv[1] : "build/example-02";
  std::filesystem::create_directories(folder);
  std::string text;
  for (int i = 2; i < argc; ++i) text += prose(read_file(argv[i]));
  if (argc < 3) text = prose(read_file("README.md"));
  const auto tokenizer = make_tokenizer(text, folder);
  const std::vector<TokenId> ids = tokenizer->encode(text);
  const Statistics statistics = count(ids, tokenizer->size());
  Weights weights(statistics);
  weights.write(folder + "/model.safetensors");
  write_file(folder + "/config.json", weights.config());
  fmt::print("counted {} tokens of {} kinds; wrote a Llama of one layer and {} parameters to {}\n",
             statistics.tokens, tokenizer->size(), weights.parameters(), folder);
  compare(folder, statistics, ids);
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
