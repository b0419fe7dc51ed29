#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>

#include "core/error.h"
#include "plan/place/place.h"

namespace pliant::place {
namespace {

constexpr std::int64_t kLargestSize = std::int64_t{1} << 62;

struct Cell {
  std::string_view text;
  std::size_t column = 1;  // of its first character
};

[[noreturn]] void malformed(std::string_view place, std::size_t line, std::size_t column,
                            const std::string& problem) {
  throw Error(
      ErrorKind::format,
      std::string(place) + " line " + std::to_string(line) + " column " + std::to_string(column),
      problem);
}

std::vector<Cell> cut(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::vector<Cell> fields;
  for (std::size_t at = 0;;) {
    const std::size_t comma = std::min(line.find(',', at), line.size());
    fields.push_back({line.substr(at, comma - at), at + 1});
    if (comma == line.size()) return fields;
    at = comma + 1;
  }
}

std::int64_t number(const Cell& field, std::int64_t low, std::int64_t high, std::string_view place,
                    std::size_t line) {
  std::int64_t value = 0;
  const char* end = field.text.data() + field.text.size();
  const auto [stop, error] = std::from_chars(field.text.data(), end, value);
  if (error != std::errc() || stop != end || value < low || value > high)
    malformed(place, line, field.column,
              "'" + std::string(field.text) + "' is not an integer from " + std::to_string(low) +
                  " to " + std::to_string(high));
  return value;
}

constexpr std::array<std::string_view, 4> kNames = {"id", "lower", "upper", "size"};

// Where each of kNames stands in the header.
std::array<std::size_t, 4> header_positions(const std::vector<Cell>& header,
                                            std::string_view place) {
  std::array<std::size_t, 4> positions{};
  for (std::size_t n = 0; n < kNames.size(); ++n) {
    std::size_t found = header.size();
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (header[i].text != kNames[n]) continue;
      if (found < header.size())
        malformed(place, 1, header[i].column,
                  "the header names '" + std::string(kNames[n]) + "' twice");
      found = i;
    }
    if (found == header.size())
      malformed(place, 1, 1, "the header lacks '" + std::string(kNames[n]) + "'");
    positions[n] = found;
  }
  return positions;
}

void read_row(Instance& instance, const std::vector<Cell>& row,
              const std::array<std::size_t, 4>& positions, std::string_view place,
              std::size_t line) {
  constexpr std::int64_t low = std::numeric_limits<std::int32_t>::min(),
                         high = std::numeric_limits<std::int32_t>::max();
  Rectangle each;
  each.lower = number(row[positions[1]], low, high, place, line);
  each.upper = number(row[positions[2]], low, high, place, line);
  each.size = number(row[positions[3]], 0, kLargestSize, place, line);
  if (each.upper < each.lower)
    malformed(
        place, line, row[positions[2]].column,
        "upper " + std::to_string(each.upper) + " is below lower " + std::to_string(each.lower));
  instance.ids.emplace_back(row[positions[0]].text);
  instance.rectangles.push_back(each);
}

}  // namespace

Instance instance_from_csv(std::string_view text, std::string_view place) {
  Instance instance;
  std::array<std::size_t, 4> positions{};
  std::size_t width = 0, line = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto row = cut(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (++line == 1) {
      positions = header_positions(row, place);
      width = row.size();
    } else if (row.size() > 1 || !row[0].text.empty()) {
      if (row.size() != width)
        malformed(
            place, line, row.back().column,
            "has " + std::to_string(row.size()) + " fields, the header " + std::to_string(width));
      read_row(instance, row, positions, place, line);
    }
  }
  if (line == 0) malformed(place, 1, 1, "is empty: a header was expected");
  return instance;
}

std::string instance_to_csv(const Instance& instance, const std::vector<std::int64_t>& offsets) {
  std::string out = "id,lower,upper,size,offset\n";
  for (std::size_t i = 0; i < instance.rectangles.size(); ++i) {
    const Rectangle& each = instance.rectangles[i];
    out += instance.ids[i];
    for (const std::int64_t value :
         {std::int64_t{each.lower}, std::int64_t{each.upper}, each.size, offsets[i]})
      out += "," + std::to_string(value);
    out += "\n";
  }
  return out;
}

}  // namespace pliant::place
