#include "models/language/files/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "formats/safetensors/safetensors.h"
#include "models/language/files/layout.h"
#include "models/language/files/llama2c.h"
#include "models/language/files/load.h"
#include "models/language/files/mlx.h"
#include "models/language/files/same_config.h"

namespace pliant {
namespace {

bool has_blocks(Encoding encoding) { return traits(encoding).block_elements > 1; }

struct FileTensor {
  std::string name;
  OwnedWeight piece;
};

class Conversion {
 public:
  Conversion(const LanguageModel& model, ModelFormat format, const WriteOptions& options)
      : model_(model),
        format_(format),
        options_(options),
        scheme_(format == ModelFormat::gguf ? NameScheme::gguf : NameScheme::hugging_face),
        wanted_(layout_for(format, model.config)) {
    const Encoding embedding = model.weights->at(weight_name(Part::embedding)).encoding;
    home_ = is_half(embedding) ? embedding : Encoding::plain;
  }

  const LanguageConfig& wanted() const { return wanted_; }

  // The tensors of the file, joined where it has several weights in one.
  std::vector<FileTensor> tensors() const {
    std::vector<std::pair<std::string, std::vector<WeightSpec>>> files;
    for (const WeightSpec& spec : weight_table(wanted_)) {
      const std::string name = weight_source(scheme_, wanted_, spec).name;
      if (files.empty() || files.back().first != name) files.push_back({name, {}});
      files.back().second.push_back(spec);
    }
    std::vector<FileTensor> result;
    for (const auto& [name, specs] : files) {
      if (options_.progress) options_.progress(name, result.size(), files.size());
      result.push_back({name, tensor(name, specs)});
    }
    return result;
  }

 private:
  OwnedWeight tensor(const std::string& name, const std::vector<WeightSpec>& specs) const {
    std::vector<OwnedWeight> parts;
    for (const WeightSpec& spec : specs) parts.push_back(laid_out(model_, wanted_, spec));
    OwnedWeight piece = joined(parts);
    if (weight_source(scheme_, wanted_, specs[0]).transposed) piece = transposed(piece);
    return recoded(piece, type_of(piece, specs[0].part), name, options_.pool);
  }

  // GGUF keeps norms, biases and places in f32. Where others have one type for all, what was
  // widened for that reason and loses nothing is narrowed again.
  Encoding type_of(const OwnedWeight& piece, Part part) const {
    const Encoding now = piece.stored.encoding;
    const bool small = piece.stored.type.shape.size() < 2 || part == Part::positions;
    if (format_ == ModelFormat::gguf) {
      if (small) return Encoding::plain;
      const Encoding type = options_.type.value_or(now);
      return piece.stored.type.shape.back() % traits(type).block_elements == 0 ? type
                                                                               : Encoding::f16;
    }
    if (options_.type) return *options_.type;
    if (has_blocks(now)) return Encoding::plain;
    return now == Encoding::plain && is_half(home_) && holds_exactly(piece, home_) ? home_ : now;
  }

  const LanguageModel& model_;
  ModelFormat format_;
  const WriteOptions& options_;
  NameScheme scheme_;
  LanguageConfig wanted_;
  Encoding home_ = Encoding::plain;
};

// f16 and bf16 weights are tensors of these types in files.
TensorType file_type(const Stored& stored) {
  if (stored.encoding == Encoding::f16) return {DType::f16, stored.type.shape};
  if (stored.encoding == Encoding::bf16) return {DType::bf16, stored.type.shape};
  return stored.type;
}

Encoding file_encoding(Encoding encoding) { return is_half(encoding) ? Encoding::plain : encoding; }

OwnedWeight list_piece(const std::vector<double>& values) {
  const auto owner =
      std::make_shared<const Tensor>(Tensor::of(DType::f32, {std::ssize(values)}, values));
  return {{owner->type(), Encoding::plain, owner->raw()}, owner};
}

// The tensors' bytes, kept by those who own them.
std::shared_ptr<const void> owner_of(std::vector<FileTensor> tensors) {
  return std::make_shared<const std::vector<FileTensor>>(std::move(tensors));
}

GgufModel gguf_contents(const LanguageModel& model, const std::string& name,
                        const WriteOptions& options) {
  const Conversion conversion(model, ModelFormat::gguf, options);
  const LanguageConfig& config = conversion.wanted();
  std::vector<FileTensor> tensors = conversion.tensors();
  const bool two = !config.rotary_short_factors.empty();
  if (!config.rotary_factors.empty())
    tensors.push_back({two ? "rope_factors_long.weight" : "rope_freqs.weight",
                       list_piece(config.rotary_factors)});
  if (two)
    tensors.push_back({"rope_factors_short.weight", list_piece(config.rotary_short_factors)});
  Gguf file;
  for (const FileTensor& each : tensors) {
    const Stored& stored = each.piece.stored;
    file.tensors.push_back(
        {each.name, {file_type(stored), file_encoding(stored.encoding), stored.bytes}});
  }
  file.metadata = config_to_gguf(config);
  file.metadata.emplace_back("general.name", name);
  file.metadata.emplace_back("general.file_type", gguf_file_type(file.tensors));
  if (std::ranges::any_of(
          tensors, [](const FileTensor& each) { return has_blocks(each.piece.stored.encoding); }))
    file.metadata.emplace_back("general.quantization_version", std::uint32_t{2});
  file.metadata.insert(file.metadata.end(), options.metadata.begin(), options.metadata.end());
  refuse_difference(config, config_from_gguf(file, name), "GGUF");
  return {std::move(file), {}, owner_of(std::move(tensors))};
}

void check_safetensors_type(const WriteOptions& options) {
  if (options.type && has_blocks(*options.type))
    throw Error(ErrorKind::usage, "--type", fmt::format("folders have no {}", name(*options.type)),
                "choose f32, f16 or bf16, or write GGUF");
}

void write_folder(const std::string& path, const std::string& config,
                  std::vector<SafeTensor> tensors, const std::string& format) {
  // Wide elements first: then all are aligned without gaps.
  std::ranges::stable_sort(tensors, std::greater{},
                           [](const SafeTensor& each) { return size_of(each.type.dtype); });
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error)
    throw Error(ErrorKind::io, path, fmt::format("the folder cannot be made: {}", error.message()));
  write_safetensors(path + "/model.safetensors", {{{"format", format}}, std::move(tensors)}, false);
  write_file(path + "/config.json", config);
  // of a model that was written over
  std::filesystem::remove(path + "/model.safetensors.index.json", error);
  if (error)
    throw Error(ErrorKind::io, path,
                fmt::format("the old index cannot be removed: {}", error.message()));
}

nlohmann::ordered_json folder_config(const LanguageModel& model, const WriteOptions& options) {
  auto config = parse_ordered_json(config_to_json(model.config), "config.json");
  for (const auto& [key, id] : options.token_ids) {
    if (id < 0) config[key] = nullptr;
    else config[key] = id;
  }
  return config;
}

void write_hugging_face(const LanguageModel& model, const std::string& path,
                        const WriteOptions& options) {
  check_safetensors_type(options);
  const std::string config = folder_config(model, options).dump(2) + "\n";
  const std::vector<FileTensor> tensors =
      Conversion(model, ModelFormat::hugging_face, options).tensors();
  std::vector<SafeTensor> file;
  for (const FileTensor& each : tensors)
    file.push_back({each.name, file_type(each.piece.stored), each.piece.stored.bytes});
  write_folder(path, config, std::move(file), "pt");
}

// Matrices that MLX quantises: of linear layers and the embedding, when rows fall into whole
// groups.
bool quantizable(const FileTensor& tensor, std::int64_t group) {
  const Shape& shape = tensor.piece.stored.type.shape;
  return shape.size() == 2 && shape[1] % group == 0;
}

void check_mlx(const LanguageModel& model, const WriteOptions& options) {
  check_safetensors_type(options);
  if (options.bits == 0) return;
  if (options.bits != 4 && options.bits != 8)
    throw Error(ErrorKind::usage, "--bits",
                fmt::format("{} bits; 4 and 8 are written", options.bits));
  if (options.group != 32 && options.group != 64 && options.group != 128)
    throw Error(ErrorKind::usage, "--group",
                fmt::format("groups of {}; 32, 64 and 128 are written", options.group));
  if (model.config.family == Family::gpt2)
    throw Error(ErrorKind::unsupported, "MLX",
                "quantised GPT-2: its readers transpose the matrices of such folders");
}

void write_mlx(const LanguageModel& model, const std::string& path, const WriteOptions& options) {
  check_mlx(model, options);
  auto config = folder_config(model, options);
  std::vector<FileTensor> tensors = Conversion(model, ModelFormat::mlx, options).tensors();
  if (model.config.family == Family::gpt2)  // mlx-lm knows the names without their first component
    for (FileTensor& each : tensors)
      if (each.name.starts_with("transformer."))
        each.name.erase(0, std::string_view("transformer.").size());
  std::vector<std::pair<std::string, OwnedWeight>> pieces;
  const auto add = [&](const std::string& name, Tensor tensor, Encoding encoding) {
    const auto owner = std::make_shared<const Tensor>(std::move(tensor));
    const OwnedWeight piece{{owner->type(), Encoding::plain, owner->raw()}, owner};
    pieces.emplace_back(
        name, owner->type().dtype == DType::f32 ? recoded(piece, encoding, name, nullptr) : piece);
  };
  for (const FileTensor& each : tensors) {
    if (options.bits == 0 || !quantizable(each, options.group)) {
      pieces.emplace_back(each.name, each.piece);
      continue;
    }
    const Tensor values = decode(each.piece.stored);
    check_finite({values.type(), Encoding::plain, values.raw()}, each.name);
    mlx::Quantized quantized = mlx::quantize(values.view(), options.bits, options.group);
    const std::string stem = each.name.substr(0, each.name.rfind('.'));
    const Encoding encoding = each.piece.stored.encoding;
    add(each.name, std::move(quantized.codes), encoding);
    add(stem + ".scales", std::move(quantized.scales), encoding);
    add(stem + ".biases", std::move(quantized.biases), encoding);
  }
  if (options.bits != 0) {
    config["quantization"] = {
        {"group_size", options.group}, {"bits", options.bits}, {"mode", "affine"}};
    config["quantization_config"] = config["quantization"];
  }
  std::vector<SafeTensor> file;
  for (const auto& [name, piece] : pieces)
    file.push_back({name, file_type(piece.stored), piece.stored.bytes});
  write_folder(path, config.dump(2) + "\n", std::move(file), "mlx");
}

void write_llama2c(const LanguageModel& model, const std::string& path,
                   const WriteOptions& options) {
  if (options.type && *options.type != Encoding::plain)
    throw Error(ErrorKind::usage, "--type", "llama2.c checkpoints of version 0 are f32");
  Llama2c header;
  header.config = layout_for(ModelFormat::llama2c, model.config);
  const LanguageConfig& c = header.config;
  LanguageConfig kept;  // what seven integers say
  kept.family = Family::llama;
  kept.vocabulary = c.vocabulary;
  kept.width = c.width;
  kept.context = c.context;
  kept.layers.assign(
      c.layers.size(),
      {.heads = c.layers[0].heads, .kv_heads = c.layers[0].kv_heads, .ffn = c.layers[0].ffn});
  kept.head_width = c.width / c.layers[0].heads;
  kept.tied = c.tied;
  kept.rotary_pairs = true;
  if (c.family != Family::llama)
    throw Error(ErrorKind::unsupported, "llama2.c",
                fmt::format("holds Llama models, not {}", name(c.family)));
  refuse_difference(c, kept, "llama2.c");
  write_file(path, [&](std::ostream& out) {
    const auto put = [&](const auto& value) {
      out.write(reinterpret_cast<const char*>(&value), sizeof value);
    };
    const std::int64_t vocabulary = c.tied ? c.vocabulary : -c.vocabulary;
    for (const std::int64_t each : {c.width, c.layers[0].ffn, std::ssize(c.layers),
                                    c.layers[0].heads, c.layers[0].kv_heads, vocabulary, c.context})
      put(static_cast<std::int32_t>(each));
    const auto put_weight = [&](const WeightSpec& spec) {
      const Tensor values = decode(laid_out(model, c, spec).stored);
      out.write(reinterpret_cast<const char*>(values.raw().data()), std::ssize(values.raw()));
    };
    const std::vector<WeightSpec> order = header.order();
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (options.progress) options.progress(order[i].name(), i, order.size());
      put_weight(order[i]);
    }
    for (const bool cosine : {true, false})
      for (std::int64_t position = 0; position < c.context; ++position)
        for (std::int64_t i = 0; i < c.head_width / 2; ++i) {
          const double angle = position * std::pow(c.rotary_base, -2.0 * i / c.head_width);
          put(static_cast<float>(cosine ? std::cos(angle) : std::sin(angle)));
        }
    if (const auto shape = weight_shape(c, Part::head)) put_weight({Part::head, -1, *shape});
  });
}

}  // namespace

GgufModel as_gguf(const LanguageModel& model, const std::string& name,
                  const WriteOptions& options) {
  check(model.config, name);
  return gguf_contents(model, name, options);
}

void write_language_model(const LanguageModel& model, ModelFormat format, const std::string& path,
                          const WriteOptions& options) {
  check(model.config, path);
  if (options.bits != 0 && format != ModelFormat::mlx)
    throw Error(ErrorKind::usage, "--bits", "quantises for MLX alone", "other formats take --type");
  switch (format) {
    case ModelFormat::hugging_face: return write_hugging_face(model, path, options);
    case ModelFormat::gguf:
      return write_gguf(path, gguf_contents(model, file_name(path), options).contents);
    case ModelFormat::mlx: return write_mlx(model, path, options);
    case ModelFormat::llama2c: return write_llama2c(model, path, options);
  }
}

}  // namespace pliant
