// A network in which one tensor has to leave and come back.
#pragma once

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

}  // namespace pliant::test
