// EinHops' algorithm on the engine that its code uses: a Python package that the environment
// variable PLIANT_PEER_DESILO names a Python for.
#pragma once

#include <map>
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

// By name; none where the variable is not set. Throws std::runtime_error where the peer fails.
std::map<std::string, PeerRow> run_peer(const std::vector<PeerCase>& cases);

}  // namespace pliant::bench
