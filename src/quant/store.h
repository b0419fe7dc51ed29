// Weights by name. How a weight's bytes are written is its Encoding, known to the store and never to the graph:
// quantising a model changes its store only.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/tensor.h"

namespace pliant {

enum class Encoding : std::uint8_t { plain };  // plain: dense row-major elements of the logical type, little endian

std::string_view name(Encoding encoding);
Encoding encoding_from_name(std::string_view name);                     // throws Error{format}
std::int64_t encoded_bytes(const TensorType& type, Encoding encoding);  // throws Error{invalid} on overflow

struct Stored {
  TensorType type;  // logical
  Encoding encoding = Encoding::plain;
  std::span<const std::byte> bytes;  // belongs to the store; aligned to an element at most
};

Tensor decode(const Stored& stored);  // copies into plain elements of the logical type

// Immutable once shared. Owns tensors or keeps their owner (a mapped file) alive. Copying shares the bytes.
class WeightStore {
 public:
  void add(std::string name,
           Tensor tensor);  // both throw Error{invalid} for a name that is taken or a wrong byte count
  void add(std::string name, const Stored& stored, std::shared_ptr<const void> owner);
  const Stored* find(std::string_view name) const;                 // null if absent; valid while the store lives
  const Stored& at(std::string_view name) const;                   // throws Error{not_found}
  std::shared_ptr<const void> owner(std::string_view name) const;  // keeps the bytes of `name` alive; throws as at()
  std::size_t size() const { return entries_.size(); }
  void for_each(const std::function<void(const std::string& name, const Stored& stored)>& visit) const;  // by name

 private:
  struct Entry {
    Stored stored;
    std::shared_ptr<const void> owner;
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace pliant
