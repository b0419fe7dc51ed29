#include "core/json.h"
#include "data/shards/batches.h"

namespace pliant::data {

std::string to_json(const State& state) {
  nlohmann::ordered_json json{{"seed", state.seed},
                              {"data", hexadecimal(state.data)},
                              {"places", nlohmann::ordered_json::array()}};
  for (const State::Place& each : state.places)
    json["places"].push_back({{"windows", each.windows},
                              {"epoch", each.epoch},
                              {"document", each.document},
                              {"row", each.row}});
  return json.dump();
}

State state_from_json(std::string_view text, std::string_view place) {
  const nlohmann::json document = parse_json(text, place);
  const JsonNode root(document, place);
  const JsonNode seed = root.object().at("seed");
  if (!seed.json().is_number_unsigned()) seed.fail("is no whole number from 0 on");
  State state{.seed = seed.json().get<std::uint64_t>(),
              .data = from_hexadecimal(root.text("data"), root.place("data")),
              .places = {}};
  for (const JsonNode& each : root.objects("places"))
    state.places.push_back({.windows = each.integer("windows"),
                            .epoch = each.integer("epoch"),
                            .document = each.integer("document"),
                            .row = each.integer("row")});
  return state;
}

}  // namespace pliant::data
