// What a training run reads: packed rows from token shards, mixed, shuffled, and resumed to the
// row. docs/training-data.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "data/shards/shard.h"

namespace pliant::data {

struct Source {
  std::vector<std::string> shards = {};  // files, or folders of `pliant data pack`
  // its share of the windows, beside the other sources'; 0 (for all or none): its size, so that all
  // sources end an epoch together
  double weight = 0;
};

enum class Split : std::uint8_t { train, held_out };

struct PackingOptions {
  std::int64_t rows = 0;    // of a batch, all parts together: a multiple of `length`
  std::int64_t length = 0;  // rows of a window: no row sees beyond its window
  // Each window is the beginning of one document, what is longer is dropped, what is shorter padded
  // (as OpenELM was trained). Else documents follow one another, and what does not fit into a
  // window goes on in the next.
  bool cut_and_drop = false;
  std::uint64_t seed = 0;  // of the order
  // The share of documents that training never sees, in [0, 1). Who they are depends on their texts
  // alone: not on seed, order, tokenizer or the other documents, and copies stay together. Above 0
  // at least one is, where a source has two texts: then the same one every time.
  double held_out = 0;
  // This process gets windows [part, part + 1) / parts of each batch; the state is the same in all.
  int part = 0, parts = 1;
};

// Rows [R / parts], i32, as graphs of language models take them. Rows of one piece of a document
// have one `seq`, from 0 on; `pos` counts from 0 in each piece. Padding: seq -1, target -1, id 0.
struct Batch {
  Tensor ids, targets, seq, pos, tag;  // targets: the token after; tag: zeros
  std::int64_t valid = 0;              // targets that are tokens
};

// Where a run stands; a small value. Batches go on from it exactly, in any number of parts and with
// any number of rows in a batch.
struct State {
  struct Place {
    std::int64_t windows = 0;   // taken of this source so far
    std::int64_t epoch = 0;     // times that all its documents were seen
    std::int64_t document = 0;  // how far in this epoch's order
    std::int64_t row = 0;       // how far in that document
    bool operator==(const Place&) const = default;
  };
  std::uint64_t seed = 0;
  std::uint64_t data = 0;          // what it is a place in: shards, weights and options
  std::vector<Place> places = {};  // by source
  bool operator==(const State&) const = default;
};
std::string to_json(const State& state);
State state_from_json(std::string_view text, std::string_view place);  // throws Error{format}

// Sources are mixed by windows: after any number n of them, source i gave n * weight_i windows
// within less than one (Tijdeman, The chairman assignment problem, 1980). Each source's documents
// come in an order of its own for each epoch, all once before any comes again.
// Split::held_out gives the held-out documents once, sources by their sizes, the last windows
// padded; then next() says so and begins again.
class Batches {
 public:
  // Throws Error{usage} for options that make no sense, {not_found} and {format} for shards,
  // {invalid} for sources with different tokenizers and for a split without documents.
  Batches(const std::vector<Source>& sources, const PackingOptions& options, Split split);
  ~Batches();
  Batches(Batches&&) noexcept;
  Batches& operator=(Batches&&) noexcept;

  // Fills `batch`, whose memory it uses again. False, and nothing filled, at the end of a pass over
  // held-out documents. Throws Error{format} naming the shard and byte where one is damaged.
  bool next(Batch& batch);
  State state() const;
  // Throws Error{invalid} for the state of other data or options.
  void restore(const State& state);

  const TokenizerIdentity& tokenizer() const;
  // Of one pass over the split's documents:
  std::int64_t documents() const;   // those with two tokens or more
  std::int64_t tokens() const;      // theirs
  std::int64_t text_bytes() const;  // of the texts they stand for: bits per byte
  std::int64_t windows() const;     // padded ones included, if there are any
  void verify() const;              // reads all shards, to find damage before a run and not within

 private:
  class Mixture;
  std::unique_ptr<Mixture> mixture_;
};

}  // namespace pliant::data
