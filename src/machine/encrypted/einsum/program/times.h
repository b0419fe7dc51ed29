// How long a program will take, from the times of single operations.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include "machine/encrypted/einsum/program/program.h"

namespace pliant::einsum {

// What a program spends its time with.
enum class Operation : std::uint8_t {
  rotation,
  relinearization,  // with the rescale that follows
  rescale,
  lowering,
  addition,
  product,
  plain_product,
  transform,         // all of it, by its parts
  error,             // of those in two ciphertexts, what each adds to the time of their sum
  encoding,          // of a plaintext that multiplies or is added
  diagonal_encoding  // of one of a transform's
};
std::string_view name(Operation operation);

// The parts of a transform whose diagonals were encoded ahead, in seconds.
struct TransformTimes {
  double source = 0;    // what the first baby rotation of a source adds to each
  double baby = 0;      // each baby rotation
  double giant = 0;     // each giant rotation of what no other one was added to
  double chained = 0;   // each other one, where a stride takes them one after the other
  double diagonal = 0;  // each product with one
  double result = 0;
};

// A back end may do a transform of many diagonals to a baby rotation in another way than one of
// few.
enum class Diagonals : std::uint8_t { few, many };

// Of one back end with one parameter set.
class Times {
 public:
  virtual ~Times() = default;
  virtual double seconds(Operation operation, int level) = 0;  // of the operands; of no transform
  virtual TransformTimes transform(Diagonals diagonals, int level) = 0;  // likewise
  // How many errors of a ciphertext the back end follows one by one (Backend::most_errors).
  virtual std::int64_t most_errors() const { return 0; }
};

struct Prediction {
  double encoding = 0;    // of plaintexts, which can be done ahead
  double evaluation = 0;  // all else between encryption and decryption
  struct Part {
    std::int64_t count = 0;
    double seconds = 0;
  };
  std::map<Operation, Part> parts = {};  // of both
};
// A transform takes what the quicker way does.
Prediction predict(const Program& program, Times& times);

}  // namespace pliant::einsum
