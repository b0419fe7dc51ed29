#include "data/shards/shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "core/checked.h"
#include "core/error.h"
#include "core/rng.h"
#include "core/units.h"

namespace pliant::data {
namespace {

// The file: a head, the tokens, padding to eight bytes, three numbers for each document, a checksum
// for each block of tokens, the tail. Little endian. The tail's checksum covers the head, the
// padding, both tables and the rest of the tail.
static_assert(std::endian::native == std::endian::little);
constexpr std::string_view magic = "PLTOKENS";
constexpr std::uint64_t version = 1;
constexpr std::size_t head_bytes = 16;  // magic, version
constexpr std::size_t tail_bytes =
    6 * 8;  // width, vocabulary, identity, documents, tokens, checksum
constexpr std::size_t block_bytes = std::size_t{1} << 20;
constexpr std::size_t entry_words = 3;  // end, text bytes, text hash
constexpr std::size_t word = sizeof(std::uint64_t);
constexpr std::uint64_t most_vocabulary = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t most_text_bytes = std::int64_t{1} << 40;  // of a document: sums stay whole

std::size_t padding_after(std::size_t bytes) { return (word - bytes % word) % word; }
std::uint64_t width_for(std::uint64_t vocabulary) { return vocabulary <= 65536 ? 2 : 4; }

std::string_view text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string_view text(std::span<const std::uint64_t> words) { return text(std::as_bytes(words)); }

template <typename Id>
std::uint32_t largest(std::span<const std::byte> bytes) {
  Id most = 0, id = 0;
  for (; !bytes.empty(); bytes = bytes.subspan(sizeof id)) {
    std::memcpy(&id, bytes.data(), sizeof id);
    most = std::max(most, id);
  }
  return most;
}

std::string head() {
  std::string bytes(magic);
  bytes.append(reinterpret_cast<const char*>(&version), sizeof version);
  return bytes;
}

}  // namespace

std::string hexadecimal(std::uint64_t number) { return fmt::format("{:016x}", number); }

std::uint64_t from_hexadecimal(std::string_view digits, std::string_view place) {
  std::uint64_t number = 0;
  bool good = digits.size() == 16;
  for (const char digit : digits) {
    const std::size_t value = std::string_view("0123456789abcdef").find(digit);
    good = good && value != std::string_view::npos;
    number = number << 4 | (value & 15);
  }
  if (!good)
    throw Error(ErrorKind::format, std::string(place),
                fmt::format("'{}' is not 16 hexadecimal digits", digits));
  return number;
}

std::string to_string(const TokenizerIdentity& identity) {
  return fmt::format("{} ({} tokens)", hexadecimal(identity.id), grouped_text(identity.vocabulary));
}

ShardWriter::ShardWriter(std::ostream& out, const TokenizerIdentity& identity)
    : out_(out), identity_(identity), width_(width_for(identity.vocabulary)) {
  if (identity.vocabulary < 1 || identity.vocabulary > std::int64_t{most_vocabulary})
    throw Error(ErrorKind::invalid, "token shard",
                fmt::format("a vocabulary of {} tokens is not from 1 to {}", identity.vocabulary,
                            most_vocabulary));
  const std::string first = head();
  out_.write(first.data(), std::ssize(first));
  block_.reserve(block_bytes);
}

void ShardWriter::add(std::span<const std::int32_t> ids, std::int64_t text_bytes,
                      std::uint64_t text_hash) {
  for (const std::int32_t id : ids)
    if (id < 0 || id >= identity_.vocabulary)
      throw Error(ErrorKind::invalid, "token shard",
                  fmt::format("id {} is outside the vocabulary of {}", id, identity_.vocabulary));
  for (const std::int32_t id : ids) {
    block_.append(reinterpret_cast<const char*>(&id), width_);  // its low bytes
    if (block_.size() == block_bytes) flush_block();
  }
  tokens_ += std::ssize(ids);
  table_.insert(table_.end(), {std::uint64_t(tokens_), std::uint64_t(text_bytes), text_hash});
}

void ShardWriter::flush_block() {
  hashes_.push_back(hash64(block_));
  out_.write(block_.data(), std::ssize(block_));
  block_.clear();
}

void ShardWriter::finish() {
  if (!block_.empty()) flush_block();
  const std::string padding(padding_after(tokens_ * width_), '\0');
  const std::uint64_t tail[] = {std::uint64_t(width_), std::uint64_t(identity_.vocabulary),
                                identity_.id, std::uint64_t(documents()), std::uint64_t(tokens_)};
  std::uint64_t sum = hash64(head());
  for (const std::string_view part :
       {std::string_view(padding), text(table_), text(hashes_), text(tail)}) {
    out_.write(part.data(), std::ssize(part));
    sum = hash64(part, sum);
  }
  out_.write(reinterpret_cast<const char*>(&sum), sizeof sum);
}

std::int64_t ShardWriter::bytes_of(std::int64_t documents, std::int64_t tokens) const {
  const std::int64_t token_bytes = tokens * width_;
  const std::size_t words = documents * entry_words + (token_bytes + block_bytes - 1) / block_bytes;
  return token_bytes + static_cast<std::int64_t>(head_bytes + padding_after(token_bytes) +
                                                 words * word + tail_bytes);
}

Shard::Shard(const std::string& path)
    : place_(path), file_(std::make_unique<MappedFile>(path)), bytes_(file_->bytes()) {
  parse();
}

Shard::Shard(std::span<const std::byte> bytes, std::string_view place)
    : place_(place), bytes_(bytes) {
  parse();
}

void Shard::fail(std::size_t at, const std::string& problem) const {
  throw Error(ErrorKind::format, fmt::format("{}: byte {}", place_, at), problem,
              "pack the corpus again, or copy the file again from where it is whole");
}

std::uint64_t Shard::number(std::size_t at) const {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes_.data() + at, sizeof value);
  return value;
}

void Shard::parse() {
  const std::size_t size = bytes_.size();
  if (size < head_bytes || text(bytes_.first(magic.size())) != magic)
    throw Error(ErrorKind::format, place_, "is not a token shard",
                "make one from text: pliant data pack");
  if (number(magic.size()) != version)
    fail(magic.size(),
         fmt::format("is a shard of version {}, known is {}", number(magic.size()), version));
  if (size < head_bytes + tail_bytes) fail(size, "the file ends too early");

  const std::size_t tail = size - tail_bytes;
  const std::uint64_t width = number(tail), vocabulary = number(tail + word);
  const std::uint64_t documents = number(tail + 3 * word), tokens = number(tail + 4 * word);
  const std::size_t most = size / 2;  // tokens and documents both take two bytes or more
  if (vocabulary < 1 || vocabulary > most_vocabulary || width != width_for(vocabulary) ||
      documents > most || tokens > most)
    fail(tail, "the counts do not fit the file: it is cut, or not a shard");
  const std::size_t token_bytes = tokens * width,
                    blocks = (token_bytes + block_bytes - 1) / block_bytes;
  table_at_ = head_bytes + token_bytes + padding_after(token_bytes);
  hashes_at_ = table_at_ + documents * entry_words * word;
  if (hashes_at_ + blocks * word != tail)
    fail(tail, "the counts do not fit the file: it is cut, or not a shard");

  std::uint64_t sum = hash64(text(bytes_.first(head_bytes)));
  const std::size_t bounds[] = {head_bytes + token_bytes, table_at_, hashes_at_, tail, size - word};
  for (std::size_t i = 0; i + 1 < std::size(bounds); ++i)
    sum = hash64(text(bytes_.subspan(bounds[i], bounds[i + 1] - bounds[i])), sum);
  if (sum != number(size - word)) fail(bounds[0], "the checksum of its tables is wrong");
  for (std::size_t at = bounds[0]; at < table_at_; ++at)
    if (bytes_[at] != std::byte{0}) fail(at, "the padding is not zero");

  width_ = width, documents_ = documents, tokens_ = tokens;
  identity_ = {number(tail + 2 * word), std::int64_t(vocabulary)};
  content_hash_ = sum;
  checked_ = std::make_unique<std::atomic<bool>[]>(blocks);
  check_table();
}

void Shard::check_table() const {
  std::int64_t end = 0;
  for (std::int64_t i = 0; i < documents_; ++i) {
    const DocumentEntry entry = document(i);
    if (entry.end < end || entry.end > tokens_ || entry.text_bytes < 0 ||
        entry.text_bytes > most_text_bytes)
      fail(table_at_ + i * entry_words * word, fmt::format("document {} is none", i));
    end = entry.end;
  }
  if (end != tokens_) fail(hashes_at_, "there are tokens that belong to no document");
}

DocumentEntry Shard::document(std::int64_t index) const {
  const std::size_t at = table_at_ + index * entry_words * word;
  return {.begin = index == 0 ? 0 : std::int64_t(number(at - entry_words * word)),
          .end = std::int64_t(number(at)),
          .text_bytes = std::int64_t(number(at + word)),
          .text_hash = number(at + 2 * word)};
}

void Shard::check_block(std::int64_t block) const {
  if (checked_[block].load(std::memory_order_relaxed)) return;
  const std::size_t from = block * block_bytes,
                    size = std::min<std::size_t>(block_bytes, tokens_ * width_ - from);
  const std::span<const std::byte> bytes = bytes_.subspan(head_bytes + from, size);
  if (hash64(text(bytes)) != number(hashes_at_ + block * word))
    fail(head_bytes + from, fmt::format("the checksum of block {} is wrong", block));
  const std::uint32_t most =
      width_ == 2 ? largest<std::uint16_t>(bytes) : largest<std::uint32_t>(bytes);
  if (most >= identity_.vocabulary)
    fail(head_bytes + from, fmt::format("block {} has the id {}, the vocabulary {} tokens", block,
                                        most, identity_.vocabulary));
  checked_[block].store(true, std::memory_order_relaxed);
}

void Shard::read(std::int64_t begin, std::span<std::int32_t> out) const {
  if (out.empty()) return;
  const std::int64_t from = begin * width_, to = from + std::ssize(out) * width_,
                     block = block_bytes;
  for (std::int64_t i = from / block; i <= (to - 1) / block; ++i) check_block(i);
  const std::byte* at = bytes_.data() + head_bytes + from;
  if (width_ == sizeof(std::int32_t)) {
    std::memcpy(out.data(), at, out.size_bytes());
    return;
  }
  for (std::int32_t& id : out) {
    std::uint16_t narrow = 0;
    std::memcpy(&narrow, at, sizeof narrow);
    id = narrow;
    at += sizeof narrow;
  }
}

void Shard::verify() const {
  for (std::int64_t i = 0; i < ceil_div(tokens_ * width_, std::int64_t(block_bytes)); ++i)
    check_block(i);
}

}  // namespace pliant::data
