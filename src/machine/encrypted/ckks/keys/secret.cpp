#include "machine/encrypted/ckks/keys/secret.h"

#include <sodium.h>

namespace pliant::ckks {

SecretValues::~SecretValues() {
  sodium_memzero(values_.data(), values_.size() * sizeof values_[0]);
}

}  // namespace pliant::ckks
