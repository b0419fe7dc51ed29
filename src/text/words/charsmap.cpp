#include "text/words/charsmap.h"

#include <fmt/format.h>

#include "core/error.h"

namespace pliant::text {
namespace {

std::uint32_t little_endian_32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// A unit of the double array: a label, whether a value hangs below it, and the offset of its
// children.
constexpr std::uint32_t label_of(std::uint32_t unit) { return unit & 0x800000FF; }
constexpr bool has_value(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
constexpr std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7FFFFFFF; }
constexpr std::uint32_t offset_of(std::uint32_t unit) {
  return (unit >> 10) << ((unit & 0x200) >> 6);
}

}  // namespace

Charsmap::Charsmap(std::string_view blob, std::string_view place) : blob_(blob) {
  if (blob.empty()) return;
  const auto fail = [&](const std::string& problem) {
    throw Error(ErrorKind::format, std::string(place), "normalisation table: " + problem);
  };
  if (blob.size() < 8) fail("is cut");
  const std::size_t bytes = little_endian_32(blob);
  if (bytes > blob.size() - 4 || bytes % 4 != 0 || bytes == 0)
    fail(fmt::format("a trie of {} bytes in {}", bytes, blob.size() - 4));
  if (blob.size() == 4 + bytes || blob.back() != '\0') fail("the last replacement has no end");
  strings_ = 4 + bytes;
  for (std::size_t at = 4; at < strings_; at += 4)
    units_.push_back(little_endian_32(blob.substr(at)));
  for (std::size_t i = 0; i < units_.size(); ++i) {
    const std::size_t below = i ^ offset_of(units_[i]);
    if ((units_[i] >> 31) != 0 || !has_value(units_[i]) || below >= units_.size()) continue;
    if ((units_[below] >> 31) != 0 && value_of(units_[below]) >= blob.size() - strings_)
      fail(fmt::format("unit {} names a replacement beyond the end", below));
  }
}

std::optional<Charsmap::Found> Charsmap::longest(std::string_view text) const {
  std::optional<Found> best;
  if (units_.empty()) return best;
  std::size_t node = offset_of(units_[0]);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= units_.size() || label_of(units_[node]) != byte) break;
    const std::uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if (node >= units_.size()) break;
    if (!has_value(unit)) continue;
    const std::size_t at = strings_ + value_of(units_[node]);
    if (at < blob_.size()) best = Found{i + 1, std::string_view(blob_.c_str() + at)};
  }
  return best;
}

}  // namespace pliant::text
