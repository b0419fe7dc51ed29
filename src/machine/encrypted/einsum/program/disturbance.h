// Errors that operations add, and what is left of them in a result.
#pragma once

#include <compare>
#include <cstdint>

namespace pliant::einsum {

// An operation that adds an error, and at which level. The error of the first three is random but
// for a small part; that of the others is of a fixed size.
struct Disturbance {
  enum class Kind : std::uint8_t {
    encryption,
    switching,  // of keys
    division,
    encoding,  // of a plaintext: where it multiplies, relative to what it multiplies
    product,   // of two errors
    scale      // that a division or Lower leaves beside the level's: relative to the value
  };
  Kind kind = Kind::encryption;
  int level = 0;
  int factors = 1;                                       // of the scale, where a key is switched
  int parts = 2;                                         // that are divided
  auto operator<=>(const Disturbance&) const = default;  // NOLINT(modernize-use-nullptr)
};

// Of all disturbances of one kind, an element's error takes at most `squares` of their variance;
// of the largest of their slots, each squared and added up, `peaks`; of their fixed part `sum`.
struct ErrorGain {
  Disturbance of;
  double squares = 0, peaks = 0, sum = 0;
};

}  // namespace pliant::einsum
