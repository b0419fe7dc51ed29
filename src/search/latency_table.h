// Latencies of blocks, as they were timed on a phone: {"KEY": milliseconds, ...}, the keys of
// models/elasticvit/blocks.h. A subnet takes the sum of its blocks.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "search/predictor.h"

namespace pliant::search {

class LatencyTable {
 public:
  // Throws Error{format} for what is not of this form; milliseconds are finite and not negative.
  LatencyTable(std::string_view text, std::string file);
  const std::string& file() const { return file_; }
  // "pixel6" of ".../pixel6_lut_ln_v3.json": the file's name up to "_lut", or to its extension
  std::string phone() const;
  double at(const std::string& key) const;  // throws Error{not_found} naming file and block

 private:
  std::string file_;
  std::unordered_map<std::string, double> milliseconds_;
};

// Every .json file of a folder, by name. Throws Error{not_found} for a folder without any, and
// Error{invalid} for two of one phone.
std::vector<LatencyTable> latency_tables(const std::string& folder);

// Milliseconds. Throws as LatencyTable::at().
class TablePredictor : public StagePredictor {
 public:
  // both must outlive it
  TablePredictor(const elasticvit::Space& space, const LatencyTable& table)
      : StagePredictor(space), table_(table) {}
  const LatencyTable& table() const { return table_; }
  double stage(std::int64_t resolution, std::size_t stage, std::int64_t input_width,
               const elasticvit::StageChoice& choice) const override;
  double head(std::int64_t resolution, std::int64_t width) const override;

 private:
  const LatencyTable& table_;
};

}  // namespace pliant::search
