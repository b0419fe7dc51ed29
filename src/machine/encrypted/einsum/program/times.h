// How long a program will take, from the times of single operations.
#pragma once

#include <cstdint>

#include "machine/encrypted/einsum/program/program.h"

namespace pliant::einsum {

// What a program spends its time with. The second group are the parts of a Transform: what the
// first baby rotation of a source adds to each, each baby and giant rotation, each diagonal
// (without its encoding), each result.
enum class Operation : std::uint8_t {
  rotation,
  relinearization,  // with the rescale that follows
  rescale,
  lowering,
  addition,
  product,
  plain_product,
  encoding,

  source,
  baby,
  giant,
  diagonal,
  result
};

// Of one back end with one parameter set.
class Times {
 public:
  virtual ~Times() = default;
  virtual double seconds(Operation operation, int level) = 0;  // of the operands
};

struct Prediction {
  double encoding = 0;    // of plaintexts, which can be done ahead
  double evaluation = 0;  // all else between encryption and decryption
};
Prediction predict(const Program& program, Times& times);

}  // namespace pliant::einsum
