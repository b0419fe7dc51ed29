#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>

#include "text/algorithms/merge_queue.h"
#include "text/algorithms/model.h"
#include "text/unicode/unicode.h"
#include "text/words/bytes.h"

namespace pliant::text {
namespace {

// Merges by pair: open addressing, since this look-up is what encoding spends its time on.
class PairTable {
 public:
  struct Found {
    std::uint32_t rank;
    TokenId merged;
  };
  explicit PairTable(std::span<const Merge> merges)
      : slots_(std::bit_ceil(2 * merges.size() + 2)), shift_(64 - std::countr_zero(slots_.size())) {
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
      Slot& slot = slots_[place(key(merges[rank].left, merges[rank].right))];
      if (slot.merged < 0)
        slot = {key(merges[rank].left, merges[rank].right), static_cast<std::uint32_t>(rank),
                merges[rank].merged};
    }
  }
  std::optional<Found> find(TokenId left, TokenId right) const {
    const Slot& slot = slots_[place(key(left, right))];
    if (slot.merged < 0) return {};
    return Found{slot.rank, slot.merged};
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t rank = 0;
    TokenId merged = -1;
  };
  static std::uint64_t key(TokenId left, TokenId right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
  }
  std::size_t place(std::uint64_t key) const {  // of the key, or of the empty slot for it
    std::size_t at = key * 0x9E3779B97F4A7C15 >> shift_;
    while (slots_[at].merged >= 0 && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  std::vector<Slot> slots_;
  int shift_;
};

class MergeModel : public SubwordModel {
 public:
  MergeModel(const Vocabulary& vocabulary, std::span<const Merge> merges, Unknown unknown,
             const MergeOptions& options)
      : vocabulary_(vocabulary), pairs_(merges), unknown_(std::move(unknown)), options_(options) {
    if (!options_.bytes) return;
    for (int byte = 0; byte < 256; ++byte)
      bytes_.push_back(vocabulary.find(byte_character(static_cast<unsigned char>(byte))));
  }

  void encode(std::string_view word, std::vector<TokenId>& ids) const override {
    if (options_.whole_words)
      if (const TokenId whole =
              vocabulary_.find(options_.bytes ? byte_characters(word) : std::string(word));
          whole >= 0)
        return ids.push_back(whole);
    const std::size_t begin = ids.size();
    if (options_.bytes) add_bytes(word, ids);
    else add_characters(word, ids);
    if (ids.size() - begin < options_.linear_below) merge_few(begin, ids);
    else merge_many(begin, ids);
  }

 private:
  void add_bytes(std::string_view word, std::vector<TokenId>& ids) const {
    bool after_unknown = false;
    for (const char c : word) {
      const TokenId id = bytes_[static_cast<unsigned char>(c)];
      if (id < 0) unknown_.add({&c, 1}, after_unknown, ids);
      else ids.push_back(id), after_unknown = false;
    }
  }
  void add_characters(std::string_view word, std::vector<TokenId>& ids) const {
    bool after_unknown = false;
    while (!word.empty()) {
      const std::string_view character = word.substr(0, first_char(word).size);
      const TokenId id = vocabulary_.find(character);
      if (id < 0) unknown_.add(character, after_unknown, ids);
      else ids.push_back(id), after_unknown = false;
      word.remove_prefix(character.size());
    }
  }

  // Scans for the best pair again and again: quadratic, and the fastest for the words of ordinary
  // text.
  void merge_few(std::size_t begin, std::vector<TokenId>& ids) const {
    while (ids.size() - begin > 1) {
      std::optional<PairTable::Found> best;
      std::size_t at = 0;
      for (std::size_t i = begin; i + 1 < ids.size(); ++i)
        if (const auto found = pairs_.find(ids[i], ids[i + 1]);
            found && (!best || found->rank < best->rank))
          best = found, at = i;
      if (!best) return;
      ids[at] = best->merged;
      ids.erase(ids.begin() + at + 1);
    }
  }

  struct ByRank {
    using Value = std::uint32_t;
    const PairTable& pairs;
    std::optional<Value> value(TokenId left, TokenId right) const {
      const auto found = pairs.find(left, right);
      return found ? std::optional(found->rank) : std::nullopt;
    }
    TokenId merge(TokenId left, TokenId right) const { return pairs.find(left, right)->merged; }
  };
  void merge_many(std::size_t begin, std::vector<TokenId>& ids) const {
    std::vector<TokenId> symbols(ids.begin() + begin, ids.end());
    merge_chain(symbols, ByRank{pairs_});
    ids.resize(begin);
    ids.insert(ids.end(), symbols.begin(), symbols.end());
  }

  const Vocabulary& vocabulary_;
  PairTable pairs_;
  Unknown unknown_;
  MergeOptions options_;
  std::vector<TokenId> bytes_;
};

}  // namespace

void Unknown::add(std::string_view character, bool& after_unknown,
                  std::vector<TokenId>& ids) const {
  if (!bytes.empty()) {
    for (const char c : character) ids.push_back(bytes[static_cast<unsigned char>(c)]);
    after_unknown = false;
  } else if (id >= 0) {
    if (!after_unknown || !fuse) ids.push_back(id);
    after_unknown = true;
  }
}

std::unique_ptr<SubwordModel> merge_model(const Vocabulary& vocabulary,
                                          std::span<const Merge> merges, Unknown unknown,
                                          const MergeOptions& options) {
  return std::make_unique<MergeModel>(vocabulary, merges, std::move(unknown), options);
}

bool cuts_at_marks(const Vocabulary& vocabulary) {
  if (vocabulary.find(space_mark) < 0) return false;
  for (const PieceEntry& entry : vocabulary.entries()) {
    if (entry.kind != TokenKind::normal && entry.kind != TokenKind::user_defined) continue;
    std::string_view rest = entry.piece;
    while (rest.starts_with(space_mark)) rest.remove_prefix(space_mark.size());
    if (rest.find(space_mark) != std::string_view::npos) return false;
  }
  return true;
}

}  // namespace pliant::text
