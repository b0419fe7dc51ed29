#include "machine/encrypted/ckks/context/bytes.h"

#include <fmt/format.h>
#include <sodium.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.h"

namespace pliant::ckks {

namespace {

constexpr char kMagic[8] = {'P', 'L', 'I', 'A', 'N', 'T', 'C', 'K'};
constexpr std::size_t kHeader = sizeof kMagic + 4 + 4 + sizeof(Hash);

// An agreement, which the files of keys of both sides begin with, has gained a field twice.
std::uint32_t version_of(EnvelopeKind kind) {
  switch (kind) {
    case EnvelopeKind::client_keys:
    case EnvelopeKind::server_keys:
    case EnvelopeKind::contributor_keys: return 4;
    default: return 2;
  }
}

template <typename T>
void append(std::vector<std::byte>& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    out.push_back(static_cast<std::byte>(value >> (8 * i) & 255));
}

template <typename T>
T decode(std::span<const std::byte> bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value |= static_cast<T>(bytes[i]) << (8 * i);
  return value;
}

// The hash of a file: with a key, its purpose is what BLAKE2b calls salt and personalisation.
Hash tag(std::span<const std::byte> bytes, const Authentication& a) {
  if (a.key.empty()) return blake2b(bytes);
  if (a.key.size() < 16 || a.key.size() > 64)
    throw Error(ErrorKind::usage, "ckks file",
                fmt::format("an authentication key of {} bytes, not 16 to 64", a.key.size()));
  std::vector<std::byte> salt, person;
  append(salt, a.session);
  append(salt, a.request);
  for (const char c : kMagic) person.push_back(static_cast<std::byte>(c));
  append(person, static_cast<std::uint32_t>(a.from));
  append(person, a.item);
  const auto raw = [](std::span<const std::byte> of) {
    return reinterpret_cast<const unsigned char*>(of.data());
  };
  Hash hash;
  static_assert(crypto_generichash_blake2b_SALTBYTES == 16 &&
                crypto_generichash_blake2b_PERSONALBYTES == 16);
  crypto_generichash_blake2b_salt_personal(hash.data(), hash.size(), raw(bytes), bytes.size(),
                                           raw(a.key), a.key.size(), raw(salt), raw(person));
  return hash;
}

}  // namespace

const char* name(EnvelopeKind kind) {
  constexpr const char* names[] = {
      "parameters",    "ciphertext",    "secret key", "public key",         "switching key",
      "client's keys", "server's keys", "tensor",     "contributor's keys", "contributor's tensor"};
  const auto index = static_cast<std::size_t>(kind) - 1;
  return index < std::size(names) ? names[index] : "unknown kind";
}

std::optional<EnvelopeKind> claimed_kind(std::span<const std::byte> bytes) {
  if (bytes.size() < kHeader || std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0) return {};
  return static_cast<EnvelopeKind>(decode<std::uint32_t>(bytes.subspan(sizeof kMagic, 4)));
}

std::string hex(const Hash& hash) {
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) text += fmt::format("{:02x}", hash[i]);
  return text;
}

Writer::~Writer() { sodium_memzero(bytes_.data(), bytes_.size()); }

void Writer::begin(EnvelopeKind kind, const Hash& params) {
  for (const char c : kMagic) bytes_.push_back(static_cast<std::byte>(c));
  put(static_cast<std::uint32_t>(kind));
  put(version_of(kind));
  put(std::span<const std::uint8_t>(params));
}
void Writer::put(std::uint32_t value) { append(bytes_, value); }
void Writer::put(u64 value) { append(bytes_, value); }
void Writer::put(double value) { append(bytes_, std::bit_cast<u64>(value)); }
void Writer::put(std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t b : bytes) bytes_.push_back(static_cast<std::byte>(b));
}
void Writer::put_words(std::span<const u64> words) {
  static_assert(std::endian::native == std::endian::little);
  const auto raw = std::as_bytes(words);
  bytes_.insert(bytes_.end(), raw.begin(), raw.end());
}
void Writer::put_blob(std::span<const std::byte> bytes) {
  put(u64{bytes.size()});
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}
std::vector<std::byte> Writer::seal(const Authentication& authentication) {
  put(std::span<const std::uint8_t>(tag(bytes_, authentication)));
  return std::move(bytes_);
}

Reader::Reader(std::span<const std::byte> bytes, EnvelopeKind kind, const Hash* params,
               const Authentication& authentication)
    : bytes_(bytes), kind_(kind) {
  if (bytes.size() < kHeader + sizeof(Hash))
    fail(fmt::format("{} bytes are too few for a header", bytes.size()));
  if (std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0)
    fail("does not begin with the magic number");
  end_ = bytes.size() - sizeof(Hash);
  const Hash wanted = tag(bytes.first(end_), authentication);
  if (sodium_memcmp(wanted.data(), bytes.data() + end_, wanted.size()) != 0)
    fail(authentication.key.empty()
             ? "the hash does not match: the file is damaged, or was authenticated with a key"
             : "the authentication does not match: damaged, forged, made with another key or for "
               "another purpose");
  at_ = sizeof kMagic;
  const std::uint32_t found = word(~0u, "kind");
  if (found != static_cast<std::uint32_t>(kind))
    fail(fmt::format("holds a {}", name(static_cast<EnvelopeKind>(found))));
  const std::uint32_t known = version_of(kind);
  if (const std::uint32_t version = word(~0u, "version"); version != known)
    fail(fmt::format("version {} is not {}: written by {} Pliant", version, known,
                     version < known ? "an older" : "a newer"),
         version < known ? "make it anew" : "use the Pliant that wrote it");
  Hash of;
  read(of, "parameter hash");
  if (params != nullptr && of != *params)
    throw Error(ErrorKind::invalid, fmt::format("ckks {} file", name(kind)),
                fmt::format("made under parameters {}, read under {}", hex(of), hex(*params)),
                "use the parameter file that belongs to it");
}

void Reader::fail(const std::string& problem, const std::string& next_step) const {
  throw Error(ErrorKind::format, fmt::format("ckks {} file, byte {}", name(kind_), at_), problem,
              next_step);
}

void Reader::expect(std::size_t size, const char* what) const {
  if (size > end_ - at_)
    fail(fmt::format("{} needs {} bytes, {} are left", what, size, end_ - at_));
}

std::span<const std::byte> Reader::take(std::size_t size, const char* what) {
  expect(size, what);
  at_ += size;
  return bytes_.subspan(at_ - size, size);
}

std::uint32_t Reader::word(std::uint32_t most, const char* what) {
  const auto value = decode<std::uint32_t>(take(4, what));
  if (value > most) fail(fmt::format("{} is {}, above {}", what, value, most));
  return value;
}

double Reader::real(const char* what) {
  const double value = std::bit_cast<double>(decode<u64>(take(8, what)));
  if (!std::isfinite(value) || std::signbit(value)) fail(fmt::format("{} is {}", what, value));
  return value;
}

void Reader::read(std::span<std::uint8_t> out, const char* what) {
  const auto bytes = take(out.size(), what);
  std::memcpy(out.data(), bytes.data(), out.size());
}

void Reader::words(std::span<u64> out, u64 below, const char* what) {
  const auto bytes = take(out.size() * 8, what);
  std::memcpy(out.data(), bytes.data(), bytes.size());
  for (const u64 word : out)
    if (word >= below) fail(fmt::format("{} holds {}, not below {}", what, word, below));
}

std::span<const std::byte> Reader::blob(const char* what) {
  return take(decode<u64>(take(8, what)), what);
}

void Reader::finish() const {
  if (at_ != end_) fail(fmt::format("{} bytes follow the end", end_ - at_));
}

}  // namespace pliant::ckks
