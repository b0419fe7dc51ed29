// Placement in its normal form: offsets in units of the greatest common divisor, time cut to the
// columns that matter, one field per independent part.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/place/place.h"

namespace pliant::place {

struct Box {
  std::int64_t size = 0;                  // units, > 0
  std::int32_t first = 0, last = 0;       // columns, inclusive
  std::int64_t earliest = 0, latest = 0;  // offsets allowed; equal when fixed
};

// Boxes that overlap directly or through others. A column is a largest set of rectangles alive
// together.
struct Field {
  std::int64_t capacity = 0;
  std::int32_t columns = 0;
  std::vector<Box> boxes;
  std::vector<std::int32_t> ids;  // rectangle of each box
};

struct Fields {
  std::int64_t unit = 1;  // bytes
  std::vector<Field> fields;
  std::vector<std::int32_t> misfits;  // rectangles that cannot be placed even alone
};

// Rectangles without size or time are in no field. Throws Error{invalid} for negative sizes, times
// that run backwards, a capacity below 0, an alignment below 1, sums beyond 2^62.
Fields normal_form(const std::vector<Rectangle>& rectangles, std::int64_t capacity,
                   std::int64_t alignment);

// Largest total size in one column, in units.
std::int64_t fluid_height(const Field& field);

}  // namespace pliant::place
