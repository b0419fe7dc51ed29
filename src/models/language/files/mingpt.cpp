#include "models/language/files/mingpt.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/json.h"
#include "models/language/files/assemble.h"
#include "models/language/files/load.h"

namespace pliant {
namespace {

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::array<std::int8_t, 256> digit_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < digits.size(); ++i)
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
  return values;
}

// RFC 4648 with padding; throws Error{format} for anything else.
std::vector<std::byte> from_base64(std::string_view text, const std::string& place) {
  static const auto values = digit_values();
  const auto fail = [&] { throw Error(ErrorKind::format, place, "the data is no base64"); };
  if (text.size() % 4 != 0) fail();
  std::size_t end = text.size();
  while (end > 0 && text.size() - end < 2 && text[end - 1] == '=') --end;
  std::vector<std::byte> result;
  result.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text.substr(0, end)) {
    const int value = values[static_cast<unsigned char>(c)];
    if (value < 0) fail();
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) result.push_back(static_cast<std::byte>(bits >> (held -= 8) & 0xff));
  }
  return result;
}

// The four f32 tensors per layer that Linear has are [out, in] here, unlike in Hugging Face's
// GPT-2.
Tensor tensor_of(const JsonNode& file, const std::string& name, const Shape& wanted) {
  const auto entry = file.find(name);
  if (!entry)
    throw Error(ErrorKind::not_found, file.place(), fmt::format("has no tensor '{}'", name));
  if (const std::string dtype = entry->text("dtype"); dtype != "torch.float32")
    throw Error(ErrorKind::unsupported, entry->place(),
                fmt::format("is {}; float32 is read", dtype));
  if (const Shape shape = entry->integers("shape"); shape != wanted)
    throw Error(ErrorKind::invalid, entry->place(),
                fmt::format("is {}, the config says {}", to_string(shape), to_string(wanted)));
  const std::vector<std::byte> data = from_base64(entry->text("data"), entry->place());
  const TensorType type{DType::f32, wanted};
  if (std::cmp_not_equal(data.size(), bytes(type)))
    throw Error(ErrorKind::invalid, entry->place(),
                fmt::format("{} in {} bytes", to_string(type), data.size()));
  Tensor tensor(type);
  std::memcpy(tensor.view().data, data.data(), data.size());
  return tensor;
}

LanguageConfig config_of(const JsonNode& file) {
  const JsonNode json = file.object("config");
  // The fields of a GPT-2 config.json under minGPT's names.
  const std::string text = fmt::format(
      R"({{"model_type": "gpt2", "vocab_size": {}, "n_embd": {}, "n_positions": {}, "n_head": {}, "n_layer": {},
          "tie_word_embeddings": false}})",
      json.integer("vocab_size"), json.integer("n_embd"), json.integer("block_size"),
      json.integer("n_head"), json.integer("n_layer"));
  return config_from_json(text, json.place());
}

}  // namespace

bool is_mingpt(std::string_view text) {
  const std::string_view start = text.substr(0, 400);
  return start.starts_with('{') && start.find("\"config\"") != std::string_view::npos &&
         start.find("\"block_size\"") != std::string_view::npos;
}

LanguageModel mingpt_model(std::string_view text, std::string_view place) {
  const nlohmann::json document = parse_json(text, place);
  const JsonNode file(document, place);
  LanguageModel model{config_of(file), nullptr};
  auto weights = std::make_shared<WeightStore>();
  for (const WeightSpec& spec : weight_table(model.config))
    weights->add(spec.name(),
                 tensor_of(file, weight_source(NameScheme::hugging_face, model.config, spec).name,
                           spec.shape));
  model.weights = std::move(weights);
  return model;
}

}  // namespace pliant
