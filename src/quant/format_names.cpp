#include "quant/format_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "core/suggest.h"

namespace pliant {
namespace {

std::string upper_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

}  // namespace

std::string format_name(const Stored& stored) {
  if (stored.encoding != Encoding::plain) return std::string(name(stored.encoding));
  return upper_case(name(stored.type.dtype));
}

std::vector<std::string> format_names() {
  std::vector<std::string> names{"F32", "F16", "BF16"};
  for (int i = 1; i < encoding_count; ++i)
    if (traits(static_cast<Encoding>(i)).block_elements > 1)
      names.emplace_back(name(static_cast<Encoding>(i)));
  return names;
}

Encoding format_from_name(std::string_view name, std::string_view place) {
  const std::vector<std::string> names = format_names();
  const std::string upper = upper_case(name);
  if (std::ranges::find(names, upper) == names.end())
    throw Error(ErrorKind::usage, std::string(place),
                fmt::format("'{}' is not one of: {}", name, fmt::join(names, ", ")),
                did_you_mean(name, names));
  return upper == "F32" ? Encoding::plain : encoding_from_name(upper);
}

}  // namespace pliant
