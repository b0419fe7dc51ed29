// Strict JSON, the one way that files and requests of others are parsed. For .cpp files only: it brings the JSON
// library's header.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace pliant {

// Throws Error{format} at `place` for anything but one JSON value: broken text (with its byte), a number no double
// holds, a field given twice in one object, nesting deeper than `max_depth`.
nlohmann::json parse_json(std::string_view text, std::string_view place, int max_depth = 64);
nlohmann::ordered_json parse_ordered_json(std::string_view text, std::string_view place, int max_depth = 64);

}  // namespace pliant
