#include "core/json.h"

#include <fmt/format.h>

#include <string>
#include <unordered_set>
#include <vector>

#include "core/error.h"

namespace pliant {
namespace {

template <typename Json>
Json parse(std::string_view text, std::string_view place, int max_depth) {
  const auto fail = [&](std::string problem) {
    throw Error(ErrorKind::format, std::string(place), std::move(problem));
  };
  std::vector<std::unordered_set<std::string>> fields;
  using Event = typename Json::parse_event_t;
  const auto strict = [&](int depth, Event event, Json& parsed) {
    if (depth > max_depth) fail(fmt::format("nested deeper than {} levels", max_depth));
    if (event == Event::object_start) fields.emplace_back();
    if (event == Event::object_end) fields.pop_back();
    if (event == Event::key && !fields.back().insert(parsed.template get<std::string>()).second)
      fail(fmt::format("field '{}' is given twice in one object",
                       parsed.template get<std::string>()));
    return true;
  };
  try {
    return Json::parse(text, strict);
  } catch (const typename Json::parse_error& error) {
    throw Error(ErrorKind::format, fmt::format("{} at byte {}", place, error.byte),
                "is not JSON: the text is broken here");
  } catch (const typename Json::out_of_range&) {
    throw Error(ErrorKind::format, std::string(place),
                "is not JSON: it holds a number beyond what a double holds");
  }
}

}  // namespace

nlohmann::json parse_json(std::string_view text, std::string_view place, int max_depth) {
  return parse<nlohmann::json>(text, place, max_depth);
}

nlohmann::ordered_json parse_ordered_json(std::string_view text, std::string_view place,
                                          int max_depth) {
  return parse<nlohmann::ordered_json>(text, place, max_depth);
}

}  // namespace pliant
