#include "search/latency_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
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

std::string LatencyTable::phone() const {
  const std::string name = file_name(file_);
  return name.substr(0, std::min(name.find("_lut"), name.rfind('.')));
}

double LatencyTable::at(const std::string& key) const {
  const auto found = milliseconds_.find(key);
  if (found == milliseconds_.end())
    throw Error(ErrorKind::not_found, file_, fmt::format("has no block '{}'", key),
                "its space is another one");
  return found->second;
}

std::vector<LatencyTable> latency_tables(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> files;
  for (const auto& each : std::filesystem::directory_iterator(folder, error))
    if (each.path().extension() == ".json") files.push_back(each.path().string());
  if (files.empty())
    throw Error(ErrorKind::not_found, folder,
                error ? "cannot be read: " + error.message() : "has no .json file",
                "a table is {\"BLOCK\": milliseconds, ...}, called PHONE_lut.json");
  std::sort(files.begin(), files.end());
  std::vector<LatencyTable> tables;
  for (const std::string& file : files) {
    tables.emplace_back(MappedFile(file).text(), file);
    for (std::size_t i = 0; i + 1 < tables.size(); ++i)
      if (tables[i].phone() == tables.back().phone())
        throw Error(ErrorKind::invalid, file,
                    fmt::format("is a second table of '{}'", tables[i].phone()),
                    "the first is " + tables[i].file());
  }
  return tables;
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
