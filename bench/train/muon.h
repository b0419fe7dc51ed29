// Does Muon reach AdamW's loss on fewer tokens? S0, three paired seeds, rates swept for each.
#pragma once

#include <cstdint>
#include <string>

namespace pliant::bench {

struct Experiment {
  std::string data;                  // folder of `pliant data pack`, or a shard: bytes, for S0
  std::string folder;                // where rows.jsonl grows and runs are kept until they are done
  std::int64_t tokens = 10'000'000;  // of AdamW's runs
};

// Runs what rows.jsonl lacks, each run from its newest checkpoint, and prints what came of it.
void compare_optimizers(const Experiment& experiment);

}  // namespace pliant::bench
