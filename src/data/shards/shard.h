// Token shards: documents as token ids in one checksummed file, mapped when it is read.
// docs/formats.md, "Token shard".
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"

namespace pliant::data {

// Who turned text into ids: shards and models go together where both are equal.
struct TokenizerIdentity {
  std::uint64_t id = 0;         // of the tokenizer's vocabulary and behaviour
  std::int64_t vocabulary = 0;  // ids are below it
  bool operator==(const TokenizerIdentity&) const = default;
};
std::string to_string(const TokenizerIdentity& identity);  // "4f9a0c3e5b7d2816 (32,000 tokens)"
std::string hexadecimal(std::uint64_t number);             // 16 digits
std::uint64_t from_hexadecimal(std::string_view digits,
                               std::string_view place);  // throws Error{format}

struct DocumentEntry {
  std::int64_t begin = 0, end = 0;  // its tokens, within the shard's
  std::int64_t text_bytes = 0;      // of the text that they stand for
  std::uint64_t text_hash = 0;  // of the whole text; pieces of one text have one hash, to stay on
                                // one side where some are held out
  std::int64_t tokens() const { return end - begin; }
};

// Writes a shard from its first byte to its last; nothing is sought, so any stream will do.
class ShardWriter {
 public:
  // `out` must outlive it. Throws Error{invalid} for a vocabulary outside [1, 2^31).
  ShardWriter(std::ostream& out, const TokenizerIdentity& identity);
  // Ids in [0, vocabulary), else Error{invalid}; a document may be empty.
  void add(std::span<const std::int32_t> ids, std::int64_t text_bytes, std::uint64_t text_hash);
  void finish();  // once, at the end
  std::int64_t tokens() const { return tokens_; }
  std::int64_t documents() const { return static_cast<std::int64_t>(table_.size() / 3); }
  std::int64_t bytes() const { return bytes_of(documents(), tokens_); }      // were it finished now
  std::int64_t bytes_of(std::int64_t documents, std::int64_t tokens) const;  // of such a file

 private:
  void flush_block();

  std::ostream& out_;
  TokenizerIdentity identity_;
  std::int64_t width_, tokens_ = 0;
  std::string block_;
  std::vector<std::uint64_t> table_, hashes_;
};

// A shard that is read. Thread-safe.
class Shard {
 public:
  // Checks sizes, the tables and their checksum; each block of tokens is checked when it is first
  // read, so that opening terabytes takes no time. Throws Error{format} naming the byte.
  explicit Shard(const std::string& path);
  // The same of bytes that outlive it.
  Shard(std::span<const std::byte> bytes, std::string_view place);

  const std::string& place() const { return place_; }
  const TokenizerIdentity& identity() const { return identity_; }
  std::int64_t documents() const { return documents_; }
  std::int64_t tokens() const { return tokens_; }
  std::uint64_t content_hash() const { return content_hash_; }  // of all the file says
  DocumentEntry document(std::int64_t index) const;

  // Tokens [begin, begin + out.size()) of the shard. Throws Error{format} where the block does not
  // have its checksum or holds an id that is none.
  void read(std::int64_t begin, std::span<std::int32_t> out) const;
  void verify() const;  // every block

 private:
  void parse();
  void check_table() const;
  void check_block(std::int64_t block) const;
  std::uint64_t number(std::size_t at) const;
  [[noreturn]] void fail(std::size_t at, const std::string& problem) const;

  std::string place_;
  std::unique_ptr<MappedFile> file_;
  std::span<const std::byte> bytes_;
  TokenizerIdentity identity_;
  std::int64_t width_ = 0, documents_ = 0, tokens_ = 0;
  std::size_t table_at_ = 0, hashes_at_ = 0;
  std::uint64_t content_hash_ = 0;
  std::unique_ptr<std::atomic<bool>[]> checked_;  // by block
};

}  // namespace pliant::data
