#include "text/train/bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <queue>
#include <unordered_map>

#include "core/error.h"
#include "text/words/added.h"
#include "text/words/bytes.h"
#include "text/words/families.h"
#include "text/words/normalize.h"
#include "text/words/split.h"

namespace pliant {
namespace text {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{16} << 20;
constexpr std::int64_t max_size = std::int64_t{1} << 24;

using Pair = std::pair<std::int32_t, std::int32_t>;
struct PairHash {
  std::size_t operator()(const Pair& pair) const {
    const auto both = std::uint64_t{static_cast<std::uint32_t>(pair.first)} << 32 |
                      static_cast<std::uint32_t>(pair.second);
    return both * 0x9E3779B97F4A7C15 >> 17;
  }
};

// Where a text may be cut without cutting a word of any family: between a letter and a line end.
std::size_t chunk_end(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  for (std::size_t at = chunk_bytes; at < text.size(); ++at)
    if (text[at] == '\n' && letter(text[at - 1])) return at;
  return text.size();
}

class WordCounts {
 public:
  explicit WordCounts(const TokenizerFamily& family) {
    if (family.nfc) normalizer_ = normalize_form(NormalForm::nfc);
    for (const std::string_view pattern : family.patterns)
      splitters_.push_back(split_by(Regex(pattern), SplitBehaviour::isolated));
  }

  void add(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = chunk_end(text);
      std::string chunk(text.substr(0, end));
      Words words(normalizer_ ? normalizer_->apply(std::move(chunk)) : std::move(chunk));
      for (const auto& step : splitters_) step->apply(words);
      for (const Word& word : words.words) count(words.view(word));
      text.remove_prefix(end);
    }
  }

  std::vector<std::pair<std::string, std::int64_t>> take() { return std::move(words_); }

 private:
  void count(std::string_view word) {
    std::string key(word);
    const auto [at, fresh] = places_.emplace(std::move(key), words_.size());
    if (fresh) words_.emplace_back(at->first, 0);
    ++words_[at->second].second;
  }
  std::shared_ptr<const Normalizer> normalizer_;
  Splitters splitters_;
  std::unordered_map<std::string, std::size_t> places_;
  // in the order of their first appearance
  std::vector<std::pair<std::string, std::int64_t>> words_;
};

// Words as symbols, and how often each pair of neighbours stands in all of them. A merge touches
// only the words that hold its pair, so the work is that of the changes.
class PairCounts {
 public:
  explicit PairCounts(const std::vector<std::pair<std::string, std::int64_t>>& words) {
    for (int byte = 0; byte < 256; ++byte) symbols_.emplace_back(1, static_cast<char>(byte));
    for (const auto& [word, count] : words) {
      if (word.size() < 2) continue;
      Entry& entry = entries_.emplace_back();
      entry.count = count;
      for (const char c : word) entry.symbols.push_back(static_cast<unsigned char>(c));
      add_pairs(entries_.size() - 1, 1, all);
    }
    changed_.clear();
    for (const auto& [pair, info] : pairs_) queue_.push(candidate(pair, info.count));
  }

  // The most frequent pair, the greater one of equals; nothing if none is left.
  std::optional<std::pair<Pair, std::int64_t>> best() {
    while (!queue_.empty()) {
      const Candidate top = queue_.top();
      queue_.pop();
      const auto at = pairs_.find(top.pair);
      const std::int64_t now = at == pairs_.end() ? 0 : at->second.count;
      if (now == top.count) return std::pair(top.pair, now);
      if (now > 0 && now < top.count) queue_.push(candidate(top.pair, now));
    }
    return {};
  }

  void merge(const Pair& pair) {
    const auto merged = static_cast<std::int32_t>(symbols_.size());
    symbols_.push_back(symbols_[pair.first] + symbols_[pair.second]);
    std::vector<std::size_t> words = std::move(pairs_[pair].words);
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    for (const std::size_t word : words) {
      add_pairs(word, -1, merged);
      replace(entries_[word].symbols, pair, merged);
      add_pairs(word, 1, merged);
    }
    pairs_.erase(pair);
    for (const Pair& changed : changed_)
      if (const auto at = pairs_.find(changed); at != pairs_.end() && at->second.count > 0)
        queue_.push(candidate(changed, at->second.count));
    changed_.clear();
  }

  const std::string& symbol(std::int32_t index) const { return symbols_[index]; }

 private:
  struct Entry {
    std::vector<std::int32_t> symbols;
    std::int64_t count = 0;
  };
  struct Info {
    std::int64_t count = 0;
    std::vector<std::size_t> words{};  // that held it once; may repeat
  };
  struct Candidate {
    std::int64_t count;
    Pair pair;
    const std::vector<std::string>* symbols;
    bool operator<(const Candidate& other) const {
      if (count != other.count) return count < other.count;
      const auto text = [&](std::int32_t index) -> const std::string& { return (*symbols)[index]; };
      const int left = text(pair.first).compare(text(other.pair.first));
      return left != 0 ? left < 0 : text(pair.second) < text(other.pair.second);
    }
  };

  Candidate candidate(const Pair& pair, std::int64_t count) const {
    return {count, pair, &symbols_};
  }

  static constexpr std::int32_t all = -1;

  // Counts the word's pairs, or uncounts them; only those with the symbol `fresh` can be new to the
  // word.
  void add_pairs(std::size_t word, int sign, std::int32_t fresh) {
    const Entry& entry = entries_[word];
    for (std::size_t i = 0; i + 1 < entry.symbols.size(); ++i) {
      const Pair pair(entry.symbols[i], entry.symbols[i + 1]);
      Info& info = pairs_[pair];
      info.count += sign * entry.count;
      if (sign > 0 && (fresh == all || pair.first == fresh || pair.second == fresh)) {
        info.words.push_back(word);
        changed_.push_back(pair);
      }
    }
  }

  static void replace(std::vector<std::int32_t>& symbols, const Pair& pair, std::int32_t merged) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      const bool here =
          symbols[i] == pair.first && i + 1 < symbols.size() && symbols[i + 1] == pair.second;
      symbols[kept++] = here ? merged : symbols[i];
      if (here) ++i;
    }
    symbols.resize(kept);
  }

  std::vector<std::string> symbols_;
  std::vector<Entry> entries_;
  std::unordered_map<Pair, Info, PairHash> pairs_;
  std::vector<Pair> changed_;
  std::priority_queue<Candidate> queue_;
};

const TokenizerFamily& checked_family(const BpeTraining& options) {
  const TokenizerFamily* family = find_family(options.family);
  if (family == nullptr)
    throw Error(ErrorKind::usage, "family",
                fmt::format("'{}' is no pre-tokenisation family", options.family));
  const std::int64_t least = 256 + options.special.size();
  if (options.size < least || options.size > max_size)
    throw Error(
        ErrorKind::usage, "size",
        fmt::format("{} entries: {} are needed for bytes and special tokens, {} are the most",
                    options.size, least, max_size));
  for (std::size_t i = 0; i < options.special.size(); ++i)
    if (options.special[i].empty() ||
        std::count(options.special.begin(), options.special.end(), options.special[i]) != 1)
      throw Error(ErrorKind::usage, "special",
                  fmt::format("'{}' is empty or given twice", options.special[i]));
  return *family;
}

// The text between special tokens.
std::vector<std::pair<std::string, std::int64_t>> count_words(std::string_view corpus,
                                                              const BpeTraining& options,
                                                              const TokenizerFamily& family) {
  std::vector<AddedToken> special;
  for (const std::string& token : options.special)
    special.push_back({.id = static_cast<TokenId>(special.size()), .content = token});
  WordCounts counts(family);
  for (const Segment& segment : AddedFinder(std::move(special)).split(corpus, true))
    if (segment.id < 0) counts.add(segment.text);
  return counts.take();
}

std::vector<std::string> first_pieces(const std::vector<std::string>& special) {
  std::vector<std::string> pieces = special, shifted;
  for (int byte = 0; byte < 256; ++byte) {  // GPT-2's order: bytes that print, then the others
    const std::string& character = byte_character(static_cast<unsigned char>(byte));
    (first_char(character).code < 0x100 ? pieces : shifted).push_back(character);
  }
  pieces.insert(pieces.end(), shifted.begin(), shifted.end());
  return pieces;
}

}  // namespace
}  // namespace text

TrainedBpe train_byte_bpe(std::string_view corpus, const BpeTraining& options) {
  using namespace text;
  const TokenizerFamily& family = checked_family(options);
  TrainedBpe trained{.pieces = first_pieces(options.special),
                     .merges = {},
                     .special = options.special,
                     .family = options.family};
  PairCounts counts(count_words(corpus, options, family));
  const std::int64_t begun = std::ssize(trained.pieces), all = options.size - begun;
  for (std::int64_t done = 0; done < all; ++done) {
    if (options.progress && done % 64 == 0) options.progress(done, all);
    const auto best = counts.best();
    if (!best || best->second < options.least_count) break;
    trained.merges.emplace_back(byte_characters(counts.symbol(best->first.first)),
                                byte_characters(counts.symbol(best->first.second)));
    trained.pieces.push_back(trained.merges.back().first + trained.merges.back().second);
    counts.merge(best->first);
  }
  return trained;
}

}  // namespace pliant
