#include "machine/native/kv/chains.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/checked.h"
#include "core/error.h"

namespace pliant::kv {

namespace {

std::int64_t count_chains(const std::vector<CacheLayer>& layers) {
  std::int64_t chains = 0;
  for (const CacheLayer& layer : layers) chains = checked_add(chains, layer.heads, "cache");
  return chains;
}

std::int64_t pages_each(const CacheOptions& options) {
  return ceil_div(options.context, page_entries);
}

PageLayout layout_of(const CacheLayer& layer, const CacheOptions& options) {
  const CacheTypes& types = options.types;
  return {{types.key, types.rotate, layer.key_width},
          {types.value, types.rotate, layer.value_width},
          options.by_query_head ? layer.shared : 1};
}

std::int64_t bytes_of_page(const std::vector<CacheLayer>& layers, const CacheOptions& options) {
  std::int64_t most = 0;
  for (const CacheLayer& layer : layers) most = std::max(most, layout_of(layer, options).bytes());
  return most;
}

std::int64_t count_pages(const std::vector<CacheLayer>& layers, const CacheOptions& options) {
  const std::int64_t chains = checked_multiply(count_chains(layers), options.sequences, "cache");
  const std::int64_t page = std::max<std::int64_t>(bytes_of_page(layers, options), 1);
  std::int64_t own = checked_multiply(chains, pages_each(options), "cache");
  if (options.pool_bytes > 0) own = std::min(own, options.pool_bytes / page);
  // A branch copies the page that its first row goes to.
  const std::int64_t branch = ceil_div(options.branch_rows, page_entries) + 1,
                     branches = checked_multiply(options.branches, branch, "cache");
  own = checked_add(own, checked_multiply(count_chains(layers), branches, "cache"), "cache");
  return checked_add(own, options.kept_bytes / page, "cache");
}

// of all chains' tables
std::int64_t count_places(const std::vector<CacheLayer>& layers, const CacheOptions& options) {
  const std::int64_t open = checked_add(options.sequences, options.branches, "cache"),
                     slots = checked_add(open, options.kept, "cache");
  return checked_multiply(checked_multiply(count_chains(layers), slots, "cache"),
                          pages_each(options), "cache");
}

// A cache that cannot be wrong.
CacheOptions checked(const std::vector<CacheLayer>& layers, const CacheOptions& options) {
  if (options.sequences < 1 || options.sequences > most_positions)
    throw Error(ErrorKind::invalid, "cache", fmt::format("{} sequences", options.sequences));
  if (options.branches < 0 || options.branches > most_positions - options.sequences ||
      options.branch_rows < 0 || options.branch_rows > most_positions)
    throw Error(ErrorKind::invalid, "cache",
                fmt::format("{} branches of {} rows", options.branches, options.branch_rows));
  if (options.kept < 0 || options.kept > most_positions || options.kept_bytes < 0)
    throw Error(ErrorKind::invalid, "cache",
                fmt::format("{} beginnings kept in {} bytes", options.kept, options.kept_bytes));
  if (options.context < 1 || options.context > most_positions - page_entries)
    throw Error(ErrorKind::invalid, "cache",
                fmt::format("a context of {} tokens", options.context));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const CacheLayer& layer = layers[i];
    if (layer.heads < 0 || std::min(layer.key_width, layer.value_width) < 0 ||
        std::max(layer.key_width, layer.value_width) > widest_head)
      throw Error(ErrorKind::invalid, fmt::format("cache layer {}", i),
                  fmt::format("{} heads of width {} and {}; the widest is {}", layer.heads,
                              layer.key_width, layer.value_width, widest_head));
  }
  const std::int64_t least =
      checked_multiply(count_chains(layers), bytes_of_page(layers, options), "cache");
  if (options.pool_bytes < 0 || (options.pool_bytes > 0 && options.pool_bytes < least))
    throw Error(ErrorKind::invalid, "cache",
                fmt::format("{} bytes of pages; {} tokens of one sequence take {}",
                            options.pool_bytes, page_entries, least),
                "ask for more bytes");
  if (count_pages(layers, options) > most_positions)
    throw Error(ErrorKind::capacity, "cache", fmt::format("{} pages", count_pages(layers, options)),
                "ask for fewer sequences or a shorter context");
  return options;
}

}  // namespace

Chains::Chains(std::vector<CacheLayer> layers, const CacheOptions& options)
    : layers_(std::move(layers)),
      options_(checked(layers_, options)),
      most_pages_(pages_each(options)),
      page_bytes_(bytes_of_page(layers_, options)),
      chains_(count_chains(layers_)),
      memory_(count_pages(layers_, options), page_bytes_),
      tables_(count_places(layers_, options), "cache") {
  std::size_t first = 0;
  for (const CacheLayer& layer : layers_) {
    layouts_.push_back(layout_of(layer, options));
    first_chain_.push_back(first);
    first += layer.heads;
  }
  links_.resize(chains_ * options.slots());
}

std::int64_t Chains::bytes(const std::vector<CacheLayer>& layers, const CacheOptions& options) {
  checked(layers, options);
  constexpr std::int64_t place = sizeof(PageId);
  return checked_add(
      checked_multiply(count_pages(layers, options), bytes_of_page(layers, options), "cache"),
      checked_multiply(count_places(layers, options), place, "cache"), "cache");
}

Page Chains::page(const ChainId& chain, std::int64_t i) const {
  return page_at(memory_.at(table(chain)[i]), layout(chain.layer));
}

Slot Chains::entry(const ChainId& chain, std::int64_t i) const {
  return {page(chain, i / page_entries), i % page_entries};
}

void Chains::extend(const ChainId& chain, std::int64_t count, bool own_all) {
  Links& own = links(chain);
  PageId* pages = table(chain);
  for (std::int64_t i = own_all ? 0 : own.entries / page_entries; i < own.pages; ++i)
    if (memory_.shared(pages[i])) pages[i] = memory_.copy(pages[i]);
  while (own.pages < ceil_div(own.entries + count, page_entries))
    pages[own.pages++] = memory_.take();
}

std::int64_t Chains::wanted(const ChainId& chain, std::int64_t count, bool own_all) const {
  const Links& own = links(chain);
  std::int64_t pages =
      std::max<std::int64_t>(ceil_div(own.entries + count, page_entries) - own.pages, 0);
  for (std::int64_t i = own_all ? 0 : own.entries / page_entries; i < own.pages; ++i)
    pages += shared(chain, i) ? 1 : 0;
  return pages;
}

void Chains::truncate(const ChainId& chain, std::int64_t entries) {
  Links& own = links(chain);
  own.entries = entries;
  while (own.pages > ceil_div(entries, page_entries)) memory_.release(table(chain)[--own.pages]);
}

void Chains::remove_pages(const ChainId& chain, std::int64_t first, std::int64_t last) {
  Links& own = links(chain);
  PageId* pages = table(chain);
  for (std::int64_t i = first; i < last; ++i) memory_.release(pages[i]);
  std::copy(pages + last, pages + own.pages, pages + first);
  own.pages -= last - first;
  own.entries -= (last - first) * page_entries;
}

void Chains::share(const ChainId& from, const ChainId& to, std::int64_t entries) {
  Links& own = links(to);
  own.entries = entries;
  own.pages = ceil_div(entries, page_entries);
  std::copy_n(table(from), own.pages, table(to));
  for (std::int64_t i = 0; i < own.pages; ++i) memory_.share(table(to)[i]);
}

void Chains::keep(const ChainId& from, const ChainId& to, std::int64_t entries) {
  Links& own = links(to);
  own.entries = entries;
  own.pages = ceil_div(entries, page_entries);
  std::copy_n(table(from), own.pages, table(to));
  for (std::int64_t i = 0; i < own.pages; ++i) memory_.keep(table(to)[i]);
}

void Chains::forget(const ChainId& chain) {
  Links& own = links(chain);
  while (own.pages > 0) memory_.forget(table(chain)[--own.pages]);
  own.entries = 0;
}

std::int64_t Chains::unkept(const ChainId& chain, std::int64_t entries) const {
  const PageId* pages = table(chain);
  return std::count_if(pages, pages + ceil_div(entries, page_entries),
                       [&](PageId id) { return !memory_.kept(id); });
}

void Chains::check() const {
  const auto fail = [](const std::string& what) {
    throw Error(ErrorKind::internal, "cache", what);
  };
  std::vector<std::int32_t> uses;
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const Links& own = links_[i];
    if (own.entries < 0 || own.pages > most_pages_ || own.entries > own.pages * page_entries)
      fail(fmt::format("chain {} has {} entries in {} pages", i, own.entries, own.pages));
    const PageId* pages = tables_.data() + i * most_pages_;
    if (std::set(pages, pages + own.pages).size() != static_cast<std::size_t>(own.pages))
      fail(fmt::format("chain {} has a page twice", i));
    for (std::int64_t k = 0; k < own.pages; ++k) {
      uses.resize(std::max<std::size_t>(uses.size(), pages[k] + 1));
      ++uses[pages[k]];
    }
  }
  memory_.check(uses);
}

}  // namespace pliant::kv
