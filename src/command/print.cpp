#include "command/print.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/units.h"

namespace pliant {

void print_json(std::ostream& out, const nlohmann::ordered_json& json) {
  out << json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

void print_line(std::ostream& out, std::string_view label, std::string_view text) {
  out << fmt::format("{:<12}{}\n", label, text);
}

std::string exact_bytes(std::int64_t bytes) {
  const std::string exact = grouped_text(bytes) + " B";
  return bytes < 10240 ? exact : fmt::format("{} ({})", exact, bytes_text(bytes));
}

}  // namespace pliant
