#include "core/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "core/error.h"

namespace pliant {
namespace {

struct Quantity {
  double value = 0;
  std::string_view unit;
};

// A non-negative decimal number followed by letters; unit "?" if the text is something else.
Quantity split(std::string_view text) {
  Quantity q;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), q.value, std::chars_format::fixed);
  const bool number =
      error == std::errc() && std::isfinite(q.value) && q.value >= 0 && text[0] != '-';
  q.unit = number ? text.substr(end - text.data()) : "?";
  while (q.unit.starts_with(' ')) q.unit.remove_prefix(1);
  return q;
}

template <std::size_t N>
double factor(const std::array<std::pair<std::string_view, double>, N>& units,
              std::string_view unit) {
  for (const auto& [name, value] : units)
    if (name == unit) return value;
  return 0;
}

constexpr double kibi = 1024;
constexpr std::array<std::pair<std::string_view, double>, 13> byte_units{{
    {"", 1},
    {"B", 1},
    {"KiB", kibi},
    {"K", kibi},
    {"MiB", kibi* kibi},
    {"M", kibi* kibi},
    {"GiB", kibi* kibi* kibi},
    {"G", kibi* kibi* kibi},
    {"TiB", kibi* kibi* kibi* kibi},
    {"kB", 1e3},
    {"KB", 1e3},
    {"MB", 1e6},
    {"GB", 1e9},
}};
constexpr std::array<std::pair<std::string_view, double>, 6> count_units{
    {{"", 1}, {"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}}};
constexpr std::array<std::pair<std::string_view, double>, 6> time_units{
    {{"", 1}, {"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"min", 60}, {"h", 3600}}};

// Nothing for another unit or a number that is not whole.
template <std::size_t N>
std::optional<std::int64_t> whole(std::string_view text,
                                  const std::array<std::pair<std::string_view, double>, N>& units) {
  const Quantity q = split(text);
  const double total = q.value * factor(units, q.unit);
  const bool known = factor(units, q.unit) > 0;
  if (!known || total > 0x1p53 || total != std::floor(total)) return std::nullopt;
  return static_cast<std::int64_t>(total);
}

}  // namespace

Bytes bytes_from_text(std::string_view text, std::string_view place) {
  if (const auto bytes = whole(text, byte_units)) return {*bytes};
  throw Error(ErrorKind::usage, std::string(place),
              fmt::format("'{}' is not a size in whole bytes", text),
              "write for example 4096, 512KiB or 1.5MiB");
}

std::int64_t count_from_text(std::string_view text, std::string_view place) {
  if (const auto count = whole(text, count_units)) return *count;
  throw Error(ErrorKind::usage, std::string(place), fmt::format("'{}' is not a whole number", text),
              "write for example 519, 100M or 1.5G");
}

Seconds seconds_from_text(std::string_view text, std::string_view place) {
  const Quantity q = split(text);
  if (factor(time_units, q.unit) == 0)
    throw Error(ErrorKind::usage, std::string(place), fmt::format("'{}' is not a duration", text),
                "write for example 30, 30s, 250ms or 2min");
  return {q.value * factor(time_units, q.unit)};
}

std::string bytes_text(std::int64_t bytes) {
  constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  double value = bytes;
  std::size_t unit = 0;
  for (; value >= kibi && unit + 1 < units.size(); ++unit) value /= kibi;
  const bool whole = value == std::floor(value);
  if (!whole && bytes < 100 * 1024) return fmt::format("{} B", bytes);
  return whole ? fmt::format("{:.0f} {}", value, units[unit])
               : fmt::format("{:.2f} {}", value, units[unit]);
}

std::string seconds_text(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.1f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.3g} ms", seconds * 1e3);
  if (seconds < 100) return fmt::format("{:.3g} s", seconds);
  const auto whole = static_cast<std::int64_t>(seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
}

std::string count_text(std::int64_t count) {
  constexpr std::array<const char*, 5> units{"", " k", " M", " G", " T"};
  if (count < 10000) return std::to_string(count);
  double value = count;
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < units.size(); ++unit) value /= 1000;
  return fmt::format("{:.3g}{}", value, units[unit]);
}

std::string grouped_text(std::int64_t count) {
  const std::string digits = std::to_string(count);
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > first && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

}  // namespace pliant
