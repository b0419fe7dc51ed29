#include "text/words/families.h"

#include <algorithm>

namespace pliant::text {

#define PLIANT_CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define PLIANT_UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define PLIANT_LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define PLIANT_SPACES R"(\s*[\r\n]+|\s+(?!\S)|\s+)"

const std::string_view gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

namespace {

constexpr std::string_view llama3_pattern = PLIANT_CONTRACTIONS
    R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" PLIANT_SPACES;
constexpr std::string_view qwen2_pattern = PLIANT_CONTRACTIONS
    R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" PLIANT_SPACES;
constexpr std::string_view o200k_pattern =
    R"([^\r\n\p{L}\p{N}]?)" PLIANT_UPPER "*" PLIANT_LOWER "+" PLIANT_CONTRACTIONS
    "?|"
    R"([^\r\n\p{L}\p{N}]?)" PLIANT_UPPER "+" PLIANT_LOWER "*" PLIANT_CONTRACTIONS
    "?|"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" PLIANT_SPACES;
constexpr std::string_view tekken_pattern = R"([^\r\n\p{L}\p{N}]?)" PLIANT_UPPER "*" PLIANT_LOWER
                                            "+|"
                                            R"([^\r\n\p{L}\p{N}]?)" PLIANT_UPPER "+" PLIANT_LOWER
                                            "*|"
                                            R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" PLIANT_SPACES;
constexpr std::string_view deepseek3_pattern =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)" PLIANT_SPACES;
// Latin, Greek, Cyrillic, Armenian and Georgian letters with case, as DeepSeek LLM lists them.
constexpr std::string_view deepseek_letters =
    R"(\s?[)"
    R"(\x{41}-\x{5A}\x{61}-\x{7A}\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF})"
    R"(\x{1C4}-\x{293}\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386})"
    R"(\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556})"
    R"(\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF})"
    R"(\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D})"
    R"(\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D})"
    R"(\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3})"
    R"(\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107})"
    R"(\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134})"
    R"(\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4})"
    R"(\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F})"
    R"(\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17})"
    R"(\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB})"
    R"(\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}\x{1E900}-\x{1E943})"
    "]+";
constexpr std::string_view punctuated_words = R"( ?[^(\s|.,!?…。，、।۔،)]+)";

const std::vector<TokenizerFamily>& all_families() {
  static const std::vector<TokenizerFamily> all = {
      {.names = {"gpt-2", "phi-2", "olmo", "jina-es", "jina-de", "jina-v1-en", "jina-v2-es",
                 "jina-v2-de", "mpt", "mellum", "dbrx-gpt2", "modern-bert", "gigachat", "exaone4",
                 "jina-v2-code", "roberta-bpe", "jais", "trillion", "granite-docling"},
       .patterns = {gpt2_pattern}},
      {.names = {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0",
                 "lfm2"},
       .patterns = {llama3_pattern},
       .whole_words = true,
       .add_bos = true},
      {.names = {"dbrx", "smaug-bpe", "glm4", "chatglm-bpe"}, .patterns = {llama3_pattern}},
      {.names = {"qwen2", "deepseek-r1-qwen", "hunyuan", "stablelm2"},
       .patterns = {qwen2_pattern},
       .nfc = true},
      {.names = {"megrez", "kormo"}, .patterns = {qwen2_pattern}},
      {.names = {"starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b"},
       .patterns = {R"(\p{N})", gpt2_pattern}},
      {.names = {"gpt-4o", "llama4", "gpt-oss"}, .patterns = {o200k_pattern}},
      {.names = {"tekken"}, .patterns = {tekken_pattern}, .whole_words = true},
      {.names = {"deepseek-llm"},
       .patterns = {R"([\r\n])", deepseek_letters, R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)", R"(\s+$)",
                    R"([一-龥ࠀ-一가-퟿]+)", R"(\p{N}+)"}},
      {.names = {"deepseek-coder"},
       .patterns = {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", R"([一-龥ࠀ-一가-퟿]+)",
                    R"(\p{N})"}},
      {.names = {"deepseek-v3", "hunyuan-dense"},
       .patterns = {R"(\p{N}{1,3})", R"([一-龥぀-ゟ゠-ヿ]+)", deepseek3_pattern}},
      {.names = {"falcon"},
       .patterns = {R"([\p{P}\$\+<=>\^~\|`]+)", gpt2_pattern, "[0-9][0-9][0-9]"}},
      {.names = {"bloom", "poro-chat", "gpt3-finnish"}, .patterns = {punctuated_words}},
      {.names = {"viking"}, .patterns = {punctuated_words, R"(\p{N})"}},
      {.names = {"superbpe"}, .patterns = {R"(\p{N}+)", R"((?=(?:\d{3})+(?!\d)))"}},
      {.names = {"default"},
       .patterns = {R"([\p{P}\$\+<=>\^~\|]+)", gpt2_pattern, R"(\p{N}+)", "[0-9][0-9][0-9]"}},
  };
  return all;
}

}  // namespace

std::span<const TokenizerFamily> families() { return all_families(); }

const TokenizerFamily* find_family(std::string_view name) {
  for (const TokenizerFamily& each : families())
    if (std::find(each.names.begin(), each.names.end(), name) != each.names.end()) return &each;
  return nullptr;
}

const TokenizerFamily* find_family(std::span<const std::string> patterns, bool nfc,
                                   bool whole_words) {
  for (const TokenizerFamily& each : families())
    if (each.nfc == nfc && each.whole_words == whole_words &&
        std::ranges::equal(each.patterns, patterns))
      return &each;
  return nullptr;
}

#undef PLIANT_CONTRACTIONS
#undef PLIANT_UPPER
#undef PLIANT_LOWER
#undef PLIANT_SPACES

}  // namespace pliant::text
