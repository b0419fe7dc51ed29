// The text of a .param file, line by line, before it means anything.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pliant::ncnn {

struct Layer {
  std::string type, name, place;  // place: for errors, with the line
  std::vector<std::string> bottoms, tops;
  std::map<int, double> numbers;
  std::map<int, std::vector<double>> lists;      // by id, -23300 - id in the file
  std::vector<std::vector<std::int64_t>> hints;  // per top: sizes, outermost first

  // A whole number from low to high; throws Error{invalid}.
  std::int64_t whole(int id, std::int64_t otherwise, std::int64_t low = -1,
                     std::int64_t high = 1 << 24) const;
};

// throws Error{format}
std::vector<Layer> read_layers(std::string_view text, std::string_view place);

}  // namespace pliant::ncnn
