// The envelope of every file of the engine: magic, kind, version, parameter hash, payload,
// authentication (docs/formats.md).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "machine/encrypted/ckks/context/random.h"

namespace pliant::ckks {

enum class EnvelopeKind : std::uint32_t {
  parameters = 1,
  ciphertext = 2,
  secret_key = 3,
  public_key = 4,
  switch_key = 5,
  client_keys = 6,  // from here on of einsums: machine/encrypted/einsum/parties
  server_keys = 7,
  tensor = 8,
  contributor_keys = 9,
  contribution = 10  // a contributor's tensor
};
const char* name(EnvelopeKind kind);
// What the header says that a file holds, before anything of it is checked.
std::optional<EnvelopeKind> claimed_kind(std::span<const std::byte> bytes);

enum class Sender : std::uint8_t { client, server, contributor };

// What a file is authenticated with: a key that client and server share, and what the file is for,
// which both know and which is not in it. A file for something else is refused as a forged one is:
// one's own handed back, an answer to another request, an answer of another session, answers in
// another order. That the same file does not come twice is for the reader to see to, who counts
// requests.
struct Authentication {
  // 16 to 64 bytes; empty for a plain hash, which finds damage but not malice
  std::span<const std::byte> key = {};
  Sender from = Sender::client;  // who wrote it
  u64 session = 0;               // drawn by the client for each
  u64 request = 0;               // counted within the session; an answer has its request's
  std::uint32_t item = 0;        // of the files that make up the request or answer
};

// One thread at a time. What was not sealed is wiped, for it may be a secret key.
class Writer {
 public:
  Writer() = default;
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  void begin(EnvelopeKind kind, const Hash& params);
  void put(std::uint32_t value);
  void put(u64 value);
  void put(double value);
  void put(std::span<const std::uint8_t> bytes);
  void put_words(std::span<const u64> words);
  void put_blob(std::span<const std::byte> bytes);  // its length first
  void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
  std::span<const std::byte> bytes() const { return bytes_; }
  // appends BLAKE2b over everything, keyed and bound to its purpose if a key is given
  std::vector<std::byte> seal(const Authentication& authentication);

 private:
  std::vector<std::byte> bytes_;
};

// Checks the whole envelope before anything is read. Throws Error{format} naming the offset,
// Error{invalid} for foreign parameters (both hashes named). `bytes` must outlive it.
// One thread at a time.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, EnvelopeKind kind, const Hash* params,
         const Authentication& authentication);
  std::uint32_t word(std::uint32_t most, const char* what);  // at most `most`
  double real(const char* what);                             // finite and not negative
  void read(std::span<std::uint8_t> out, const char* what);
  void words(std::span<u64> out, u64 below, const char* what);  // each below `below`
  std::span<const std::byte> blob(const char* what);            // as put_blob() wrote it
  // that many follow: asked before allocating for them
  void expect(std::size_t bytes, const char* what) const;
  void finish() const;  // nothing follows
  [[noreturn]] void fail(const std::string& problem, const std::string& next_step = "") const;

 private:
  std::span<const std::byte> take(std::size_t size, const char* what);
  std::span<const std::byte> bytes_;
  EnvelopeKind kind_;
  std::size_t at_ = 0, end_ = 0;
};

std::string hex(const Hash& hash);  // its first eight bytes

}  // namespace pliant::ckks
