// Reference vectors of Elastic Cache: tests/golden/elastic-cache/README.md.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "formats/safetensors/safetensors.h"

namespace pliant::kv {

class Golden {
 public:
  explicit Golden(const std::string& name)
      : store_(load_safetensors("golden/elastic-cache/" + name + ".safetensors")) {}

  Shape shape(const std::string& name) const { return store_.at(name).type.shape; }
  std::vector<float> floats(const std::string& name) const { return values<float>(name); }
  std::vector<std::int32_t> ints(const std::string& name) const {
    return values<std::int32_t>(name);
  }
  // part `i` along the outermost axis
  template <typename T>
  std::vector<T> row(const std::string& name, std::int64_t i) const {
    const std::vector<T> all = values<T>(name);
    const auto size = std::ssize(all) / shape(name)[0];
    return {all.begin() + i * size, all.begin() + (i + 1) * size};
  }

 private:
  template <typename T>
  std::vector<T> values(const std::string& name) const {
    const auto bytes = store_.at(name).bytes;
    std::vector<T> result(bytes.size() / sizeof(T));
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  }

  WeightStore store_;
};

}  // namespace pliant::kv
