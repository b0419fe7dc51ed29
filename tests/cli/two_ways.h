// A network in which one tensor has to leave and come back, and what tests do with it.
#pragma once

#include <string>
#include <vector>

#include "cli/process.h"

namespace pliant::test {

// x -> l, r -> s, (l, s) -> y: at 25 bytes one tensor must leave and come back.
inline const char* const two_ways = R"({"tensors": [
  {"name": "x", "bytes": 10, "role": "input"},
  {"name": "l", "bytes": 10, "role": "activation"},
  {"name": "r", "bytes": 10, "role": "activation"},
  {"name": "s", "bytes": 10, "role": "activation"},
  {"name": "y", "bytes": 5, "role": "output"}],
 "operators": [
  {"name": "left", "inputs": ["x"], "outputs": ["l"]},
  {"name": "right", "inputs": ["x"], "outputs": ["r"]},
  {"name": "more", "inputs": ["r"], "outputs": ["s"]},
  {"name": "join", "inputs": ["l", "s"], "outputs": ["y"]}]})";

inline std::string two_ways_file() { return temporary("two_ways.json", two_ways); }

// pliant plan on that file in a scratchpad of `size`, with further options.
inline Outcome plan_at(const std::string& size, std::vector<std::string> more = {}) {
  std::vector<std::string> words{"plan", two_ways_file(), "--scratchpad", size};
  words.insert(words.end(), more.begin(), more.end());
  return pliant(words);
}

// Three buffers to be placed.
inline const char* const three_buffers = "id,lower,upper,size\na,0,3,4\nb,3,9,4\nc,0,9,4\n";

}  // namespace pliant::test
