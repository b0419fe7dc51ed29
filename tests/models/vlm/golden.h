// A folder of golden/vlm, whose README says what is in it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "formats/safetensors/safetensors.h"
#include "image/image.h"

namespace pliant::vlm {

inline constexpr const char* golden_cases[] = {"llava", "smolvlm"};

struct Golden {
  std::string folder;
  WeightStore io;
  explicit Golden(const std::string& name)
      : folder("golden/vlm/" + name), io(load_safetensors(folder + "/io.safetensors")) {}

  Image image(int number) const {
    const Stored& stored = io.at("image" + std::to_string(number));
    const Shape& shape = stored.type.shape;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(stored.bytes.data());
    return {static_cast<int>(shape[1]),
            static_cast<int>(shape[0]),
            {bytes, bytes + stored.bytes.size()}};
  }
  Tensor tensor(const std::string& name, int number) const {
    return decode(io.at(name + std::to_string(number)));
  }
  std::vector<std::int32_t> ids(const std::string& name) const {
    const Tensor whole = decode(io.at(name));
    std::vector<std::int32_t> result;
    for (std::int64_t i = 0; i < elements(whole.type().shape); ++i)
      result.push_back(static_cast<std::int32_t>(get_int(whole.view(), i)));
    return result;
  }
};

// of all elements
inline double far(std::span<const float> got, std::span<const float> wanted) {
  EXPECT_EQ(got.size(), wanted.size());
  double most = 0;
  for (std::size_t i = 0; i < std::min(got.size(), wanted.size()); ++i)
    most = std::max(most, std::isnan(got[i]) ? HUGE_VAL : std::abs(double{got[i]} - wanted[i]));
  return most;
}

}  // namespace pliant::vlm
