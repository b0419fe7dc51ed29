#include "data/pack/encoding.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/rng.h"
#include "text/unicode/unicode.h"

namespace pliant::data {
namespace {

// Of text that is encoded at a time: enough for all processors to have something to do.
constexpr std::int64_t batch_bytes_per_thread = std::int64_t{2} << 20;

void check(const char* option, std::int64_t limit) {
  if (limit < 0) throw Error(ErrorKind::usage, option, "is below 0");
}

}  // namespace

Encoder::Encoder(Corpus& corpus, const Tokenizer& tokenizer, const EncodingOptions& options,
                 ThreadPool& pool)
    : corpus_(corpus), tokenizer_(tokenizer), options_(options), pool_(pool) {
  check("piece-words", options.filters.piece_words);
  check("min-characters", options.filters.min_characters);
  check("min-tokens", options.filters.min_tokens);
  const SpecialTokens& special = tokenizer.special();
  const bool wanted =
      options.begin == Begin::always || (options.begin == Begin::automatic && special.add_bos);
  if (options.begin == Begin::always && special.bos < 0)
    throw Error(ErrorKind::usage, "begin", "the tokenizer has no token that begins a text",
                "leave the option out");
  if (wanted) begin_ = special.bos;
  if (options.end) end_ = special.eos;
}

void Encoder::read_ahead() {
  ahead_.clear();
  const std::int64_t enough = batch_bytes_per_thread * pool_.threads();
  Document document;
  for (std::int64_t bytes = 0; bytes < enough && corpus_.next(document);) {
    bytes += std::ssize(document.text) + std::int64_t{sizeof(Text)};
    text_read_ += std::ssize(document.text);
    const std::uint64_t hash = hash64(document.text);
    ahead_.push_back({std::move(document.text), hash});
  }
}

void Encoder::cut() {
  pieces_.clear();
  at_ = 0;
  for (const Text& each : texts_) {
    ++counts_.documents;
    counts_.text_bytes += std::ssize(each.text);
    for (const std::string_view piece : pieces_of(each.text, options_.filters.piece_words))
      pieces_.push_back({.text = piece, .hash = each.hash});
  }
}

// While some encode, one reads on.
void Encoder::encode_batch() {
  if (!std::exchange(begun_, true)) read_ahead();
  texts_ = std::exchange(ahead_, {});
  cut();
  pool_.parallel(std::ssize(pieces_) + 1, [&](std::int64_t index, int) {
    if (index == 0) read_ahead();
    else encode(pieces_[index - 1]);
  });
}

void Encoder::encode(Piece& piece) const {
  std::string normal;
  if (options_.nfc) normal = text::normalize(piece.text, text::NormalForm::nfc);
  const std::string_view text = options_.nfc ? normal : piece.text;
  if (is_blank(text)) {
    piece.fate = Fate::blank;
    return;
  }
  const FilterOptions& filters = options_.filters;
  if (filters.min_characters > 0 && normalised_length(text) < filters.min_characters) {
    piece.fate = Fate::few_characters;
    return;
  }
  // names of control tokens in a text are plain text
  std::vector<TokenId> ids =
      tokenizer_.encode(text, {.add_special = false, .parse_special = false});
  if (begin_ >= 0) ids.insert(ids.begin(), begin_);
  if (end_ >= 0) ids.push_back(end_);
  if (std::ssize(ids) < filters.min_tokens) piece.fate = Fate::few_tokens;
  piece.encoded = {std::move(ids), std::ssize(text), piece.hash};
}

void Encoder::count(const Piece& piece) {
  counts_.blank += piece.fate == Fate::blank;
  counts_.few_characters += piece.fate == Fate::few_characters;
  counts_.few_tokens += piece.fate == Fate::few_tokens;
  if (piece.fate != Fate::kept) return;
  ++counts_.pieces;
  counts_.tokens += std::ssize(piece.encoded.ids);
  counts_.kept_bytes += piece.encoded.text_bytes;
  counts_.unknown += std::ranges::count(piece.encoded.ids, tokenizer_.special().unknown);
}

Encoded* Encoder::next() {
  while (true) {
    if (at_ == pieces_.size()) encode_batch();
    if (pieces_.empty()) return nullptr;
    Piece& piece = pieces_[at_++];
    count(piece);
    if (piece.fate == Fate::kept) return &piece.encoded;
  }
}

}  // namespace pliant::data
