#include "core/checked.h"

#include <string>

#include "core/error.h"

namespace pliant {

std::int64_t checked_add(std::int64_t a, std::int64_t b, std::string_view place) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum))
    throw Error(ErrorKind::invalid, std::string(place),
                "size overflows 64 bits: " + std::to_string(a) + " + " + std::to_string(b));
  return sum;
}

std::int64_t checked_multiply(std::int64_t a, std::int64_t b, std::string_view place) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product))
    throw Error(ErrorKind::invalid, std::string(place),
                "size overflows 64 bits: " + std::to_string(a) + " * " + std::to_string(b));
  return product;
}

}  // namespace pliant
