#include "search/latency_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "search/latency_table.h"
#include "search/regression.h"

namespace pliant::search {
namespace {

std::string name_of(const std::string& file) {
  const std::string name = file_name(file);
  return name.substr(0, std::min(name.find("_lut"), name.rfind('.')));
}

std::unique_ptr<const StagePredictor> read(const elasticvit::Space& space,
                                           const std::string& file) {
  const MappedFile mapped(file);
  if (has_prices(mapped.text()))
    return std::make_unique<PricedWork>(space, prices_from_json(mapped.text(), file));
  return std::make_unique<TablePredictor>(space, LatencyTable(mapped.text(), file));
}

}  // namespace

std::vector<NamedPredictor> latency_predictors(const elasticvit::Space& space,
                                               const std::string& folder) {
  std::error_code error;
  std::vector<std::string> files;
  for (const auto& each : std::filesystem::directory_iterator(folder, error))
    if (each.path().extension() == ".json") files.push_back(each.path().string());
  if (files.empty())
    throw Error(ErrorKind::not_found, folder,
                error ? "cannot be read: " + error.message() : "has no .json file",
                "a table is {\"BLOCK\": milliseconds, ...}, called PHONE_lut.json");
  std::sort(files.begin(), files.end());
  std::vector<NamedPredictor> predictors;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string name = name_of(files[i]);
    for (std::size_t k = 0; k < i; ++k)
      if (predictors[k].name == name)
        throw Error(ErrorKind::invalid, files[i], fmt::format("is a second table of '{}'", name),
                    "the first is " + files[k]);
    predictors.push_back({name, read(space, files[i])});
  }
  return predictors;
}

}  // namespace pliant::search
