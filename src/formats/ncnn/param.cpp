#include "formats/ncnn/param.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "core/error.h"

namespace pliant::ncnn {
namespace {

constexpr int first_list = -23300;
constexpr int hint_id = 30;

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

[[noreturn]] void refuse(const std::string& place, std::string problem) {
  throw Error(ErrorKind::format, place, std::move(problem), "give a text file of ncnn (.param)");
}

template <typename T>
T number(std::string_view text, const std::string& place) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    refuse(place, fmt::format("'{}' is no number", text));
  return value;
}

double finite(std::string_view text, const std::string& place) {
  const double value = number<double>(text, place);
  if (!std::isfinite(value)) refuse(place, fmt::format("'{}' is not finite", text));
  return value;
}

// Per result: its number of dimensions, then width, height, channels.
void read_hints(const std::vector<double>& list, Layer& layer) {
  if (list.size() != layer.tops.size() * 4)
    refuse(layer.place, "shape hints are not four numbers per result");
  for (std::size_t i = 0; i < list.size(); i += 4) {
    const int dims = list[i] >= 1 && list[i] <= 3 ? static_cast<int>(list[i]) : 0;
    if (dims == 0) refuse(layer.place, "a shape hint is not of 1 to 3 dimensions");
    std::vector<std::int64_t> shape;
    for (int d = dims; d >= 1; --d) {
      const double size = list[i + d];
      if (!(size >= 1 && size <= 1 << 24))
        refuse(layer.place, "a shape hint has a size out of range");
      shape.push_back(static_cast<std::int64_t>(size));
    }
    layer.hints.push_back(std::move(shape));
  }
}

void read_parameter(std::string_view word, Layer& layer) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos)
    refuse(layer.place, fmt::format("'{}' is not ID=VALUE", word));
  const int id = number<int>(word.substr(0, equals), layer.place);
  const std::string_view value = word.substr(equals + 1);
  if (id > first_list && id < 0)
    refuse(layer.place, fmt::format("parameter {} is out of range", id));
  if (id >= 0) {
    if (!layer.numbers.emplace(id, finite(value, layer.place)).second)
      refuse(layer.place, fmt::format("parameter {} is given twice", id));
    return;
  }
  std::vector<double> list;
  for (const std::string_view each : split(value, ",")) list.push_back(finite(each, layer.place));
  if (list.empty() || list[0] != list.size() - 1)
    refuse(layer.place, fmt::format("list {} does not have the length it says", id));
  list.erase(list.begin());
  const int list_id = first_list - id;
  if (list_id == hint_id) read_hints(list, layer);
  else layer.lists[list_id] = std::move(list);
}

Layer read_layer(const std::vector<std::string_view>& words, std::string place) {
  Layer layer;
  layer.place = std::move(place);
  if (words.size() < 4) refuse(layer.place, "is not TYPE NAME BOTTOMS TOPS ...");
  layer.type = words[0];
  layer.name = words[1];
  const auto bottoms = number<std::uint16_t>(words[2], layer.place);
  const auto tops = number<std::uint16_t>(words[3], layer.place);
  if (words.size() < std::size_t{4} + bottoms + tops)
    refuse(layer.place, "names fewer blobs than it counts");
  layer.bottoms.assign(words.begin() + 4, words.begin() + 4 + bottoms);
  layer.tops.assign(words.begin() + 4 + bottoms, words.begin() + 4 + bottoms + tops);
  for (std::size_t i = std::size_t{4} + bottoms + tops; i < words.size(); ++i)
    read_parameter(words[i], layer);
  return layer;
}

}  // namespace

std::int64_t Layer::whole(int id, std::int64_t otherwise, std::int64_t low,
                          std::int64_t high) const {
  const auto found = numbers.find(id);
  if (found == numbers.end()) return otherwise;
  const double value = found->second;
  if (value != std::floor(value) || value < low || value > high)
    throw Error(ErrorKind::invalid, place,
                fmt::format("'{}' ({}): parameter {} is {}, not a whole number from {} to {}", name,
                            type, id, value, low, high));
  return static_cast<std::int64_t>(value);
}

std::vector<Layer> read_layers(std::string_view text, std::string_view place) {
  std::vector<Layer> layers;
  std::size_t counted = 0;
  int line = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const auto words = split(text.substr(at, end - at), " \t\r");
    at = end + 1;
    const std::string where = fmt::format("{} line {}", place, ++line);
    if (line == 1 && (words.size() != 1 || words[0] != "7767517"))
      refuse(where, "does not begin with 7767517");
    if (line == 1 || words.empty()) continue;
    if (line == 2) {
      if (words.size() != 2) refuse(where, "is not the number of layers and of blobs");
      counted = number<std::uint32_t>(words[0], where);
    } else {
      layers.push_back(read_layer(words, where));
    }
  }
  if (line < 2 || layers.size() != counted)
    refuse(std::string(place), fmt::format("has {} layers but says {}", layers.size(), counted));
  return layers;
}

}  // namespace pliant::ncnn
