// Folders and configs that do not fit, and names that other versions wrote.
#include <filesystem>
#include <functional>

#include "core/files.h"
#include "errors.h"
#include "graph/reference/reference.h"
#include "models/vlm/files/load.h"
#include "models/vlm/golden.h"

namespace pliant::vlm {
namespace {

std::string config_of(const char* name) {
  return read_file(std::string("golden/vlm/") + name + "/config.json");
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string refused(const std::string& json) {
  return error_of([&] { vlm_config_from_json(json, "config.json"); });
}

TEST(VlmFiles, TellThemselvesFromLanguageModels) {
  EXPECT_TRUE(is_vlm_folder("golden/vlm/llava"));
  EXPECT_TRUE(is_vlm_folder("golden/vlm/smolvlm"));
  EXPECT_FALSE(is_vlm_folder("golden/language/llama"));
  EXPECT_FALSE(is_vlm_folder("golden/language"));
}

TEST(VlmFiles, ReleasedConfigsLeaveOutWhatIsUsual) {
  const VlmConfigs llava =
      vlm_config_from_json(R"({"model_type": "llava", "image_token_index": 32000,
    "text_config": {"model_type": "llama", "max_position_embeddings": 4096, "rms_norm_eps": 1e-05,
    "vocab_size": 32064}, "vision_config": {"model_type": "clip_vision_model", "hidden_size": 1024,
    "image_size": 336, "intermediate_size": 4096, "num_attention_heads": 16, "num_hidden_layers": 24,
    "patch_size": 14, "projection_dim": 768, "vocab_size": 32000}})",
                           "config.json");
  EXPECT_EQ(llava.model.rows(), 576);
  EXPECT_EQ(llava.model.features, std::vector<std::int64_t>{23});
  EXPECT_EQ(llava.language.layers.size(), 32u);
  EXPECT_EQ(llava.language.layers[0].ffn, 11008);
  EXPECT_EQ(llava.model.text_width, 4096);
  EXPECT_EQ(llava.language.vocabulary, 32064);
  EXPECT_EQ(llava.model.vision.activation, VisionActivation::quick_gelu);
}

TEST(VlmFiles, WrongConfigsAreRefusedByPlace) {
  const std::string llava = config_of("llava"), smol = config_of("smolvlm");
  EXPECT_NE(refused(with(llava, "\"llava\"", "\"blip\"")).find("model type \"blip\""),
            std::string::npos);
  EXPECT_NE(refused(with(llava, "clip_vision_model", "dino")).find("image encoder \"dino\""),
            std::string::npos);
  EXPECT_NE(refused(with(llava, "\"vision_feature_layer\": -2", "\"vision_feature_layer\": -9"))
                .find("'vision_feature_layer' is -9; there are 3 layers"),
            std::string::npos);
  EXPECT_NE(refused(with(llava, "\"image_token_index\": 3", "\"image_token_index\": 300"))
                .find("image token 300"),
            std::string::npos);
  EXPECT_NE(refused(with(llava, "\"image_token_index\": 3", "\"image_token_index\": 4294967299")),
            "accepted");
  EXPECT_NE(refused(with(llava, "\"vision_feature_layer\": -2",
                         "\"vision_feature_layer\": [1, 1, 1, 1, 1]")),
            "accepted");
  EXPECT_EQ(
      refused(with(llava, "\"vision_feature_layer\": -2", "\"vision_feature_layer\": [1, -1]")),
      "accepted");
  EXPECT_NE(refused(with(llava, "quick_gelu", "mish")).find("activation \"mish\""),
            std::string::npos);
  EXPECT_NE(refused(with(smol, "\"scale_factor\": 2", "\"scale_factor\": 3"))
                .find("4 patches a side cannot be joined 3 by 3"),
            std::string::npos);
  EXPECT_NE(refused(with(smol, "\"patch_size\": 4", "\"patch_size\": 0")).find("0 pixels"),
            std::string::npos);
  EXPECT_NE(refused("{\"model_type\": \"llava\"}").find("vision_config"), std::string::npos);
}

TEST(VlmFiles, WrongPreprocessorsAreRefused) {
  const VlmConfig llava = vlm_config_from_json(config_of("llava"), "c").model,
                  smol = vlm_config_from_json(config_of("smolvlm"), "c").model;
  const auto said = [](const std::string& text, const VlmConfig& config) {
    return error_of([&] { pixel_options_from_json(text, "p.json", config); });
  };
  EXPECT_EQ(said("{}", llava), "accepted");
  EXPECT_EQ(said("{}", smol), "accepted");
  EXPECT_NE(said(R"({"resample": 0})", llava).find("'resample' 0"), std::string::npos);
  EXPECT_NE(said(R"({"crop_size": 27})", llava).find("27 pixels"), std::string::npos);
  EXPECT_NE(said(R"({"crop_size": {"height": 28, "width": 20}})", llava).find("20 x 28"),
            std::string::npos);
  EXPECT_NE(said(R"({"image_std": [0, 1, 1]})", llava).find("a deviation of 0"), std::string::npos);
  EXPECT_NE(said(R"({"image_mean": [0, 1]})", llava).find("2 numbers"), std::string::npos);
  EXPECT_NE(said(R"({"do_pad": true})", llava).find("padding"), std::string::npos);
  EXPECT_NE(said(R"({"max_image_size": {"longest_edge": 8}})", smol).find("frames of 8"),
            std::string::npos);
}

TEST(VlmPixels, LongPicturesAreRefusedBeforeTheyAreMade) {
  const Image line{1, 700, std::vector<std::uint8_t>(2100)};
  PixelOptions options{.side = 28, .shortest = 28};
  EXPECT_NE(error_of([&] { pixels(line, options); }).find("1 x 700 would become 28 x 19600"),
            std::string::npos);
  options = {.side = 1, .longest = 4096};
  EXPECT_NE(error_of([&] {
              pixels(Image{64, 64, std::vector<std::uint8_t>(64 * 64 * 3)}, options);
            }).find("4096 x 4096 frames"),
            std::string::npos);
  options = {.side = 28, .shortest = std::int64_t{1} << 62};
  EXPECT_NE(error_of([&] { pixels(line, options); }).find("at most 16384"), std::string::npos);
  EXPECT_NE(error_of([&] { pixels(Image{}, options); }).find("has 0 x 0 pixels"),
            std::string::npos);
}

// A copy of a golden folder whose tensors are named and shaped as `change` says.
std::string folder_with(const std::string& name,
                        const std::function<std::string(const std::string&)>& renamed) {
  const std::string from = std::string("golden/vlm/llava"),
                    to = testing::TempDir() + "pliant_vlm_" + name;
  std::filesystem::create_directories(to);
  std::filesystem::copy_file(from + "/config.json", to + "/config.json",
                             std::filesystem::copy_options::overwrite_existing);
  const WeightStore store = load_safetensors(from + "/model.safetensors");
  std::vector<SafeTensor> tensors;
  store.for_each([&](const std::string& each, const Stored& stored) {
    if (const std::string wanted = renamed(each); !wanted.empty())
      tensors.push_back({wanted, stored.type, stored.bytes});
  });
  write_safetensors(to + "/model.safetensors", {{}, tensors});
  return to;
}

std::string replaced(std::string name, const std::string& from, const std::string& to) {
  return name.starts_with(from) ? to + name.substr(from.size()) : name;
}

TEST(VlmFiles, NamesOfEveryVersionAreFound) {
  const VisionLanguageModel wanted = vlm_folder_model("golden/vlm/llava");
  const std::string released = folder_with("released", [](const std::string& name) {
    return replaced(name, "vision_tower.", "vision_tower.vision_model.");
  });
  const std::string later = folder_with("later", [](std::string name) {
    name = replaced(name, "vision_tower.", "model.vision_tower.vision_model.");
    name = replaced(name, "multi_modal_projector.", "model.multi_modal_projector.");
    name = replaced(name, "language_model.model.", "model.language_model.");
    return replaced(name, "language_model.lm_head.", "lm_head.");
  });
  for (const std::string& folder : {released, later}) {
    const VisionLanguageModel model = vlm_folder_model(folder);
    EXPECT_EQ(model.config, wanted.config);
    wanted.weights->for_each([&](const std::string& name, const Stored& stored) {
      EXPECT_TRUE(std::ranges::equal(model.weights->at(name).bytes, stored.bytes)) << name;
    });
    wanted.language.weights->for_each([&](const std::string& name, const Stored& stored) {
      EXPECT_TRUE(std::ranges::equal(model.language.weights->at(name).bytes, stored.bytes)) << name;
    });
    std::filesystem::remove_all(folder);
  }
}

TEST(VlmFiles, MissingTensorsAreNamed) {
  for (const char* name :
       {"vision_tower.encoder.layers.1.mlp.fc1.bias", "multi_modal_projector.linear_2.weight",
        "language_model.model.norm.weight"}) {
    const std::string folder =
        folder_with("missing", [&](const std::string& each) { return each == name ? "" : each; });
    const std::string said = error_of([&] { vlm_folder_model(folder); });
    const std::string last =
        std::string(name).substr(std::string(name).rfind('.', std::string(name).rfind('.') - 1));
    EXPECT_NE(said.find("has no tensor"), std::string::npos) << said;
    EXPECT_NE(said.find(last), std::string::npos) << said;
    std::filesystem::remove_all(folder);
  }
}

}  // namespace
}  // namespace pliant::vlm
