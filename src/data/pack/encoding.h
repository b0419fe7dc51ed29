// Documents of a corpus as token ids, on all processors, in the corpus's order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/pool.h"
#include "data/corpus/corpus.h"
#include "data/corpus/filters.h"
#include "text/tokenizer.h"

namespace pliant::data {

enum class Begin : std::uint8_t { automatic, always, never };

struct EncodingOptions {
  FilterOptions filters = {};
  bool nfc = false;  // bring texts into Unicode's normal form C
  // A token before each piece: automatic: where the tokenizer puts one before texts.
  Begin begin = Begin::automatic;
  bool end = true;  // and the end token after it, if the tokenizer has one
};

struct Encoded {
  std::vector<TokenId> ids = {};
  std::int64_t text_bytes = 0;
  std::uint64_t text_hash = 0;  // of the document
};

struct EncodingCounts {
  std::int64_t documents = 0, text_bytes = 0;  // read
  std::int64_t pieces = 0, tokens = 0, unknown = 0, kept_bytes = 0;
  // pieces that were dropped: blank ones, and those below the filters' limits
  std::int64_t blank = 0, few_characters = 0, few_tokens = 0;
};

class Encoder {
 public:
  // All outlive it. Throws Error{usage} for limits below 0 and a begin token that is wanted and not
  // there.
  Encoder(Corpus& corpus, const Tokenizer& tokenizer, const EncodingOptions& options,
          ThreadPool& pool);

  // The next piece that passed; null at the end. What it points to is the caller's to take until
  // the next call. Throws what Corpus::next() throws.
  Encoded* next();
  const EncodingCounts& counts() const { return counts_; }  // of pieces that next() passed
  bool is_batch_over() const {
    return at_ == pieces_.size();
  }                                                      // counts are of all that was encoded
  std::int64_t text_read() const { return text_read_; }  // bytes, those ahead included

 private:
  enum class Fate : std::uint8_t { kept, blank, few_characters, few_tokens };
  struct Text {
    std::string text;
    std::uint64_t hash = 0;
  };
  struct Piece {
    std::string_view text;
    std::uint64_t hash = 0;
    Fate fate = Fate::kept;
    Encoded encoded{};
  };

  void read_ahead();
  void cut();
  void encode_batch();
  void encode(Piece& piece) const;
  void count(const Piece& piece);

  Corpus& corpus_;
  const Tokenizer& tokenizer_;
  EncodingOptions options_;
  ThreadPool& pool_;
  TokenId begin_ = -1, end_ = -1;
  std::vector<Text> ahead_, texts_;  // read and not yet encoded; those that pieces_ point into
  std::vector<Piece> pieces_;
  std::size_t at_ = 0;
  std::int64_t text_read_ = 0;
  bool begun_ = false;
  EncodingCounts counts_;
};

}  // namespace pliant::data
