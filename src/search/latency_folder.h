// Predictors of milliseconds as files: tables of blocks, and prices of what subnets do.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "search/predictor.h"

namespace pliant::search {

struct NamedPredictor {
  std::string name;  // of the phone or processor
  std::unique_ptr<const StagePredictor> predictor;
};

// Every .json file of a folder, by name; the predictor is called as its file is, up to "_lut" or to
// the extension. `space` must outlive them. Throws Error{not_found} for a folder without any,
// Error{invalid} for two of one name, Error{format} for a file that is neither.
std::vector<NamedPredictor> latency_predictors(const elasticvit::Space& space,
                                               const std::string& folder);

}  // namespace pliant::search
