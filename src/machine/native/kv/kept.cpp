// Beginnings of sequences that are kept for others which begin alike.
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "machine/native/kv/cache.h"

namespace pliant::kv {

namespace {

void check_part(std::int64_t length, std::int64_t whole, const std::string& place) {
  if (length < 0 || length > whole)
    throw Error(ErrorKind::invalid, place, fmt::format("the first {} tokens of {}", length, whole));
}

}  // namespace

bool Cache::keeps(SeqId id) const {
  const Sequence& sequence = find(id);
  return !sequence.policy.editor && sequence.floor == 0;
}

std::int64_t Cache::keepable(std::int64_t length) const {
  std::int64_t row = 0;  // pages, one for each chain
  for (const CacheLayer& layer : layers()) row += layer.heads;
  const std::int64_t rows = row == 0 ? 0 : options().kept_bytes / chains_.page_bytes() / row;
  return options().kept == 0 ? 0 : std::min(length, rows * page_entries);
}

bool Cache::has_room(SeqId id, std::int64_t length) const {
  if (std::ranges::find(kept_, 0) == kept_.end()) return false;
  std::int64_t pages = chains_.memory().kept();
  chains_.each(slot(id), [&](const ChainId& chain) {
    pages += chains_.unkept(chain, std::min(length, chains_.entries(chain)));
  });
  return pages <= options().kept_bytes / chains_.page_bytes();
}

KeptId Cache::keep(SeqId id, std::int64_t length) {
  const std::string place = fmt::format("sequence {}", id);
  if (!keeps(id)) throw Error(ErrorKind::invalid, place, "has forgotten a part of its beginning");
  check_part(length, this->length(id), place);
  if (!has_room(id, length))
    throw Error(ErrorKind::capacity, place,
                fmt::format("{} tokens cannot be kept beside the others", length),
                "forget another one");
  const auto free = std::ranges::find(kept_, 0);
  const KeptId kept{static_cast<std::int32_t>(free - kept_.begin())};
  chains_.each(slot(id), [&](const ChainId& chain) {
    chains_.keep(chain, {slot(kept), chain.layer, chain.head}, length);
  });
  Sequence& sequence = find(id);
  sequence.reserved = this->length(id);  // where it would be written is shared now
  *free = length;
  return kept;
}

void Cache::forget(KeptId kept) {
  chains_.each(slot(kept), [&](const ChainId& chain) { chains_.forget(chain); });
  kept_[static_cast<std::size_t>(kept)] = 0;
}

void Cache::adopt(SeqId id, KeptId kept, std::int64_t length) {
  check_part(length, kept_[static_cast<std::size_t>(kept)],
             fmt::format("kept beginning {}", static_cast<int>(kept)));
  share_first(slot(kept), find(id), length);
}

void Cache::adopt(SeqId id, SeqId other, std::int64_t length) {
  const std::string place = fmt::format("sequence {}", other);
  if (id == other || !keeps(other))
    throw Error(ErrorKind::invalid, place, "is none whose beginning another one can adopt");
  check_part(length, this->length(other), place);
  share_first(slot(other), find(id), length);
  Sequence& from = find(other);
  from.reserved = this->length(other);
}

void Cache::share_first(std::size_t from, Sequence& to, std::int64_t length) {
  truncate(to.id, 0);
  chains_.each(from, [&](const ChainId& chain) {
    chains_.share(chain, {slot(to.id), chain.layer, chain.head}, length);
  });
  for (std::size_t layer = 0; layer < layers().size(); ++layer)
    to.lengths[layer] = layers()[layer].heads > 0 ? length : 0;
  to.reserved = length;
}

}  // namespace pliant::kv
