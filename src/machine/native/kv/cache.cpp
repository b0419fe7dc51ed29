#include "machine/native/kv/cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/checked.h"
#include "core/error.h"

namespace pliant::kv {

namespace {

constexpr std::int64_t most_positions = std::numeric_limits<std::int32_t>::max();

std::int64_t count_chains(const std::vector<Layer>& layers) {
  std::int64_t chains = 0;
  for (const Layer& layer : layers) chains = checked_add(chains, layer.heads, "cache");
  return chains;
}

std::int64_t page_bytes(const std::vector<Layer>& layers, DType dtype) {
  std::int64_t most = 0;
  for (const Layer& layer : layers)
    most = std::max(most, PageLayout{dtype, layer.key_width, layer.value_width}.bytes());
  return most;
}

std::int64_t count_pages(const std::vector<Layer>& layers, const CacheOptions& options) {
  const std::int64_t chains = checked_multiply(count_chains(layers), options.sequences, "cache");
  return checked_multiply(chains, ceil_div(options.context, page_entries), "cache");
}

// A cache that cannot be wrong.
CacheOptions checked(const std::vector<Layer>& layers, const CacheOptions& options) {
  if (options.dtype != DType::f32 && options.dtype != DType::f16 && options.dtype != DType::bf16)
    throw Error(ErrorKind::invalid, "cache type", std::string(name(options.dtype)), "f32, f16 or bf16");
  if (options.sequences < 1 || options.sequences > most_positions)
    throw Error(ErrorKind::invalid, "cache", fmt::format("{} sequences", options.sequences));
  if (options.context < 1 || options.context > most_positions - page_entries)
    throw Error(ErrorKind::invalid, "cache", fmt::format("a context of {} tokens", options.context));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    if (layer.heads < 0 || std::min(layer.key_width, layer.value_width) < 0 ||
        std::max(layer.key_width, layer.value_width) > widest_head)
      throw Error(ErrorKind::invalid, fmt::format("cache layer {}", i),
                  fmt::format("{} heads of width {} and {}; the widest is {}", layer.heads, layer.key_width,
                              layer.value_width, widest_head));
  }
  if (count_pages(layers, options) > most_positions)
    throw Error(ErrorKind::capacity, "cache", fmt::format("{} pages", count_pages(layers, options)),
                "ask for fewer sequences or a shorter context");
  return options;
}

}  // namespace

std::vector<Layer> layers_of(const Graph& graph) {
  constexpr int most_layers = 1 << 16;
  std::vector<Layer> result;
  for (const Op& op : graph.ops()) {
    const auto* attention = std::get_if<kind::Attention>(&op.kind);
    if (attention == nullptr || attention->cache < 0) continue;
    if (attention->cache >= most_layers)
      throw Error(ErrorKind::invalid, op.name, fmt::format("cache layer {}", attention->cache));
    const auto layer = static_cast<std::size_t>(attention->cache);
    if (result.size() <= layer) result.resize(layer + 1);
    if (result[layer].heads > 0)
      throw Error(ErrorKind::invalid, op.name, fmt::format("cache layer {} is used by another operator", layer));
    const Shape &k = graph.value(op.in[attention->k]).type.shape, &v = graph.value(op.in[attention->v]).type.shape;
    result[layer] = {k[1], k[2], v[2]};
  }
  return result;
}

std::int64_t Cache::bytes(const std::vector<Layer>& layers, const CacheOptions& options) {
  checked(layers, options);
  const std::int64_t pages = count_pages(layers, options);
  const std::int64_t each = page_bytes(layers, options.dtype) + static_cast<std::int64_t>(sizeof(PageId));
  return checked_multiply(pages, each, "cache");
}

std::int64_t Cache::bytes() const { return bytes(layers_, options_); }

Cache::Cache(std::vector<Layer> layers, const CacheOptions& options)
    : layers_(std::move(layers)),
      options_(checked(layers_, options)),
      chain_pages_(ceil_div(options.context, page_entries)),
      chains_(count_chains(layers_)),
      pages_(count_pages(layers_, options), page_bytes(layers_, options.dtype)),
      tables_(count_pages(layers_, options), "cache"),
      fate_(chain_pages_ * page_entries, "cache") {
  const auto slots = static_cast<std::size_t>(options.sequences), chains = static_cast<std::size_t>(chains_);
  std::int64_t first = 0;
  for (const Layer& layer : layers_) {
    first_chain_.push_back(first);
    first += layer.heads;
  }
  sequences_.resize(slots);
  for (std::size_t slot = 0; slot < slots; ++slot) {
    sequences_[slot].lengths.assign(layers_.size(), 0);
    next_ids_.push_back(static_cast<SeqId>(slot));
  }
  links_.resize(slots * chains);
  scratch_.resize(2 * widest_head);
}

Sequence& Cache::find(SeqId id) {
  if (id >= 0 && sequences_[index(id)].id == id) return sequences_[index(id)];
  throw Error(ErrorKind::invalid, fmt::format("sequence {}", id), "is not open");
}

const Sequence& Cache::find(SeqId id) const {
  return const_cast<Cache*>(this)->find(id);  // NOLINT: changes nothing
}

Cache::Links& Cache::links(std::size_t slot, std::int64_t chain) {
  return links_[slot * static_cast<std::size_t>(chains_) + static_cast<std::size_t>(chain)];
}

const Cache::Links& Cache::links(std::size_t slot, std::int64_t chain) const {
  return links_[slot * static_cast<std::size_t>(chains_) + static_cast<std::size_t>(chain)];
}

PageId* Cache::table(std::size_t slot, std::int64_t chain) {
  return tables_.data() + (static_cast<std::int64_t>(slot) * chains_ + chain) * chain_pages_;
}

const PageId* Cache::table(std::size_t slot, std::int64_t chain) const {
  return tables_.data() + (static_cast<std::int64_t>(slot) * chains_ + chain) * chain_pages_;
}

PageLayout Cache::layout(int layer) const {
  const Layer& sizes = layers_[layer];
  return {options_.dtype, sizes.key_width, sizes.value_width};
}

Sequence& Cache::vacant() {
  for (Sequence& each : sequences_)
    if (each.id < 0) return each;
  throw Error(ErrorKind::capacity, "cache", fmt::format("all {} sequences are open", options_.sequences),
              "close one, or open the session for more");
}

void Cache::open_chains(Sequence& sequence, const Policy& policy) {
  const auto slot = static_cast<std::size_t>(&sequence - sequences_.data());
  SeqId& next = next_ids_[slot];
  sequence.id = next;
  next = next > most_positions - options_.sequences ? static_cast<SeqId>(slot)
                                                    : static_cast<SeqId>(next + options_.sequences);
  sequence.policy = policy;
  std::ranges::fill(sequence.lengths, 0);
  sequence.reserved = sequence.floor = sequence.rows = 0;
  sequence.prompt_end = false;
}

SeqId Cache::open(const Policy& policy) {
  Sequence& sequence = vacant();
  open_chains(sequence, policy);
  return sequence.id;
}

void Cache::close(SeqId id) {
  Sequence& sequence = find(id);
  const std::size_t slot = index(id);
  each_chain([&](int layer, int head) {
    links(slot, chain(layer, head)).entries = 0;
    trim(slot, chain(layer, head));
  });
  sequence.id = -1;
  sequence.policy = {};
}

std::vector<SeqId> Cache::open_sequences() const {
  std::vector<SeqId> result;
  for (const Sequence& each : sequences_)
    if (each.id >= 0) result.push_back(each.id);
  std::ranges::sort(result);
  return result;
}

std::int64_t Cache::length(SeqId id) const {
  const Sequence& sequence = find(id);
  std::int64_t least = most_positions;
  for (std::size_t layer = 0; layer < layers_.size(); ++layer)
    if (layers_[layer].heads > 0) least = std::min(least, sequence.lengths[layer]);
  return least == most_positions ? 0 : least;
}

std::int64_t Cache::entries(SeqId id, int layer, int head) const {
  find(id);
  return links(index(id), chain(layer, head)).entries;
}

// Pages of a chain that lie wholly between the sinks and the window of the next row, and of every later one.
Cache::Range Cache::unseen(const Sequence& sequence, int layer, int head) const {
  const Policy& policy = sequence.policy;
  if (policy.window == 0) return {};
  const std::size_t slot = index(sequence.id);
  const Links& chain_links = links(slot, chain(layer, head));
  const std::int64_t next = sequence.lengths[layer];
  const std::int64_t whole = chain_links.entries / page_entries;
  const auto position = [&](std::int64_t i, std::int64_t entry) {
    return page(layer, head, sequence.id, i).position[entry];
  };
  std::int64_t first = 0;
  while (first < whole && position(first, 0) < policy.sinks) ++first;
  std::int64_t last = first;
  while (last < whole && position(last, page_entries - 1) <= next - policy.window) ++last;
  return {first, last};
}

// Whether what its policy shows of it always fits, appended in runs of at most `rows`.
bool Cache::endless(const Sequence& sequence, std::int64_t rows) const {
  const Policy& policy = sequence.policy;
  const std::int64_t room = chain_pages_ * page_entries;
  return policy.window > 0 && policy.window <= room && policy.sinks <= room &&
         policy.sinks + policy.window + 3 * page_entries + rows <= room;
}

void Cache::admit(SeqId id, std::int64_t count, std::int64_t rows) const {
  const Sequence& sequence = find(id);
  const bool goes_on = endless(sequence, rows) && count <= most_positions - length(id);
  check_room(sequence, goes_on ? std::min(count, rows) : count);
}

std::int64_t Cache::room(SeqId id) const {
  const Sequence& sequence = find(id);
  if (endless(sequence, 1)) return most_positions - length(id);
  if (sequence.policy.window == 0 && !sequence.policy.editor) return options_.context - length(id);
  std::int64_t least = most_positions - length(id);
  each_chain([&](int layer, int head) {
    const Range gone = unseen(sequence, layer, head);
    const std::int64_t entries = links(index(id), chain(layer, head)).entries - (gone.last - gone.first) * page_entries;
    least = std::min(least, chain_pages_ * page_entries - entries);
  });
  return least;
}

void Cache::check_room(const Sequence& sequence, std::int64_t count) const {
  const bool limited = sequence.policy.window == 0 && !sequence.policy.editor;
  const std::int64_t have = length(sequence.id), most = limited ? options_.context : most_positions;
  const auto full = [&](std::int64_t entries) {
    return Error(ErrorKind::capacity, fmt::format("sequence {}", sequence.id),
                 fmt::format("{} entries and {} more; the cache holds {}", entries, count, options_.context),
                 "open the session for a longer context, or the sequence with a window");
  };
  if (count > most - have) throw full(have);
  each_chain([&](int layer, int head) {
    const Range gone = unseen(sequence, layer, head);
    const std::int64_t entries =
        links(index(sequence.id), chain(layer, head)).entries - (gone.last - gone.first) * page_entries;
    if (count > chain_pages_ * page_entries - entries) throw full(entries);
  });
}

void Cache::reserve(std::span<const Rows> rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Sequence& sequence = find(rows[i].sequence);
    for (std::size_t j = 0; j < i; ++j)
      if (rows[j].sequence == sequence.id)
        throw Error(ErrorKind::invalid, fmt::format("sequence {}", sequence.id), "stands twice in one run");
    if (rows[i].count < 0)
      throw Error(ErrorKind::invalid, fmt::format("sequence {}", sequence.id), fmt::format("{} rows", rows[i].count));
    check_room(sequence, rows[i].count);
  }
  for (const Rows& each : rows) release_unseen(find(each.sequence));
  for (const Rows& each : rows) prepare(find(each.sequence), each);
}

void Cache::release_unseen(Sequence& sequence) {
  const std::size_t slot = index(sequence.id);
  each_chain([&](int layer, int head) {
    const Range gone = unseen(sequence, layer, head);
    if (gone.first == gone.last) return;
    Links& own = links(slot, chain(layer, head));
    PageId* pages = table(slot, chain(layer, head));
    const std::int64_t latest = page(layer, head, sequence.id, gone.last - 1).position[page_entries - 1];
    sequence.floor = std::max(sequence.floor, latest + sequence.policy.window);
    for (std::int64_t i = gone.first; i < gone.last; ++i) pages_.release(pages[i]);
    std::copy(pages + gone.last, pages + own.pages, pages + gone.first);
    own.pages -= gone.last - gone.first;
    own.entries -= (gone.last - gone.first) * page_entries;
  });
}

void Cache::prepare(Sequence& sequence, const Rows& rows) {
  const std::size_t slot = index(sequence.id);
  each_chain([&](int layer, int head) {
    Links& own = links(slot, chain(layer, head));
    PageId* pages = table(slot, chain(layer, head));
    for (std::int64_t i = 0; i < own.pages; ++i)
      if ((i == own.entries / page_entries || sequence.policy.editor) && pages_.shared(pages[i]))
        pages[i] = pages_.copy(pages[i]);
    while (own.pages < ceil_div(own.entries + rows.count, page_entries)) pages[own.pages++] = pages_.take();
  });
  sequence.reserved = length(sequence.id) + rows.count;
  sequence.prompt_end = rows.prompt_end;
}

// Gives back the pages beyond the last entry.
void Cache::trim(std::size_t slot, std::int64_t chain) {
  Links& own = links(slot, chain);
  PageId* pages = table(slot, chain);
  while (own.pages > ceil_div(own.entries, page_entries)) pages_.release(pages[--own.pages]);
}

void Cache::forget(const Sequence& sequence, int layer, int head, std::int64_t length) {
  const std::size_t slot = index(sequence.id);
  Links& own = links(slot, chain(layer, head));
  while (own.entries > 0) {
    const Slot last = entry_at(layer, head, slot, own.entries - 1);
    if (last.page.position[last.entry] < length) break;
    --own.entries;
  }
  trim(slot, chain(layer, head));
}

void Cache::truncate(SeqId id, std::int64_t length) {
  Sequence& sequence = find(id);
  const std::int64_t have = sequence.lengths.empty() ? 0 : *std::ranges::max_element(sequence.lengths);
  if (length < 0 || length > have)
    throw Error(ErrorKind::invalid, fmt::format("sequence {}", id),
                fmt::format("cannot be truncated to {} tokens: it has {}", length, have));
  if (length < sequence.floor && length > 0)
    throw Error(ErrorKind::invalid, fmt::format("sequence {}", id),
                fmt::format("cannot be truncated to {} tokens: its policy dropped what stood before {}", length,
                            sequence.floor),
                "open a new sequence and feed it");
  each_chain([&](int layer, int head) { forget(sequence, layer, head, length); });
  for (std::int64_t& each : sequence.lengths) each = std::min(each, length);
  sequence.reserved = std::min(sequence.reserved, length);
  if (length == 0) sequence.floor = 0;
}

std::int64_t Cache::floor(SeqId id) const { return find(id).floor; }

SeqId Cache::fork(SeqId id) {
  const Sequence& from = find(id);
  Sequence& to = vacant();
  const std::size_t source = index(id), target = static_cast<std::size_t>(&to - sequences_.data());
  open_chains(to, from.policy);
  to.lengths = from.lengths;
  to.floor = from.floor;
  to.reserved = length(id);
  each_chain([&](int layer, int head) {
    const std::int64_t at = chain(layer, head);
    links(target, at) = links(source, at);
    Links& own = links(target, at);
    own.pages = ceil_div(own.entries, page_entries);
    for (std::int64_t i = 0; i < own.pages; ++i) {
      table(target, at)[i] = table(source, at)[i];
      pages_.share(table(target, at)[i]);
    }
  });
  return to.id;
}

}  // namespace pliant::kv
