// Weights by name. How a weight's bytes are written is its Encoding, known to the store and never
// to the graph: quantising a model changes its store only.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/pool.h"
#include "core/tensor.h"
#include "quant/encoding.h"

namespace pliant {

struct Stored {
  TensorType type;  // logical
  Encoding encoding = Encoding::plain;
  std::span<const std::byte> bytes;  // belongs to the store; aligned to an element at most
};

// Both copy into plain elements of the logical type. decode_rows: rows [first, first + count) of
// the outermost axis. Throw Error{invalid} for a wrong byte count or rows out of range.
Tensor decode(const Stored& stored);
Tensor decode_rows(const Stored& stored, std::int64_t first, std::int64_t count);

// f32 values in blocks; rows of the outermost axis are shared out over the pool, if there is one.
// The bytes are the same for any pool. Throws Error{invalid} at `place`: a last axis that is no
// multiple of the block, a value that is not finite or too large for the encoding, by its index.
std::vector<std::byte> encode(const TensorView& values, Encoding encoding, std::string_view place,
                              ThreadPool* pool = nullptr);

// Throws Error{invalid} naming `place` and the block when a block's scale is NaN or infinite, or
// the element when a plain float is.
void check_finite(const Stored& stored, std::string_view place);

// Immutable once shared. Owns tensors or keeps their owner (a mapped file) alive. Copying shares
// the bytes.
class WeightStore {
 public:
  void add(
      std::string name,
      Tensor tensor);  // both throw Error{invalid} for a name that is taken or a wrong byte count
  void add(std::string name, const Stored& stored, std::shared_ptr<const void> owner);
  // null if absent; valid while the store lives
  const Stored* find(std::string_view name) const;
  const Stored& at(std::string_view name) const;  // throws Error{not_found}
  // keeps the bytes of `name` alive; throws as at()
  std::shared_ptr<const void> owner(std::string_view name) const;
  std::size_t size() const { return entries_.size(); }
  // by name
  void for_each(
      const std::function<void(const std::string& name, const Stored& stored)>& visit) const;

 private:
  struct Entry {
    Stored stored;
    std::shared_ptr<const void> owner;
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace pliant
