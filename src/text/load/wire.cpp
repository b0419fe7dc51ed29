#include "text/load/wire.h"

#include <fmt/format.h>

#include <bit>

#include "core/error.h"

namespace pliant::text {

void WireReader::fail(const std::string& problem) const {
  throw Error(ErrorKind::format, fmt::format("{}: byte {}", place_, offset_ + start_), problem);
}

bool WireReader::next() {
  if (pending_) skip();
  start_ = at_;
  if (at_ == bytes_.size()) return false;
  const std::uint64_t tag = varint();
  if (tag >> 32 != 0 || tag >> 3 == 0) fail("is no field of a SentencePiece model");
  field_ = static_cast<std::uint32_t>(tag >> 3);
  type_ = tag & 7;
  pending_ = true;
  return true;
}

std::uint64_t WireReader::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (at_ == bytes_.size()) fail("the file is cut here");
    const auto byte = static_cast<unsigned char>(bytes_[at_++]);
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
  fail("holds a number of more than 64 bits");
}

std::string_view WireReader::take(std::uint64_t size) {
  if (size > bytes_.size() - at_)
    fail(fmt::format("{} bytes, but {} are left", size, bytes_.size() - at_));
  at_ += size;
  return bytes_.substr(at_ - size, size);
}

void WireReader::expect(std::uint32_t type) {
  if (type_ != type) fail(fmt::format("field {} has wire type {}, not {}", field_, type_, type));
  pending_ = false;
}

std::uint64_t WireReader::integer() {
  expect(0);
  return varint();
}

float WireReader::number() {
  expect(5);
  const std::string_view bytes = take(4);
  std::uint32_t bits = 0;
  for (std::size_t i = 4; i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
  return std::bit_cast<float>(bits);
}

std::string_view WireReader::text() {
  expect(2);
  return take(varint());
}

WireReader WireReader::message() {
  const std::string_view bytes = text();
  return {bytes, place_, offset_ + at_ - bytes.size()};
}

void WireReader::skip() {
  pending_ = false;
  switch (type_) {
    case 0: varint(); return;
    case 1: take(8); return;
    case 2: take(varint()); return;
    case 5: take(4); return;
    default: fail(fmt::format("has wire type {}", type_));
  }
}

}  // namespace pliant::text
