// A value of the graph in ciphertexts, as the lowering has it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "machine/encrypted/einsum/plan/builder.h"
#include "machine/encrypted/graph/ranges.h"

namespace pliant::encrypted {

// Where an element of a view comes from; zero where `base` is -1.
struct Source {
  std::int32_t base = -1;
  std::int64_t element = 0;  // row-major
};

// How a value can be multiplied without a step: by the factors of plaintexts that came into it, as
// long as nothing else has read it.
struct Scaling {
  std::vector<einsum::PlainId> plains;
  std::vector<einsum::CipherId> claims;  // that bound it
};

// Elements of tensors in ciphertexts. What only picks, repeats or orders elements is not done but
// noted in `view`, for the next linear step to do along with its own work.
struct EncryptedValue {
  Shape shape;
  std::vector<einsum::PlacedTensor> bases;
  std::optional<std::vector<Source>> view;  // of every element; none: they are those of bases[0]
  Interval range;
  double error = 0;  // by approximated functions, of every element
  std::optional<Scaling> scaling = {};
};

// The labels of n axes, in order: every layout here has them, so that equal axes compare equal.
std::string axis_labels(std::size_t n);

std::vector<Source> sources(const EncryptedValue& value);
// The same value seen through `view`, of `shape`: its elements' sources are numbers of the value's
// own elements, or -1 for zero.
EncryptedValue viewed(const EncryptedValue& value, Shape shape,
                      const std::vector<std::int64_t>& view);

// A layout that has the shape's elements where the view finds them, if there is one of plain
// strides: then nothing has to be done. With a distance that all of them are to be rotated by
// first.
struct StridedView {
  einsum::SlotLayout layout;
  std::int64_t offset = 0;
};
std::optional<StridedView> strided(const EncryptedValue& value);

// Slots of each ciphertext that hold element number (element_of ? element_of[e] : 0) of e, copies
// among them.
std::map<std::int64_t, std::vector<einsum::Plain::Cell>> element_cells(
    const einsum::SlotLayout& layout, const std::vector<std::int64_t>& element_of = {});

// Of each element of `to`, the element of `from` that broadcasts to it (numpy's rule).
std::vector<std::int64_t> broadcast(const Shape& from, const Shape& to);

}  // namespace pliant::encrypted
