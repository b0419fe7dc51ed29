#include "machine/native/kv/cache.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/checked.h"
#include "core/error.h"

namespace pliant::kv {

std::vector<CacheLayer> layers_of(const Graph& graph) {
  constexpr int most_layers = 1 << 16;
  std::vector<CacheLayer> result;
  for (const Op& op : graph.ops()) {
    const auto* attention = std::get_if<kind::Attention>(&op.kind);
    if (attention == nullptr || attention->cache < 0) continue;
    if (attention->cache >= most_layers)
      throw Error(ErrorKind::invalid, op.name, fmt::format("cache layer {}", attention->cache));
    const std::size_t layer = attention->cache;
    if (result.size() <= layer) result.resize(layer + 1);
    if (result[layer].heads > 0)
      throw Error(ErrorKind::invalid, op.name,
                  fmt::format("cache layer {} is used by another operator", layer));
    const Shape &k = graph.value(op.in[attention->k]).type.shape,
                &v = graph.value(op.in[attention->v]).type.shape;
    const Shape& q = graph.value(op.in[attention->q]).type.shape;
    result[layer] = {k[1], k[2], v[2], q[1] / k[1]};
  }
  return result;
}

namespace {

std::int64_t widest_row(const std::vector<CacheLayer>& layers) {
  std::int64_t most = 0;
  for (const CacheLayer& layer : layers)
    most = std::max({most, layer.key_width, layer.value_width});
  return most;
}

}  // namespace

Cache::Cache(std::vector<CacheLayer> layers, const CacheOptions& options)
    : chains_(std::move(layers), options),
      fates_(checked_multiply(chains_.count(), chains_.most_entries(), "cache"), "cache"),
      first_(chains_.most_entries(), "cache"),
      next_(chains_.most_entries(), "cache"),
      merged_(chains_.most_entries() * widest_row(chains_.layers()), "cache") {
  kept_.resize(options.kept);
  sequences_.resize(options.open());
  branches_.reserve(options.branches);
  for (Sequence& each : sequences_) {
    each.lengths.assign(chains_.layers().size(), 0);
    next_ids_.push_back(static_cast<SeqId>(next_ids_.size()));
  }
  shown_.reserve(chains_.count());
  fates_of_.reserve(chains_.count());
}

Sequence& Cache::find(SeqId id) {
  if (id >= 0 && sequences_[slot(id)].id == id) return sequences_[slot(id)];
  throw Error(ErrorKind::invalid, fmt::format("sequence {}", id), "is not open");
}

const Sequence& Cache::find(SeqId id) const {
  return const_cast<Cache*>(this)->find(id);  // NOLINT: changes nothing
}

std::int32_t Cache::last_tag(SeqId id) const {
  std::int32_t position = -1, tag = 0;
  chains_.each(slot(find(id).id), [&](const ChainId& chain) {
    if (chains_.entries(chain) == 0) return;
    const Slot last = chains_.entry(chain, chains_.entries(chain) - 1);
    if (last.page.position[last.entry] <= position) return;
    position = last.page.position[last.entry];
    tag = last.page.tag[last.entry];
  });
  return tag;
}

Sequence& Cache::vacant(bool branch) {
  const auto is_open = [](const Sequence& each) { return each.id >= 0; };
  const std::int64_t branches = std::ssize(branches_),
                     others = std::ranges::count_if(sequences_, is_open) - branches;
  if (branch && branches == options().branches)
    throw Error(ErrorKind::capacity, "cache",
                fmt::format("all {} branches of drafts are open", branches),
                "guess fewer branches, or open the session for more");
  if (!branch && others == options().sequences)
    throw Error(ErrorKind::capacity, "cache", fmt::format("all {} sequences are open", others),
                "close one, or open the session for more");
  return *std::ranges::find_if_not(sequences_, is_open);
}

void Cache::open_chains(Sequence& sequence, const Policy& policy) {
  const std::size_t slot = &sequence - sequences_.data();
  SeqId& next = next_ids_[slot];
  sequence.id = next;
  next = next > most_positions - options().open() ? static_cast<SeqId>(slot)
                                                  : static_cast<SeqId>(next + options().open());
  sequence.policy = policy;
  std::ranges::fill(sequence.lengths, 0);
  sequence.reserved = sequence.floor = sequence.rows = sequence.prompt = 0;
  sequence.left = sequence.leader = -1;
  sequence.led = 0;
  sequence.replay = false;
  sequence.queries.clear();
  if (!policy.editor || policy.editor->expectation() == nullptr) return;
  for (const CacheLayer& layer : layers())
    for (std::int64_t head = 0; head < layer.heads * layer.shared; ++head)
      sequence.queries.emplace_back(layer.key_width);
}

void Cache::check_sums(const Editor* editor) const {
  if (editor != nullptr && editor->by_query_head() && !options().by_query_head)
    throw Error(ErrorKind::invalid, std::string(editor->name()),
                "asks for attention by query head, which this cache sums by KV head",
                "make the cache with by_query_head");
}

SeqId Cache::open(const Policy& policy) {
  check_sums(policy.editor.get());
  Sequence& sequence = vacant(false);
  open_chains(sequence, policy);
  return sequence.id;
}

void Cache::close(SeqId id) {
  Sequence& sequence = find(id);
  close_branches(id);
  chains_.each(slot(id), [&](const ChainId& chain) { chains_.truncate(chain, 0); });
  if (sequence.leader >= 0) std::erase(branches_, id);
  sequence.id = -1;
  sequence.policy = {};
  sequence.queries.clear();
}

// A branch stands behind the one that it came from: those that go with it are behind it.
void Cache::close_branches(SeqId id) {
  for (std::size_t i = branches_.size(); i-- > 0;)
    if (i < branches_.size() && find(branches_[i]).leader == id) close(branches_[i]);
}

std::vector<SeqId> Cache::open_sequences() const {
  std::vector<SeqId> result;
  for (const Sequence& each : sequences_)
    if (each.id >= 0 && each.leader < 0) result.push_back(each.id);
  std::ranges::sort(result);
  return result;
}

std::int64_t Cache::length(SeqId id) const {
  const Sequence& sequence = find(id);
  std::int64_t least = most_positions;
  for (std::size_t layer = 0; layer < layers().size(); ++layer)
    if (layers()[layer].heads > 0) least = std::min(least, sequence.lengths[layer]);
  return least == most_positions ? 0 : least;
}

std::int64_t Cache::entries(SeqId id, int layer, int head) const {
  find(id);
  return chains_.entries(chain(id, layer, head));
}

double Cache::kept_entries(SeqId id) const {
  find(id);
  std::int64_t all = 0;
  chains_.each(slot(id), [&](const ChainId& chain) { all += chains_.entries(chain); });
  return chains_.count() == 0 ? 0 : static_cast<double>(all) / static_cast<double>(chains_.count());
}

// Pages of a chain that lie wholly between the sinks and the window of the next row, and of every
// later one.
Cache::Range Cache::unseen(const Sequence& sequence, const ChainId& chain) const {
  const Policy& policy = sequence.policy;
  if (policy.window == 0) return {};
  const std::int64_t next = sequence.lengths[chain.layer];
  const std::int64_t whole = chains_.entries(chain) / page_entries;
  const auto position = [&](std::int64_t i, std::int64_t entry) {
    return chains_.page(chain, i).position[entry];
  };
  std::int64_t first = 0;
  while (first < whole && position(first, 0) < policy.sinks) ++first;
  std::int64_t last = first;
  while (last < whole && position(last, page_entries - 1) <= next - policy.window) ++last;
  return {first, last};
}

std::int64_t Cache::seen_entries(const Sequence& sequence, const ChainId& chain) const {
  const Range gone = unseen(sequence, chain);
  return chains_.entries(chain) - (gone.last - gone.first) * page_entries;
}

// Whether what its policy shows of it always fits, appended in runs of at most `rows`.
bool Cache::endless(const Sequence& sequence, std::int64_t rows) const {
  const Policy& policy = sequence.policy;
  const std::int64_t room = chains_.most_entries();
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
  std::int64_t most = context_room(sequence), least = 0;
  if (options().pool_bytes == 0 || endless(sequence, 1)) return most;
  while (least < most) {  // the most that pages are free for
    const std::int64_t middle = least + (most - least + 1) / 2;
    if (pages_wanted(sequence, middle) <= chains_.memory().free()) least = middle;
    else most = middle - 1;
  }
  return least;
}

std::int64_t Cache::context_room(const Sequence& sequence) const {
  const SeqId id = sequence.id;
  if (endless(sequence, 1)) return most_positions - length(id);
  if (sequence.policy.window == 0 && !sequence.policy.editor) return options().context - length(id);
  std::int64_t least = most_positions - length(id);
  chains_.each(slot(id), [&](const ChainId& chain) {
    least = std::min(least, chains_.most_entries() - seen_entries(sequence, chain));
  });
  return least;
}

void Cache::check_room(const Sequence& sequence, std::int64_t count) const {
  check_entries(sequence, count);
  if (options().pool_bytes > 0) check_pages(pages_wanted(sequence, count), count);
}

void Cache::check_entries(const Sequence& sequence, std::int64_t count) const {
  const bool limited = sequence.policy.window == 0 && !sequence.policy.editor;
  const std::int64_t have = length(sequence.id),
                     most = limited ? options().context : most_positions;
  const auto full = [&](std::int64_t entries) {
    return Error(ErrorKind::capacity, fmt::format("sequence {}", sequence.id),
                 fmt::format("{} entries and {} more; the cache holds {}", entries, count,
                             options().context),
                 "open the session for a longer context, or the sequence with a window");
  };
  if (count > most - have) throw full(have);
  chains_.each(slot(sequence.id), [&](const ChainId& chain) {
    const std::int64_t entries = seen_entries(sequence, chain);
    if (count > chains_.most_entries() - entries) throw full(entries);
  });
}

// By a run of so many rows; what no row can see any more is given back before.
std::int64_t Cache::pages_wanted(const Sequence& sequence, std::int64_t count) const {
  std::int64_t pages = 0;
  chains_.each(slot(sequence.id), [&](const ChainId& chain) {
    const Range gone = unseen(sequence, chain);
    for (std::int64_t i = gone.first; i < gone.last; ++i) pages -= chains_.shared(chain, i) ? 0 : 1;
    pages += chains_.wanted(chain, count, sequence.policy.editor != nullptr);
  });
  return pages;
}

void Cache::check_pages(std::int64_t wanted, std::int64_t tokens) const {
  const std::int64_t free = chains_.memory().free();
  if (wanted <= free) return;
  throw Error(
      ErrorKind::capacity, "cache",
      fmt::format("{} more tokens take {} bytes; of the {} bytes of pages {} are free", tokens,
                  wanted * chains_.page_bytes(), options().pool_bytes, free * chains_.page_bytes()),
      "close a sequence, or give the cache more bytes");
}

void Cache::reserve(std::span<const SequenceRows> rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Sequence& sequence = find(rows[i].sequence);
    for (std::size_t j = 0; j < i; ++j)
      if (rows[j].sequence == sequence.id)
        throw Error(ErrorKind::invalid, fmt::format("sequence {}", sequence.id),
                    "named twice in one run");
    if (rows[i].count < 0)
      throw Error(ErrorKind::invalid, fmt::format("sequence {}", sequence.id),
                  fmt::format("{} rows", rows[i].count));
    check_room(sequence, rows[i].count);
  }
  if (options().pool_bytes > 0) {
    std::int64_t wanted = 0, tokens = 0;
    for (const SequenceRows& each : rows) {
      wanted += pages_wanted(find(each.sequence), each.count);
      tokens += each.count;
    }
    check_pages(wanted, tokens);
  }
  for (const SequenceRows& each : rows) release_unseen(find(each.sequence));
  for (const SequenceRows& each : rows) prepare(find(each.sequence), each);
}

void Cache::release_unseen(Sequence& sequence) {
  chains_.each(slot(sequence.id), [&](const ChainId& chain) {
    const Range gone = unseen(sequence, chain);
    if (gone.first == gone.last) return;
    const std::int64_t latest = chains_.page(chain, gone.last - 1).position[page_entries - 1];
    sequence.floor = std::max(sequence.floor, latest + sequence.policy.window);
    chains_.remove_pages(chain, gone.first, gone.last);
  });
}

void Cache::prepare(Sequence& sequence, const SequenceRows& rows) {
  const bool edited = sequence.policy.editor != nullptr;
  chains_.each(slot(sequence.id),
               [&](const ChainId& chain) { chains_.extend(chain, rows.count, edited); });
  begin_prompt(sequence, rows);
  sequence.reserved = length(sequence.id) + rows.count;
  if (edited && rows.left == 0) sequence.prompt = sequence.reserved;
}

// What a run is of, before its rows are counted as reserved.
void Cache::begin_prompt(Sequence& sequence, const SequenceRows& rows) {
  if (rows.left >= 0 && sequence.left <= 0)
    for (QuerySums& each : sequence.queries) each.clear();
  sequence.left = rows.left;
  sequence.replay = rows.replay;
}

void Cache::end_prompt(SeqId id) {
  const SequenceRows none{id, 0, 0};
  reserve({&none, 1});
  Sequence& sequence = find(id);
  if (!sequence.policy.editor) return;
  const auto last = static_cast<int>(layers().size());
  if (sequence.policy.editor->sees_all_layers()) return decide(sequence, 0, last);
  for (int layer = 0; layer < last; ++layer) decide(sequence, layer, layer + 1);
}

void Cache::truncate(SeqId id, std::int64_t length) {
  Sequence& sequence = find(id);
  const std::int64_t have =
      sequence.lengths.empty() ? 0 : *std::ranges::max_element(sequence.lengths);
  if (length < 0 || length > have)
    throw Error(ErrorKind::invalid, fmt::format("sequence {}", id),
                fmt::format("cannot be truncated to {} tokens: it has {}", length, have));
  if (length < sequence.floor && length > 0)
    throw Error(
        ErrorKind::invalid, fmt::format("sequence {}", id),
        fmt::format("cannot be truncated to {} tokens: its policy dropped what stood before {}",
                    length, sequence.floor),
        "open a new sequence and feed it");
  chains_.each(slot(id), [&](const ChainId& chain) {
    std::int64_t kept = chains_.entries(chain);
    const auto last = [&] { return chains_.entry(chain, kept - 1); };
    while (kept > 0 && last().page.position[last().entry] >= length) --kept;
    chains_.truncate(chain, kept);
  });
  for (std::int64_t& each : sequence.lengths) each = std::min(each, length);
  sequence.reserved = std::min(sequence.reserved, length);
  sequence.prompt = std::min(sequence.prompt, length);
  if (length == 0) sequence.floor = 0;
}

std::int64_t Cache::floor(SeqId id) const { return find(id).floor; }

SeqId Cache::fork(SeqId id) {
  Sequence& from = find(id);
  Sequence& to = vacant(false);
  open_chains(to, from.policy);
  copy(from, to);
  return to.id;
}

// `to` holds nothing.
void Cache::copy(Sequence& from, Sequence& to) {
  to.lengths = from.lengths;
  to.floor = from.floor;
  to.prompt = from.prompt;
  to.queries = from.queries;
  from.reserved = to.reserved = length(from.id);  // where it would be written is shared now
  chains_.each(slot(from.id), [&](const ChainId& chain) {
    chains_.share(chain, {slot(to.id), chain.layer, chain.head}, chains_.entries(chain));
  });
}

SeqId Cache::branch(SeqId id, std::int64_t shared) {
  Sequence& from = find(id);
  if (from.policy.editor)
    throw Error(ErrorKind::invalid, fmt::format("sequence {}", id),
                "has an Editor, which may drop what other branches need");
  Sequence& to = vacant(true);
  open_chains(to, from.policy);
  copy(from, to);
  to.leader = id;
  to.led = length(id) + shared;
  branches_.push_back(to.id);
  return to.id;
}

void Cache::become(SeqId id, SeqId branch) {
  Sequence &to = find(id), &from = find(branch);
  if (from.leader < 0 || to.leader >= 0)
    throw Error(ErrorKind::invalid, fmt::format("sequence {}", branch),
                fmt::format("is no branch that sequence {} can become", id));
  truncate(id, 0);
  copy(from, to);
  from.leader = -1;  // none of the sequence's any more
  std::erase(branches_, branch);
  close(branch);
}

}  // namespace pliant::kv
