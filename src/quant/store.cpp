#include "quant/store.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace pliant {
namespace {

constexpr std::array<std::pair<Encoding, std::string_view>, 1> encodings{{{Encoding::plain, "plain"}}};

Error wrong_bytes(const std::string& name, std::size_t found, std::int64_t wanted, const Stored& stored) {
  return Error(ErrorKind::invalid, "weight " + name,
               fmt::format("{} as {} takes {} bytes, found {}", to_string(stored.type), pliant::name(stored.encoding),
                           wanted, found));
}

}  // namespace

std::string_view name(Encoding encoding) { return encodings[static_cast<std::size_t>(encoding)].second; }

Encoding encoding_from_name(std::string_view name) {
  for (const auto& [encoding, text] : encodings)
    if (text == name) return encoding;
  throw Error(ErrorKind::format, "encoding", fmt::format("unknown name \"{}\"", name), "known: plain");
}

std::int64_t encoded_bytes(const TensorType& type, Encoding encoding) {
  switch (encoding) {
    case Encoding::plain: return bytes(type);
  }
  throw Error(ErrorKind::invalid, "encoding", fmt::format("unknown number {}", static_cast<int>(encoding)));
}

Tensor decode(const Stored& stored) {
  const auto wanted = encoded_bytes(stored.type, stored.encoding);
  if (std::cmp_not_equal(stored.bytes.size(), wanted)) throw wrong_bytes("", stored.bytes.size(), wanted, stored);
  Tensor result(stored.type);
  if (wanted > 0) std::memcpy(result.view().data, stored.bytes.data(), stored.bytes.size());
  return result;
}

void WeightStore::add(std::string name, Tensor tensor) {
  const auto owner = std::make_shared<const Tensor>(std::move(tensor));
  add(std::move(name), Stored{owner->type(), Encoding::plain, owner->raw()}, owner);
}

void WeightStore::add(std::string name, const Stored& stored, std::shared_ptr<const void> owner) {
  const auto wanted = encoded_bytes(stored.type, stored.encoding);
  if (std::cmp_not_equal(stored.bytes.size(), wanted)) throw wrong_bytes(name, stored.bytes.size(), wanted, stored);
  if (entries_.contains(name)) throw Error(ErrorKind::invalid, "weight " + name, "the name is taken");
  entries_.emplace(std::move(name), Entry{stored, std::move(owner)});
}

const Stored* WeightStore::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second.stored;
}

const Stored& WeightStore::at(std::string_view name) const {
  if (const auto* stored = find(name)) return *stored;
  throw Error(ErrorKind::not_found, fmt::format("weight {}", name),
              fmt::format("not among the {} weights of the store", size()));
}

std::shared_ptr<const void> WeightStore::owner(std::string_view name) const {
  at(name);
  return entries_.find(name)->second.owner;
}

void WeightStore::for_each(const std::function<void(const std::string& name, const Stored& stored)>& visit) const {
  for (const auto& [name, entry] : entries_) visit(name, entry.stored);
}

}  // namespace pliant
