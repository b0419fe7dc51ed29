#include "cli/search/subject.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "core/suggest.h"
#include "models/elasticvit/counts.h"

namespace pliant::cli {
namespace {

constexpr const char* how_to_give =
    "give a folder of {\"BLOCK\": milliseconds, ...} files with --latency-tables, or set "
    "PLIANT_DATA to a folder that has latency-tables";

std::string folder_of_tables(const std::string& tables) {
  if (!tables.empty()) return tables;
  const char* data = std::getenv("PLIANT_DATA");
  if (data == nullptr) return "";
  const std::filesystem::path folder = std::filesystem::path(data) / "latency-tables";
  return std::filesystem::is_directory(folder) ? folder.string() : "";
}

}  // namespace

std::vector<Option> search_options(SearchOptions& options) {
  std::vector<Option> list;
  list.push_back(option("space", "FILE", options.space, "a search space (JSON)")
                     .path()
                     .with_default("the published one"));
  list.push_back(tables_option(options.tables));
  return list;
}

Option tables_option(std::string& tables) {
  return option("latency-tables", "DIR", tables, "latencies of blocks, one JSON file per phone")
      .path()
      .with_default("latency-tables of PLIANT_DATA");
}

SearchSubject::SearchSubject(const SearchOptions& options, const Invocation& context)
    : SearchSubject(options.space.empty()
                        ? elasticvit::published_space()
                        : elasticvit::space_from_json(read_file(options.space), options.space),
                    options.tables, context) {}

SearchSubject::SearchSubject(elasticvit::Space space, const std::string& tables,
                             const Invocation& context)
    : space_(std::move(space)) {
  const std::string folder = folder_of_tables(tables);
  if (folder.empty()) {
    context.log.info(fmt::format("no latency tables: {}", how_to_give));
    return;
  }
  for (search::NamedPredictor& each : search::latency_predictors(space_, folder)) {
    try {
      each.predictor->predict(smallest(space_));
    } catch (const Error& error) {
      if (!tables.empty()) throw;  // asked for
      context.log.info(fmt::format("{} is left out: {}", each.name, error.problem()));
      continue;
    }
    phones_.push_back(std::move(each));
  }
}

const search::StagePredictor& SearchSubject::phone(const std::string& name,
                                                   const std::string& place) const {
  std::vector<std::string> names;
  for (const search::NamedPredictor& each : phones_) {
    if (each.name == name) return *each.predictor;
    names.push_back(each.name);
  }
  if (names.empty())
    throw Error(ErrorKind::usage, place, "there are no latency tables", how_to_give);
  throw Error(ErrorKind::usage, place, fmt::format("there is no table of '{}'", name),
              did_you_mean(name, names, fmt::format("choose one of {}", fmt::join(names, ", "))));
}

nlohmann::ordered_json SearchSubject::costs(const elasticvit::Architecture& architecture) const {
  const elasticvit::Parameters count = parameters(space_, architecture);
  nlohmann::ordered_json latencies = nlohmann::ordered_json::object();
  for (const search::NamedPredictor& each : phones_)
    latencies[each.name] = each.predictor->predict(architecture);
  return {{"flops", flops(space_, architecture)},
          {"parameters", count.read()},
          {"params_without_bias_tables", count.without_bias_tables},
          {"params_with_reachable_bias_rows", count.read()},
          {"params_with_full_bias_tables", count.without_bias_tables + count.all_bias_rows},
          {"latency_ms", std::move(latencies)}};
}

nlohmann::ordered_json SearchSubject::json(const elasticvit::Architecture& architecture) const {
  return nlohmann::ordered_json::parse(to_json(space_, architecture));
}

elasticvit::Architecture architecture_of(const std::string& text, const SearchSubject& subject,
                                         const std::string& place) {
  const elasticvit::Space& space = subject.space();
  if (text.starts_with("{")) return architecture_from_json(space, text, place);
  if (text == "smallest") return smallest(space);
  if (text == "largest") return largest(space);
  std::vector<std::string_view> names{"smallest", "largest"};
  if (subject.is_published())
    for (const elasticvit::Published& each : elasticvit::published_architectures()) {
      if (each.name == text) return each.architecture;
      names.push_back(each.name);
    }
  if (!std::filesystem::exists(text))
    throw Error(ErrorKind::not_found, place, fmt::format("'{}' is no file and no name", text),
                fmt::format("names: {}; or write JSON", fmt::join(names, ", ")));
  const std::string contents = read_file(text);
  const nlohmann::json json = parse_json(contents, text);
  if (json.is_object() && json.contains("arch"))  // what search find and search measure write
    return architecture_from_json(space, json["arch"].dump(), text + ": arch");
  return architecture_from_json(space, contents, text);
}

}  // namespace pliant::cli
