// Saved sequences: docs/formats.md, "Saved sequence".
#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/rng.h"
#include "machine/native/kv/cache.h"

namespace pliant::kv {

class StateReader {
 public:
  explicit StateReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(ErrorKind::format, fmt::format("saved sequence, byte {}", at_), problem);
  }
  std::span<const std::byte> take(std::size_t size) {
    if (size > bytes_.size() - at_)
      fail(fmt::format("{} bytes expected, {} left", size, bytes_.size() - at_));
    at_ += size;
    return bytes_.subspan(at_ - size, size);
  }
  template <typename T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  bool done() const { return at_ == bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view magic = "PLIANTKV";
constexpr std::uint32_t version = 2;   // the first had no end of a prompt
constexpr float most_log_weight = 64;  // so that sums of what entries stand for are finite
constexpr std::size_t hash_bytes = sizeof(std::uint64_t);

std::string_view text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Writer {
 public:
  template <typename T>
  void number(T value) {
    raw(&value, sizeof value);
  }
  void raw(const void* from, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(from);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }
  std::vector<std::byte> done() {
    number(hash64(text(bytes_)));
    return std::move(bytes_);
  }

 private:
  std::vector<std::byte> bytes_;
};

std::span<const std::byte> checked_payload(std::span<const std::byte> state) {
  const StateReader whole(state);
  if (state.size() < magic.size() + hash_bytes || text(state.first(magic.size())) != magic)
    whole.fail("not a saved sequence");
  const auto payload = state.first(state.size() - hash_bytes);
  std::uint64_t hash = 0;
  std::memcpy(&hash, state.data() + payload.size(), sizeof hash);
  if (hash != hash64(text(payload)))
    whole.fail("the checksum is wrong: bytes were changed or lost");
  return payload;
}

// What stands before the entries.
struct Header {
  std::uint32_t version = 0;
  std::int64_t length = 0, floor = 0, prompt = 0;
  Policy policy;
};

// The keys' type; where the values' is another, it and 1 in the second byte; in the third whether
// any are turned, and whether attention is summed by query head.
std::uint32_t number_of(const CacheOptions& options) {
  const CacheTypes& types = options.types;
  const auto key = static_cast<std::uint32_t>(types.key),
             value = static_cast<std::uint32_t>(types.value);
  const bool turned =
      types.rotate && (types.key == CacheType::int4 || types.value == CacheType::int4);
  return key | (key == value ? 0 : value + 1) << 8U | static_cast<std::uint32_t>(turned) << 16U |
         static_cast<std::uint32_t>(options.by_query_head) << 17U;
}

void write_layout(Writer& to, const CacheOptions& options, const std::vector<CacheLayer>& layers) {
  to.number(number_of(options));
  to.number(static_cast<std::uint32_t>(layers.size()));
  for (const CacheLayer& layer : layers) {
    for (const std::int64_t size : {layer.heads, layer.key_width, layer.value_width})
      to.number(static_cast<std::uint32_t>(size));
    if (options.by_query_head) to.number(static_cast<std::uint32_t>(layer.shared));
  }
}

void check_layout(StateReader& from, const CacheOptions& options,
                  const std::vector<CacheLayer>& layers) {
  Writer wanted;
  write_layout(wanted, options, layers);
  const std::vector<std::byte> bytes = wanted.done();
  const auto found = from.take(bytes.size() - hash_bytes);
  if (std::memcmp(found.data(), bytes.data(), found.size()) != 0)
    throw Error(ErrorKind::invalid, "saved sequence",
                "its layers or the types of its keys and values are not those of this cache",
                "restore it in a session of the same model and cache types");
}

Header read_header(StateReader& from, std::uint64_t model, const CacheOptions& options,
                   const std::vector<CacheLayer>& layers) {
  from.take(magic.size());
  const auto found = from.number<std::uint32_t>();
  if (found < 1 || found > version)
    from.fail(fmt::format("version {}, {} expected", found, version));
  if (from.number<std::uint64_t>() != model)
    throw Error(ErrorKind::invalid, "saved sequence", "it was saved by another model",
                "restore it with the model that saved it");
  check_layout(from, options, layers);
  Header header;
  header.version = found;
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  for (std::int64_t* each :
       {&header.length, &header.floor, &header.policy.sinks, &header.policy.window}) {
    *each = from.number<std::int64_t>();
    if (*each < 0 || *each > most) from.fail(fmt::format("{} is outside [0, {}]", *each, most));
  }
  if (header.floor > header.length) from.fail("its floor is above its length");
  header.prompt = found == 1 ? header.length : from.number<std::int64_t>();
  if (header.prompt < 0 || header.prompt > header.length)
    from.fail(fmt::format("a prompt of {} tokens of {}", header.prompt, header.length));
  return header;
}

void check_editor(StateReader& from, const Editor* editor) {
  const auto size = from.number<std::uint32_t>();
  const std::string_view name = text(from.take(size)),
                         wanted = editor == nullptr ? "" : editor->name();
  if (name != wanted)
    throw Error(ErrorKind::invalid, "saved sequence",
                fmt::format("its entries are edited by \"{}\", not by \"{}\"", name, wanted),
                "restore it with the policy that it was saved with");
}

}  // namespace

std::vector<std::byte> Cache::save(SeqId id, std::uint64_t model) const {
  const Sequence& sequence = find(id);
  Writer to;
  to.raw(magic.data(), magic.size());
  to.number(version);
  to.number(model);
  write_layout(to, options(), layers());
  const std::int64_t prompt = sequence.policy.editor ? sequence.prompt : 0;
  for (const std::int64_t each :
       {length(id), sequence.floor, sequence.policy.sinks, sequence.policy.window, prompt})
    to.number(each);
  const std::string_view editor = sequence.policy.editor ? sequence.policy.editor->name() : "";
  to.number(static_cast<std::uint32_t>(editor.size()));
  to.raw(editor.data(), editor.size());
  chains_.each(slot(id), [&](const ChainId& chain) {
    const std::int64_t entries = chains_.entries(chain);
    to.number(static_cast<std::uint32_t>(entries));
    const PageLayout& layout = chains_.layout(chain.layer);
    for (std::int64_t i = 0; i < entries; ++i) {
      const Slot at = chains_.entry(chain, i);
      const auto row = [&](const std::byte* x, std::int64_t size) {
        to.raw(x + at.entry * size, static_cast<std::size_t>(size));
      };
      to.number(at.page.position[at.entry]);
      to.number(at.page.tag[at.entry]);
      to.number(at.page.log_weight[at.entry]);
      for (std::int64_t m = 0; m < layout.masses; ++m)
        to.number(at.page.attention[m * page_entries + at.entry]);
      row(at.page.keys, layout.keys.bytes());
      row(at.page.values, layout.values.bytes());
    }
  });
  return to.done();
}

void Cache::read_chain(const Sequence& sequence, const ChainId& chain, StateReader& from) {
  const PageLayout& layout = chains_.layout(chain.layer);
  const std::int64_t entries = from.number<std::uint32_t>(), length = sequence.lengths[chain.layer];
  if (entries > length) from.fail(fmt::format("{} entries of {} tokens", entries, length));
  if (entries > chains_.most_entries())
    throw Error(ErrorKind::capacity, "saved sequence",
                fmt::format("{} entries; the cache holds {}", entries, options().context),
                "open the session for a longer context");
  std::int64_t last = -1;
  for (std::int64_t i = 0; i < entries; ++i) {
    if (options().pool_bytes > 0) check_pages(chains_.wanted(chain, 1, false), 1);
    chains_.extend(chain, 1, false);  // no more pages than there are bytes for
    const Slot at = chains_.entry(chain, i);
    chains_.append(chain);
    const auto row = [&](std::byte* x, std::int64_t bytes) {
      const auto size = static_cast<std::size_t>(bytes);
      std::memcpy(x + static_cast<std::size_t>(at.entry) * size, from.take(size).data(), size);
    };
    const std::int32_t position = at.page.position[at.entry] = from.number<std::int32_t>();
    if (position <= last || position >= length)
      from.fail(fmt::format("position {} after {}", position, last));
    last = position;
    at.page.tag[at.entry] = from.number<std::int32_t>();
    const float weight = at.page.log_weight[at.entry] = from.number<float>();
    bool finite = std::isfinite(weight);
    for (std::int64_t m = 0; m < layout.masses; ++m)
      finite &=
          std::isfinite(at.page.attention[m * page_entries + at.entry] = from.number<float>());
    if (!finite) from.fail("a weight that is not finite");
    if (std::abs(weight) > most_log_weight) from.fail(fmt::format("a log weight of {}", weight));
    row(at.page.keys, layout.keys.bytes());
    row(at.page.values, layout.values.bytes());
  }
}

SeqId Cache::restore(std::span<const std::byte> state, std::uint64_t model,
                     std::shared_ptr<const Editor> editor) {
  StateReader from(checked_payload(state));
  Header header = read_header(from, model, options(), layers());
  check_editor(from, editor.get());
  if (editor == nullptr) {
    if (header.version > 1 && header.prompt > 0)
      from.fail("the end of a prompt, without a policy that edits its entries");
    header.prompt = 0;
  }
  header.policy.editor = std::move(editor);
  const SeqId id = open(header.policy);
  try {
    Sequence& sequence = find(id);
    if (header.policy.window == 0 && !header.policy.editor && header.length > options().context)
      throw Error(ErrorKind::capacity, "saved sequence",
                  fmt::format("{} tokens; the cache holds {}", header.length, options().context),
                  "open the session for a longer context");
    for (std::size_t layer = 0; layer < layers().size(); ++layer)
      sequence.lengths[layer] = layers()[layer].heads > 0 ? header.length : 0;
    sequence.floor = header.floor;
    sequence.prompt = header.prompt;
    sequence.reserved = header.length;
    chains_.each(slot(id), [&](const ChainId& chain) { read_chain(sequence, chain, from); });
    if (!from.done()) from.fail("bytes after the last entry");
  } catch (...) {
    close(id);
    throw;
  }
  return id;
}

}  // namespace pliant::kv
