#include "open/network/inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "core/error.h"
#include "core/rng.h"
#include "core/suggest.h"
#include "formats/npy/npy.h"
#include "open/source.h"

namespace pliant {
namespace {

ImageLayout layout_of(const TensorType& type, const InputSources& given, const std::string& place) {
  const Shape& shape = type.shape;
  const auto fits = [&](ImageLayout layout) {
    return shape.size() == 4 && shape[0] == 1 && shape[layout == ImageLayout::nchw ? 1 : 3] == 3;
  };
  for (const ImageLayout layout : {ImageLayout::nchw, ImageLayout::nhwc})
    if (fits(layout) && given.layout.value_or(layout) == layout) return layout;
  throw Error(ErrorKind::invalid, place,
              fmt::format("an image cannot be the input of type {}", to_string(type)),
              "the input must be [1,3,H,W] (nchw) or [1,H,W,3] (nhwc)");
}

Tensor convert(const Tensor& from, const TensorType& type, const std::string& place) {
  if (from.type() == type) return from.copy();
  if (from.type().shape != type.shape)
    throw Error(ErrorKind::invalid, place,
                fmt::format("is {}, the input is {}", to_string(from.type()), to_string(type)));
  if (is_float(from.type().dtype) && !is_float(type.dtype))
    throw Error(ErrorKind::invalid, place,
                fmt::format("is {}, the input is {}", to_string(from.type()), to_string(type)),
                "save it as integers");
  Tensor to(type);
  for (std::int64_t i = 0, n = elements(type.shape); i < n; ++i)
    set(to.view(), i, get(from.view(), i));
  return to;
}

Tensor from_image(const Source& file, const TensorType& type, const InputSources& given) {
  const ImageLayout layout = layout_of(type, given, file.path());
  const auto height = static_cast<int>(
      std::min<std::int64_t>(type.shape[layout == ImageLayout::nchw ? 2 : 1], INT32_MAX));
  const auto width = static_cast<int>(
      std::min<std::int64_t>(type.shape[layout == ImageLayout::nchw ? 3 : 2], INT32_MAX));
  const Image image = decode_image(file.bytes(), file.path());
  const Image sized = given.fit == ImageFit::crop ? resize_and_crop(image, width, height)
                                                  : resize(image, width, height);
  if (type.dtype == DType::f32) return to_tensor(sized, layout, given.normalization);
  Normalization bytes;  // integer inputs take the pixels as they are
  std::fill(std::begin(bytes.std), std::end(bytes.std), 1 / 255.0);
  Tensor tensor(type);
  const Tensor pixels = to_tensor(sized, layout, bytes);
  for (std::int64_t i = 0, n = elements(type.shape); i < n; ++i)
    set(tensor.view(), i, std::round(get(pixels.view(), i)));
  return tensor;
}

Tensor random(const TensorType& type, std::uint64_t seed, const std::string& name) {
  Tensor tensor(type);
  Rng rng(seed, hash64(name));
  if (is_float(type.dtype)) fill_normal(tensor.view(), rng, 1);
  else fill_uniform(tensor.view(), rng, 0, 2);
  return tensor;
}

// "random" or "random:7".
std::optional<std::uint64_t> random_seed(const std::string& text, std::uint64_t otherwise) {
  if (text == "random") return otherwise;
  if (!text.starts_with("random:")) return {};
  std::uint64_t seed = 0;
  const std::string_view number = std::string_view(text).substr(7);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), seed);
  if (error != std::errc() || end != number.data() + number.size())
    throw Error(ErrorKind::usage, "--input " + text,
                fmt::format("'{}' is not a whole number from 0", number));
  return seed;
}

Tensor read_input(const std::string& source, const Value& input, const InputSources& given) {
  if (const auto seed = random_seed(source, given.seed))
    return random(input.type, *seed, input.name);
  const Source file(source);
  switch (file.kind()) {
    case FileKind::array: return convert(tensor_from_npy(file.bytes(), source), input.type, source);
    case FileKind::image: return from_image(file, input.type, given);
    default:
      throw Error(ErrorKind::format, source, "is neither a .npy array nor an image",
                  "give .npy, .png, .jpg or random");
  }
}

// Which text feeds each input.
std::vector<std::string> deal(const Graph& graph, const std::vector<std::string>& texts) {
  std::vector<std::string> names, sources(graph.inputs().size()), unnamed;
  for (const ValueId id : graph.inputs()) names.push_back(graph.value(id).name);
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    const auto at = std::find(names.begin(), names.end(), text.substr(0, equals));
    if (equals == std::string::npos) {
      unnamed.push_back(text);
      continue;
    }
    if (at == names.end())
      throw Error(ErrorKind::usage, "--input " + text,
                  fmt::format("the network has no input '{}'", text.substr(0, equals)),
                  did_you_mean(text.substr(0, equals), names));
    std::string& source = sources[at - names.begin()];
    if (!source.empty())
      throw Error(ErrorKind::usage, "--input " + text, "this input is given twice");
    source = text.substr(equals + 1);
  }
  std::size_t next = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (!sources[i].empty()) continue;
    if (next < unnamed.size()) sources[i] = unnamed[next++];
    else if (unnamed.size() == 1 && random_seed(unnamed[0], 0)) sources[i] = unnamed[0];
    else
      throw Error(ErrorKind::usage, "--input",
                  fmt::format("input '{}' of type {} is not given", names[i],
                              to_string(graph.value(graph.inputs()[i]).type)),
                  fmt::format("--input {}=random", names[i]));
  }
  if (next < unnamed.size())
    throw Error(ErrorKind::usage, "--input " + unnamed[next], "one input too many");
  return sources;
}

}  // namespace

std::vector<Tensor> read_inputs(const Graph& graph, const InputSources& given) {
  std::vector<Tensor> tensors;
  const std::vector<std::string> sources = deal(graph, given.texts);
  for (std::size_t i = 0; i < sources.size(); ++i)
    tensors.push_back(read_input(sources[i], graph.value(graph.inputs()[i]), given));
  return tensors;
}

}  // namespace pliant
