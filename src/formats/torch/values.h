// What a pickle builds on its stack. Values refer to each other by index, so that one that contains
// itself does no harm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/tensor.h"

namespace pliant::pickle {

using Id = std::size_t;  // in Values

// The names that may stand in a checkpoint.
enum class Global : std::uint8_t { ordered_dict, rebuild_tensor, rebuild_parameter, storage };

struct Named {
  Global global = Global::ordered_dict;
  DType dtype = DType::f32;  // of a storage
};
struct Sequence {
  std::vector<Id> items;
  bool tuple = false;
};
struct Mapping {
  std::vector<std::pair<Id, Id>> entries;
};
struct StorageValue {
  DType dtype = DType::f32;
  std::string_view key;
  std::int64_t elements = 0;
};
struct TensorValue {
  StorageValue storage;
  std::int64_t offset = 0;
  Shape shape, strides;
};

// monostate: None, truth values and fractions, which nothing here needs.
using Value = std::variant<std::monostate, std::int64_t, std::string_view, Named, Sequence, Mapping,
                           StorageValue, TensorValue>;
using Values = std::vector<Value>;

}  // namespace pliant::pickle
