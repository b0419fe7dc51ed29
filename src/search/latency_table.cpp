#include "search/latency_table.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/json.h"
#include "models/elasticvit/blocks.h"

namespace pliant::search {

LatencyTable::LatencyTable(std::string_view text, std::string file) : file_(std::move(file)) {
  const nlohmann::json document = parse_json(text, file_);
  const JsonNode node(document, file_);
  for (const auto& [key, value] : node.object().json().items()) {
    if (!value.is_number() || !(value.get<double>() >= 0))
      node.fail(key, fmt::format("is {}, not milliseconds", value.dump()));
    milliseconds_.emplace(key, value.get<double>());
  }
}

double LatencyTable::at(const std::string& key) const {
  const auto found = milliseconds_.find(key);
  if (found == milliseconds_.end())
    throw Error(ErrorKind::not_found, file_, fmt::format("has no block '{}'", key),
                "its space is another one");
  return found->second;
}

double TablePredictor::stage(std::int64_t resolution, std::size_t stage, std::int64_t input_width,
                             const elasticvit::StageChoice& choice) const {
  double sum = 0;
  for (const std::string& key :
       elasticvit::stage_blocks(space(), resolution, stage, input_width, choice))
    sum += table_.at(key);
  return sum;
}

double TablePredictor::head(std::int64_t resolution, std::int64_t width) const {
  return table_.at(elasticvit::head_block(space(), resolution, width));
}

}  // namespace pliant::search
