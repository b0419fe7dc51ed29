// A corpus into a folder of token shards: what `pliant data pack` does. docs/training-data.md.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/pool.h"
#include "data/pack/encoding.h"
#include "data/shards/folder.h"

namespace pliant::data {

struct PackOptions {
  ReadingOptions reading = {};
  EncodingOptions encoding = {};
  std::string tokenizer_file = {};  // named in the folder
  std::int64_t shard_tokens = std::int64_t{1}
                              << 27;  // of a shard at most, but for a longer document
  bool append = false;                // to the folder, which then holds packed text
};

struct PackState {
  std::int64_t bytes = 0, bytes_read = 0;  // of the corpus, as it is on disk
  EncodingCounts counts;
};
// Called now and then; may throw to end the work.
using PackWatch = std::function<void(const PackState&)>;

struct PackSummary {
  EncodingCounts counts = {};
  std::int64_t files = 0, empty_documents = 0;
  std::array<std::int64_t, fault_count> skipped{};  // by Fault
  std::vector<std::string> first_skipped = {};
  std::int64_t shards = 0, shard_bytes = 0;  // written
  TokenizerIdentity tokenizer = {};
};

// Writes shards, then corpus.json that names them. When anything throws, the folder is as it was.
// The same corpus gives the same bytes at every number of threads. Throws Error{usage} for a folder
// that holds packed text or does not, against `append`, Error{invalid} for one packed with another
// tokenizer and for a corpus of which nothing is left, Error{io} for a full disk, and what
// Corpus::next() throws.
PackSummary pack(const std::vector<std::string>& files, const std::string& folder,
                 const Tokenizer& tokenizer, const PackOptions& options, ThreadPool& pool,
                 const PackWatch& watch = {});

// The same by the beginning of the corpus, with nothing written.
struct PackEstimate {
  bool whole = false;  // that beginning was all
  double documents = 0, tokens = 0, text_bytes = 0, shard_bytes = 0, seconds = 0;
};
PackEstimate estimate(const std::vector<std::string>& files, const Tokenizer& tokenizer,
                      const PackOptions& options, ThreadPool& pool,
                      const std::function<double()>& clock, const PackWatch& watch = {},
                      std::int64_t sample_bytes = std::int64_t{4} << 20);

}  // namespace pliant::data
