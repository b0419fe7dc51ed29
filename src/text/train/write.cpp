// What byte-level BPE training writes.
#include "core/json.h"
#include "text/train/bpe.h"
#include "text/words/families.h"

namespace pliant {
namespace {

using Json = nlohmann::ordered_json;

Json vocabulary_of(const TrainedBpe& trained) {
  Json vocabulary = Json::object();
  for (std::size_t id = 0; id < trained.pieces.size(); ++id)
    vocabulary.emplace(trained.pieces[id], id);
  return vocabulary;
}

Json pre_tokenizer_of(const text::TokenizerFamily& family) {
  Json steps = Json::array();
  for (const std::string_view pattern : family.patterns)
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", pattern}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  steps.push_back({{"type", "ByteLevel"},
                   {"add_prefix_space", false},
                   {"trim_offsets", true},
                   {"use_regex", false}});
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

std::string end_of_text(const TrainedBpe& trained) {
  return trained.special.empty() ? "" : trained.special[0];
}

}  // namespace

std::string vocabulary_json(const TrainedBpe& trained) {
  return vocabulary_of(trained).dump() + "\n";
}

std::string merges_text(const TrainedBpe& trained) {
  std::string text = "#version: 0.2\n";
  for (const auto& [left, right] : trained.merges) text += left + " " + right + "\n";
  return text;
}

std::string tokenizer_json(const TrainedBpe& trained) {
  const text::TokenizerFamily& family = *text::find_family(trained.family);
  Json added = Json::array(), merges = Json::array();
  for (std::size_t id = 0; id < trained.special.size(); ++id)
    added.push_back({{"id", id},
                     {"content", trained.special[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  for (const auto& [left, right] : trained.merges) merges.push_back(Json::array({left, right}));
  const Json byte_level{{"type", "ByteLevel"},
                        {"add_prefix_space", false},
                        {"trim_offsets", true},
                        {"use_regex", false}};
  const Json json{{"version", "1.0"},
                  {"truncation", nullptr},
                  {"padding", nullptr},
                  {"added_tokens", added},
                  {"normalizer", family.nfc ? Json{{"type", "NFC"}} : Json()},
                  {"pre_tokenizer", pre_tokenizer_of(family)},
                  {"post_processor", byte_level},
                  {"decoder", byte_level},
                  {"model",
                   {{"type", "BPE"},
                    {"dropout", nullptr},
                    {"unk_token", nullptr},
                    {"continuing_subword_prefix", nullptr},
                    {"end_of_word_suffix", nullptr},
                    {"fuse_unk", false},
                    {"byte_fallback", false},
                    {"ignore_merges", family.whole_words},
                    {"vocab", vocabulary_of(trained)},
                    {"merges", merges}}}};
  return json.dump() + "\n";
}

std::string tokenizer_config_json(const TrainedBpe& trained) {
  Json added = Json::object();
  for (std::size_t id = 0; id < trained.special.size(); ++id)
    added[std::to_string(id)] = {{"content", trained.special[id]},
                                 {"lstrip", false},
                                 {"normalized", false},
                                 {"rstrip", false},
                                 {"single_word", false},
                                 {"special", true}};
  Json json{{"tokenizer_class", "GPT2Tokenizer"},
            {"add_prefix_space", false},
            {"added_tokens_decoder", added}};
  for (const char* role : {"bos_token", "eos_token"})
    if (!trained.special.empty()) json[role] = end_of_text(trained);
  return json.dump(2) + "\n";
}

}  // namespace pliant
