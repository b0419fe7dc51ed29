// What the verbs of search have in common: a space, and what subnets of it cost.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "command/verb.h"
#include "models/elasticvit/architecture.h"
#include "search/latency_folder.h"

namespace pliant::cli {

struct SearchOptions {
  std::string space, tables;
};
std::vector<Option> search_options(SearchOptions& options);
Option tables_option(std::string& tables);

// Where tables are looked for: --latency-tables, which must hold some, or the folder latency-tables
// of PLIANT_DATA. Without tables a message says how to give them.
class SearchSubject {
 public:
  SearchSubject(const SearchOptions& options, const Invocation& context);
  // of a space that is known; `tables` as the option
  SearchSubject(elasticvit::Space space, const std::string& tables, const Invocation& context);
  SearchSubject(const SearchSubject&) = delete;

  const elasticvit::Space& space() const { return space_; }
  bool is_published() const { return space_ == elasticvit::published_space(); }
  const std::vector<search::NamedPredictor>& phones() const { return phones_; }
  // Throws Error{usage} naming those that there are.
  const search::StagePredictor& phone(const std::string& name, const std::string& place) const;

  // flops, parameters in three ways, latency_ms
  nlohmann::ordered_json costs(const elasticvit::Architecture& architecture) const;
  nlohmann::ordered_json json(const elasticvit::Architecture& architecture) const;  // as "arch" is

 private:
  elasticvit::Space space_;
  std::vector<search::NamedPredictor> phones_;  // that know the space
};

// A name, JSON, or a file of it, also one that holds it as "arch". Throws Error{not_found} naming
// the names that there are.
elasticvit::Architecture architecture_of(const std::string& text, const SearchSubject& subject,
                                         const std::string& place);

}  // namespace pliant::cli
