// How results are printed.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>
#include <string_view>

namespace pliant {

// names that are no UTF-8 are mended
void print_json(std::ostream& out, const nlohmann::ordered_json& json);

// "traffic     37,632 B", the text from column 12 on; a label may be empty.
void print_line(std::ostream& out, std::string_view label, std::string_view text);

std::string exact_bytes(std::int64_t bytes);  // "1,605,632 B (1.53 MiB)"

}  // namespace pliant
