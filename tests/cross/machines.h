// The machines that the house test compares with the oracle.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "machine/machine.h"

namespace pliant::cross {

struct Contestant {
  std::string name;     // of its configuration, for messages
  std::string machine;  // of its rows in the table of tolerances
  std::function<std::unique_ptr<Machine>()> make;
};

std::vector<Contestant> contestants();

}  // namespace pliant::cross
