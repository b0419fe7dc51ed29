// Latencies of blocks, as they were timed on a phone: {"KEY": milliseconds, ...}, the keys of
// models/elasticvit/blocks.h. A subnet takes the sum of its blocks.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "search/predictor.h"

namespace pliant::search {

class LatencyTable {
 public:
  // Throws Error{format} for what is not of this form; milliseconds are finite and not negative.
  LatencyTable(std::string_view text, std::string file);
  double at(const std::string& key) const;  // throws Error{not_found} naming file and block

 private:
  std::string file_;
  std::unordered_map<std::string, double> milliseconds_;
};

// Milliseconds. Throws as LatencyTable::at().
class TablePredictor : public StagePredictor {
 public:
  TablePredictor(const elasticvit::Space& space, LatencyTable table)  // `space` must outlive it
      : StagePredictor(space), table_(std::move(table)) {}
  double stage(std::int64_t resolution, std::size_t stage, std::int64_t input_width,
               const elasticvit::StageChoice& choice) const override;
  double head(std::int64_t resolution, std::int64_t width) const override;

 private:
  LatencyTable table_;
};

}  // namespace pliant::search
