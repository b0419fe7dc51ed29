// Where the elements of a tensor stand in the slots of its ciphertexts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace pliant::einsum {

using pliant::to_string;  // of shapes, beside those of this namespace

// One step of a tensor's axis moves an element by `stride` addresses. An address is ciphertext *
// slots + slot, so that an axis of a large stride runs over ciphertexts and any other over slots.
struct LabelAxis {
  char label = '\0';
  std::int64_t size = 1, stride = 0;
  bool operator==(const LabelAxis&) const = default;
};

// The position on the axis `label` is (its index + times * the index of `by`) modulo its size: with
// rolls, diagonal packings are ordinary layouts.
struct Roll {
  char label = '\0', by = '\0';
  std::int64_t times = 1;
  bool operator==(const Roll&) const = default;
};

// The address of an element is the sum of position * stride over the axes, modulo `period` where
// there is one (bicyclic packings: two strides modulo a product of coprime sizes).
struct SlotLayout {
  std::int64_t slots = 1;            // of one ciphertext; a power of two
  std::vector<LabelAxis> axes = {};  // one per axis of the tensor, in its order; labels may repeat
  std::vector<LabelAxis> copies =
      {};  // every element again, this often and this far apart; no labels
  std::vector<Roll> rolls = {};
  std::int64_t period = 0;
  // clean: every other slot of the ciphertexts is zero. Dirty: it may hold anything
  bool clean = true;
  bool operator==(const SlotLayout&) const = default;
};

// Row-major from slot 0, every size padded to the next power of two: over several ciphertexts where
// one is too small. Throws Error{invalid} for slots that are no power of two.
SlotLayout row_major(std::string_view labels, const Shape& shape, std::int64_t slots);
// Element (i, j) of a square matrix at slot i of diagonal j - i: what products by diagonals want.
SlotLayout diagonal(std::string_view labels, std::int64_t size, std::int64_t slots);
// Element (i, j) at the slot that is i modulo the rows and j modulo the columns, which are coprime.
SlotLayout bicyclic(std::string_view labels, const Shape& shape, std::int64_t slots);

// Throws Error{invalid}, naming the label, where a size or stride is out of range, or where two
// elements or copies would share an address.
void check(const SlotLayout& layout, std::string_view place);

Shape shape(const SlotLayout& layout);
std::string labels(const SlotLayout& layout);
std::int64_t padded(std::int64_t size);  // the next power of two

// Of each element, in row-major order of the tensor; and of each copy of them all.
std::vector<std::int64_t> addresses(const SlotLayout& layout);
std::vector<std::int64_t> copy_offsets(const SlotLayout& layout);
// The ciphertexts in use, ascending.
std::vector<std::int64_t> ciphertexts(const SlotLayout& layout);

// The slot vectors of ciphertexts(layout), in order, from a tensor's elements in row-major order;
// all else is zero. And back: from the first copy.
std::vector<std::vector<double>> pack(std::span<const double> elements, const SlotLayout& layout);
std::vector<double> unpack(std::span<const std::vector<double>> slots, const SlotLayout& layout);

// "i:16/1024 k:32/32 j:32/1 x4/4096 dirty": label:size/stride of each axis, x for copies.
std::string to_string(const SlotLayout& layout);
// One line a ciphertext: which element is in each slot ("i0k3", "." where zero, "?" where unknown),
// the first `limit` slots of it.
std::string picture(const SlotLayout& layout, std::int64_t limit = 16);

}  // namespace pliant::einsum
