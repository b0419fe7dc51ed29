// Files that are cut, hostile or contradict themselves: typed errors that name the file and the
// tensor.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "formats/safetensors/safetensors.h"
#include "models/language/files/convert.h"
#include "models/language/files/llama2c.h"
#include "models/language/files/load.h"
#include "models/language/files/mingpt.h"
#include "models/language/files/mlx.h"
#include "open/language_model.h"

namespace pliant::language {
namespace {

using nlohmann::json;

std::string thrown(const std::function<void()>& action, ErrorKind kind) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(kind)) << error.what();
    return error.what();
  }
  return "accepted";
}

void expect_refusal(const std::function<void()>& action, ErrorKind kind, const std::string& part) {
  const std::string text = thrown(action, kind);
  EXPECT_NE(text.find(part), std::string::npos) << text << "\nwithout: " << part;
}

json golden_config(const std::string& name) {
  return json::parse(read_file("golden/" + name + "/config.json"));
}

void expect_config(const std::string& name, const json& change, ErrorKind kind,
                   const std::string& part) {
  json config = golden_config(name);
  config.merge_patch(change);
  expect_refusal([&] { config_from_json(config.dump(), "config.json"); }, kind, part);
}

TEST(HostileConfig, FieldsAreChecked) {
  const std::string llama = "language/llama", openelm = "openelm/tiny_a";
  expect_config(llama, {{"model_type", "mamba"}}, ErrorKind::unsupported, "model type \"mamba\"");
  expect_config(llama, {{"model_type", nullptr}}, ErrorKind::format,
                "lacks the field 'model_type'");
  expect_config(llama, {{"hidden_size", nullptr}}, ErrorKind::format,
                "lacks the field 'hidden_size'");
  expect_config(llama, {{"hidden_size", 32.5}}, ErrorKind::format,
                "hidden_size: is 32.5, not a whole number");
  expect_config(llama, {{"hidden_size", "32"}}, ErrorKind::format,
                "hidden_size: is string, not a whole number");
  expect_config(llama, {{"num_hidden_layers", 1000000000000}}, ErrorKind::invalid,
                "num_hidden_layers");
  expect_config(llama, {{"num_hidden_layers", -1}}, ErrorKind::invalid, "num_hidden_layers");
  expect_config(llama, {{"vocab_size", 1LL << 60}}, ErrorKind::invalid, "vocabulary is");
  expect_config(llama, {{"num_attention_heads", 0}}, ErrorKind::invalid, "0 attention heads");
  expect_config(llama, {{"num_key_value_heads", 3}}, ErrorKind::invalid,
                "no multiple of 3 kv heads");
  expect_config(llama, {{"rms_norm_eps", -1}}, ErrorKind::invalid, "norm_eps");
  expect_config(llama, {{"head_dim", 7}}, ErrorKind::invalid, "a rotation of 7");
  expect_config(llama, {{"hidden_act", "mish"}}, ErrorKind::unsupported, "activation \"mish\"");
  expect_config(llama, {{"rope_parameters", {{"rope_type", "yarn"}}}}, ErrorKind::unsupported,
                "yarn");
  expect_config(llama, {{"rope_parameters", {{"rope_type", "linear"}, {"factor", 0}}}},
                ErrorKind::invalid, "rotary_scaling");
  expect_config(llama, {{"pliant_weights_of", {-1}}}, ErrorKind::invalid, "names 1 layers of 2");
  expect_config(llama, {{"pliant_weights_of", {-1, 4000000000000}}}, ErrorKind::invalid,
                "pliant_weights_of");
  expect_config("language/gemma2", {{"layer_types", {"sliding_attention"}}}, ErrorKind::invalid,
                "names 1 layers of 2");
  expect_config("language/gemma2", {{"layer_types", {"linear_attention", "full_attention"}}},
                ErrorKind::unsupported, "linear_attention");
  expect_config("language/phi3_longrope_long", {{"rope_parameters", {{"long_factor", {1, 2}}}}},
                ErrorKind::invalid, "2 rotary factors, 4 expected");
  expect_config("language/gpt2", {{"n_head", 5}}, ErrorKind::invalid, "a width of 32 in 5 heads");
  expect_config("language/gpt2", {{"scale_attn_weights", false}}, ErrorKind::unsupported,
                "scaled by layer");
  expect_config(openelm, {{"num_query_heads", {2, 4}}}, ErrorKind::invalid,
                "'num_query_heads' has 2 entries for 4");
  expect_config(openelm, {{"ffn_multipliers", {1, 2, 3}}}, ErrorKind::invalid,
                "has 3 entries for 4 layers");
  expect_config(openelm, {{"ffn_multipliers", -2}}, ErrorKind::invalid, "'ffn_multipliers' has -2");
  expect_config(openelm, {{"ffn_dim_divisor", 0}}, ErrorKind::invalid, "in steps of 0");
  expect_config(openelm, {{"ffn_dim_divisor", INT64_MAX}}, ErrorKind::invalid,
                "in steps of 9223372036854775807");
  expect_config(openelm, {{"normalization_layer_name", "layer_norm"}}, ErrorKind::unsupported,
                "layer_norm");
  expect_refusal(
      [] { config_from_json(R"({"model_type": "llama", "rms_norm_eps": NaN})", "config.json"); },
      ErrorKind::format, "is not JSON");
  expect_refusal([] { config_from_json("[]", "config.json"); }, ErrorKind::format,
                 "is array, not an object");
}

class Folder {
 public:
  explicit Folder(const std::string& golden) : path_(testing::TempDir() + "pliant_hostile") {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
    std::filesystem::copy_file("golden/" + golden + "/config.json", path_ + "/config.json");
    const WeightStore all = load_safetensors("golden/" + golden + "/model.safetensors");
    all.for_each(
        [&](const std::string& name, const Stored& stored) { tensors_[name] = decode(stored); });
  }
  const std::string& path() const { return path_; }
  Tensor& at(const std::string& name) { return tensors_.at(name); }
  void erase(const std::string& name) { tensors_.erase(name); }
  void write(const std::string& file = "model.safetensors") const {
    SafeTensors contents;
    for (const auto& [name, tensor] : tensors_)
      contents.tensors.push_back({name, tensor.type(), tensor.raw()});
    write_safetensors(path_ + "/" + file, contents);
  }
  void expect(ErrorKind kind, const std::string& part) const {
    expect_refusal([&] { load_language_model(path_); }, kind, part);
  }

 private:
  std::string path_;
  std::map<std::string, Tensor> tensors_;
};

TEST(HostileFolder, TensorsAreChecked) {
  Folder folder("language/llama_linear");
  folder.expect(ErrorKind::not_found, "model.safetensors");
  const std::string q = "model.layers.0.self_attn.q_proj.weight";
  folder.at(q) = Tensor({DType::f32, {32, 31}});
  folder.write();
  folder.expect(ErrorKind::invalid, "'" + q + "' is [32,31], the config says [32,32]");
  folder.at(q) = Tensor({DType::i32, {32, 32}});
  folder.write();
  folder.expect(ErrorKind::unsupported, "'" + q + "' is i32[32,32]");
  folder.erase(q);
  folder.write();
  folder.expect(ErrorKind::not_found, "has no tensor '" + q + "'");
  write_file(folder.path() + "/model.safetensors", "cut");
  folder.expect(ErrorKind::format, "model.safetensors");
}

TEST(HostileFolder, ShardsAreChecked) {
  const Folder folder("language/llama_linear");
  folder.write("one.safetensors");
  const auto index = [&](const json& map) {
    write_file(folder.path() + "/model.safetensors.index.json", json{{"weight_map", map}}.dump());
  };
  index({{"lm_head.weight", "two.safetensors"}});
  folder.expect(ErrorKind::not_found, "two.safetensors");
  index({{"lm_head.weight", "../one.safetensors"}});
  folder.expect(ErrorKind::format, "'lm_head.weight' lies in no file of this folder");
  index({{"no such", "one.safetensors"}});
  folder.expect(ErrorKind::not_found, "one.safetensors: has no tensor 'no such'");
  index({{"lm_head.weight", 3}});
  folder.expect(ErrorKind::format, "lies in no file");
  write_file(folder.path() + "/model.safetensors.index.json", "{}");
  folder.expect(ErrorKind::format, "has no object 'weight_map'");
  json whole;
  load_safetensors(folder.path() + "/one.safetensors")
      .for_each([&](const std::string& name, const Stored&) { whole[name] = "one.safetensors"; });
  index(whole);
  EXPECT_EQ(load_language_model(folder.path()).config.layers.size(), 1u);
}

TEST(HostileGguf, LongropeWithoutItsFactorsIsNoPlainRotation) {
  const LanguageModel model = load_language_model("golden/language/phi3_longrope_long");
  const std::string path = testing::TempDir() + "pliant_longrope.gguf";
  for (const char* missing : {"rope_factors_long.weight", "rope_factors_short.weight"}) {
    write_language_model(model, ModelFormat::gguf, path, {});
    const std::string bytes = read_file(path);
    Gguf file = read_gguf(std::as_bytes(std::span(bytes)), path);
    ASSERT_EQ(
        std::erase_if(file.tensors, [&](const GgufTensor& each) { return each.name == missing; }),
        1u);
    write_gguf(path + "2", file);
    expect_refusal([&] { load_language_model(path + "2"); }, ErrorKind::invalid, missing);
  }
}

TEST(HostileGguf, MetadataAndTensorsAreChecked) {
  const LanguageModel model = load_language_model("golden/openelm/tiny_a");
  const std::string path = testing::TempDir() + "pliant_hostile.gguf";
  const auto expect = [&](const std::function<void(Gguf&)>& change, ErrorKind kind,
                          const std::string& part) {
    write_language_model(model, ModelFormat::gguf, path, {.type = Encoding::q8_0});
    const std::string bytes = read_file(path);
    Gguf file = read_gguf(std::as_bytes(std::span(bytes)), path);
    change(file);
    write_gguf(path + "2", file);
    expect_refusal([&] { load_language_model(path + "2"); }, kind, part);
  };
  const auto set = [](Gguf& file, const std::string& key, GgufValue value) {
    for (auto& [name, old] : file.metadata)
      if (name == key) old = value;
  };
  const auto drop = [](Gguf& file, const std::string& key) {
    std::erase_if(file.metadata, [&](const auto& each) { return each.first == key; });
  };
  expect([&](Gguf& f) { set(f, "general.architecture", std::string("mamba")); },
         ErrorKind::unsupported, "mamba");
  expect([&](Gguf& f) { drop(f, "openelm.block_count"); }, ErrorKind::not_found,
         "openelm.block_count");
  expect([&](Gguf& f) { set(f, "openelm.block_count", std::string("4")); }, ErrorKind::format,
         "openelm.block_count");
  expect([&](Gguf& f) { set(f, "openelm.block_count", std::uint64_t{1} << 40); },
         ErrorKind::invalid, "block_count");
  expect([&](Gguf& f) { set(f, "openelm.block_count", std::uint32_t{5}); }, ErrorKind::invalid,
         "4 entries for 5 layers");
  expect([&](Gguf& f) { set(f, "openelm.attention.layer_norm_rms_epsilon", std::nanf("")); },
         ErrorKind::invalid, "norm_eps is nan");
  expect([&](Gguf& f) { set(f, "openelm.vocab_size", std::uint32_t{99}); }, ErrorKind::invalid,
         "has 512 rows");
  expect(
      [&](Gguf& f) {
        set(f, "openelm.attention.head_count", GgufArray{std::vector<std::int32_t>{0, 4, 4, 4}});
      },
      ErrorKind::invalid, "layer 0 has 0 heads");
  expect([&](Gguf& f) { f.tensors.pop_back(); }, ErrorKind::not_found, "has no tensor");
  expect([&](Gguf& f) { f.tensors.erase(f.tensors.begin()); }, ErrorKind::not_found,
         "token_embd.weight");
  std::vector<std::byte> scales;
  expect(
      [&](Gguf& f) {
        auto& stored =
            std::ranges::find(f.tensors, "blk.1.ffn_up.weight", &GgufTensor::name)->stored;
        scales.assign(stored.bytes.begin(), stored.bytes.end());
        scales[34] = std::byte{0}, scales[35] = std::byte{0x7e};  // NaN
        stored.bytes = scales;
      },
      ErrorKind::invalid, "blk.1.ffn_up.weight: Q8_0 block 1 has a scale");
}

TEST(HostileLlama2c, TheSizeFollowsFromTheHeader) {
  const auto file = [](std::vector<std::int32_t> header, std::size_t size) {
    std::string bytes(size, '\0');
    std::memcpy(bytes.data(), header.data(), std::min(size, header.size() * 4));
    return bytes;
  };
  const auto expect = [&](const std::string& bytes, ErrorKind kind, const std::string& part) {
    expect_refusal([&] { llama2c_header(std::as_bytes(std::span(bytes)), "model.bin"); }, kind,
                   part);
    const std::string path = testing::TempDir() + "pliant_hostile.bin";
    write_file(path, bytes);
    expect_refusal([&] { load_language_model(path); },
                   kind == ErrorKind::unsupported ? kind : ErrorKind::format, path);
  };
  expect(file({4}, 20), ErrorKind::format, "20 bytes, a header takes 28");
  expect(file({4, 8, 1, 2, 1, 16, 8}, 1000), ErrorKind::format, "1000 bytes; the header describes");
  expect(file({1 << 20, 1 << 24, 4096, 64, 64, 1 << 24, 1 << 30}, 100), ErrorKind::format,
         "the header describes");
  expect(file({4, 8, 1, 0, 1, 16, 8}, 1000), ErrorKind::invalid, "head_width is 0");
  expect(file({4, 8, -1, 2, 1, 16, 8}, 1000), ErrorKind::invalid, "layers is 0");
  expect(file({4, 8, 1, 2, 1, INT32_MIN, 8}, 1000), ErrorKind::invalid, "vocabulary");
  expect(file({0x616b3432, 2}, 300), ErrorKind::unsupported, "llama2.c version 2");
}

TEST(HostileMinGpt, TensorsAreChecked) {
  const std::string head =
      R"({"config": {"n_layer": 1, "n_head": 1, "n_embd": 2, "vocab_size": 2, "block_size": 2},)";
  const auto expect = [&](const std::string& tensors, ErrorKind kind, const std::string& part) {
    ASSERT_TRUE(is_mingpt(head));
    expect_refusal([&] { mingpt_model(head + tensors + "}", "model.json"); }, kind, part);
  };
  const auto embedding = [](const std::string& shape, const std::string& dtype,
                            const std::string& data) {
    return R"("transformer.wte.weight": {"shape": )" + shape + R"(, "dtype": ")" + dtype +
           R"(", "data": ")" + data + "\"}";
  };
  const std::string zeros = "AAAAAAAAAAAAAAAAAAAAAA==";
  expect(R"("a": 1)", ErrorKind::not_found, "transformer.wte.weight");
  expect(embedding("[2, 2]", "torch.float32", zeros), ErrorKind::not_found,
         "transformer.wpe.weight");
  expect(embedding("[2, 3]", "torch.float32", zeros), ErrorKind::invalid,
         "is [2,3], the config says [2,2]");
  expect(embedding("[2, 2]", "torch.float16", zeros), ErrorKind::unsupported, "torch.float16");
  expect(embedding("[2, 2]", "torch.float32", "AAAA"), ErrorKind::invalid, "3 bytes");
  expect(embedding("[2, 2]", "torch.float32", "A?=="), ErrorKind::format, "no base64");
  expect(embedding("[2, 2]", "torch.float32", "AAA"), ErrorKind::format, "no base64");
}

TEST(HostileMlx, GroupsMustFit) {
  const auto expect = [](Tensor codes, Tensor scales, Tensor biases, std::int64_t group,
                         ErrorKind kind, const std::string& part) {
    WeightStore store;
    store.add("a.weight", std::move(codes));
    store.add("a.scales", std::move(scales));
    store.add("a.biases", std::move(biases));
    expect_refusal([&] { mlx::dequantized(store, group, "model"); }, kind, part);
  };
  const auto words = [](std::int64_t n) { return Tensor({DType::u32, {2, n}}); };
  const auto floats = [](std::int64_t n) { return Tensor({DType::f32, {2, n}}); };
  expect(words(4), floats(1), floats(2), 32, ErrorKind::invalid, "'a.weight' is u32[2,4]");
  expect(words(5), floats(1), floats(1), 32, ErrorKind::unsupported, "5 words for 32 columns");
  expect(words(4), floats(1), floats(1), 0, ErrorKind::invalid, "groups of 0");
  expect(words(4), Tensor({DType::i32, {2, 1}}), Tensor({DType::i32, {2, 1}}), 32,
         ErrorKind::invalid, "scales of type");
}

}  // namespace
}  // namespace pliant::language
