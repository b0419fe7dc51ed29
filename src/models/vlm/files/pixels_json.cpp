// preprocessor_config.json.
#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "models/vlm/files/load.h"

namespace pliant {
namespace {

constexpr double clip_mean[3] = {0.48145466, 0.4578275, 0.40821073},
                 clip_std[3] = {0.26862954, 0.26130258, 0.27577711};

[[noreturn]] void unread(const JsonNode& json, std::string problem) {
  throw Error(ErrorKind::unsupported, json.place(), std::move(problem));
}

PixelOptions published(const VlmConfig& config) {
  PixelOptions options;
  options.side = config.vision.side;
  if (config.family == VlmFamily::llava) {
    options.shortest = options.side;
    std::ranges::copy(clip_mean, options.normalization.mean);
    std::ranges::copy(clip_std, options.normalization.std);
  } else {
    options.filter = Filter::lanczos;
    options.longest = 4 * options.side;
    std::ranges::fill(options.normalization.mean, 0.5);
    std::ranges::fill(options.normalization.std, 0.5);
  }
  return options;
}

// By Pillow's numbers.
Filter filter_of(const JsonNode& json, Filter otherwise) {
  switch (json.integer("resample", otherwise == Filter::cubic ? 3 : 1)) {
    case 1: return Filter::lanczos;
    case 2: return Filter::triangle;
    case 3: return Filter::cubic;
    default:
      unread(json, fmt::format("'resample' {}: read are 1 (Lanczos), 2 (bilinear), 3 (bicubic)",
                               json.integer("resample")));
  }
}

void three(const JsonNode& json, std::string_view key, double (&values)[3]) {
  if (!json.has(key)) return;
  const std::vector<double> given = json.numbers(key);
  if (given.size() != 3)
    throw Error(ErrorKind::format, json.place(key),
                fmt::format("{} numbers, one for each of 3 channels expected", given.size()));
  std::ranges::copy(given, values);
}

void read_normalization(const JsonNode& json, Normalization& normalization) {
  three(json, "image_mean", normalization.mean);
  three(json, "image_std", normalization.std);
  for (const double each : normalization.std)
    if (!(each > 0))
      throw Error(ErrorKind::invalid, json.place("image_std"),
                  fmt::format("a deviation of {}", each));
  if (!json.truth("do_rescale", true)) unread(json, "pixels that are not rescaled");
  constexpr double one = 1.0 / 255;
  if (const double factor = json.number("rescale_factor", one); std::abs(factor - one) > 1e-9)
    unread(json, fmt::format("'rescale_factor' {}; 1 / 255 is read", factor));
  if (!json.truth("do_normalize", true)) {
    std::ranges::fill(normalization.mean, 0);
    std::ranges::fill(normalization.std, 1);
  }
}

// A number, or the size of a square.
std::int64_t square(const JsonNode& json, std::string_view key, std::int64_t otherwise) {
  if (!json.has(key)) return otherwise;
  if (json.at(key).json().is_number()) return json.integer(key);
  const JsonNode size = json.object(key);
  const std::int64_t height = size.integer("height");
  if (size.integer("width") != height)
    unread(size, fmt::format("{} x {} pixels, a square expected", size.integer("width"), height));
  return height;
}

void read_clip_sizes(const JsonNode& json, PixelOptions& options) {
  if (!json.truth("do_resize", true)) unread(json, "pictures that are not resized");
  if (json.truth("do_pad", false)) unread(json, "pictures made square by padding");
  if (json.has("size")) {
    const JsonNode size = json.at("size");
    options.shortest =
        size.json().is_object() && size.has("shortest_edge") ? size.integer("shortest_edge") : 0;
    if (options.shortest == 0) unread(json, "a 'size' that is not by the shortest edge");
  }
  if (json.truth("do_center_crop", true)) {
    const std::int64_t crop = square(json, "crop_size", options.side);
    if (crop != options.side)
      throw Error(ErrorKind::invalid, json.place("crop_size"),
                  fmt::format("{} pixels, the image encoder reads {}", crop, options.side));
  } else {
    unread(json, "pictures of any proportions: their middle is not cut out");
  }
}

void read_idefics_sizes(const JsonNode& json, PixelOptions& options) {
  if (json.has("size")) options.longest = json.object("size").integer("longest_edge");
  if (json.has("max_image_size"))
    if (const std::int64_t side = json.object("max_image_size").integer("longest_edge");
        side != options.side)
      throw Error(
          ErrorKind::invalid, json.place("max_image_size"),
          fmt::format("frames of {} pixels, the image encoder reads {}", side, options.side));
  options.split = json.truth("do_image_splitting", true);
  if (!json.truth("do_resize", true)) unread(json, "pictures that are not resized");
}

}  // namespace

PixelOptions pixel_options_from_json(std::string_view text, std::string_view place,
                                     const VlmConfig& config) {
  const nlohmann::json document = parse_json(text, place);
  const JsonNode whole(document, place);
  const JsonNode json = whole.find("image_processor").value_or(whole);
  PixelOptions options = published(config);
  options.filter = filter_of(json, options.filter);
  read_normalization(json, options.normalization);
  if (config.family == VlmFamily::llava) read_clip_sizes(json, options);
  else read_idefics_sizes(json, options);
  return options;
}

PixelOptions vlm_folder_pixels(const std::string& path, const VlmConfig& config) {
  for (const char* name : {"/preprocessor_config.json", "/processor_config.json"})
    if (const std::string file = path + name; std::filesystem::exists(file)) {
      const std::string text = read_file(file);
      if (text.find("image_mean") != std::string::npos)  // not of a processor's text alone
        return pixel_options_from_json(text, file, config);
    }
  return published(config);
}

}  // namespace pliant
