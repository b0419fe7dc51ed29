// EinHops' algorithm on the engine that its code uses: a Python package that the environment
// variable PLIANT_PEER_DESILO names a Python for.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace pliant::bench {

struct PeerCase {
  std::string name, expression;
  std::vector<Shape> shapes;
};
struct PeerRow {
  double ms = 0, encode_ms = 0, error = 0;
};

bool has_peer();  // whether the variable is set
// Calls row(number of the case, what it took) as each is done. Throws std::runtime_error where the
// peer fails.
void run_peer(const std::vector<PeerCase>& cases,
              const std::function<void(std::size_t, const PeerRow&)>& row);

}  // namespace pliant::bench
