#include "formats/torch/pickle.h"

#include <fmt/format.h>

#include "core/error.h"
#include "formats/torch/unpickle.h"

namespace pliant {
namespace {

using pickle::Id;
using pickle::Mapping;
using pickle::TensorValue;
using pickle::Value;
using pickle::Values;

constexpr int max_depth = 8;
// Dictionaries that share parts have far more paths than values.
constexpr std::size_t max_visits = std::size_t{1} << 20, max_name_bytes = std::size_t{1} << 26;

class Walk {
 public:
  Walk(const Values& values, std::string_view place) : values_(values), place_(place) {}

  void dictionary(const Mapping& mapping, const std::string& prefix, int depth) {
    if (depth > max_depth) return;
    for (const auto& [key, id] : mapping.entries) {
      if (++visits_ > max_visits) fail("dictionaries with too many entries");
      const auto* inner = std::get_if<Mapping>(&values_[id]);
      const auto* tensor = std::get_if<TensorValue>(&values_[id]);
      if (inner == nullptr && tensor == nullptr) continue;
      const std::string name = prefix + text_of(values_[key]);
      name_bytes_ += name.size();
      if (name_bytes_ > max_name_bytes) fail("names that are too long");
      if (inner != nullptr) dictionary(*inner, name + ".", depth + 1);
      else
        found.push_back({name, tensor->storage.dtype, tensor->storage.key, tensor->storage.elements,
                         tensor->offset, tensor->shape, tensor->strides});
    }
  }

  std::vector<PickledTensor> found;

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(ErrorKind::capacity, std::string(place_), problem);
  }

  static std::string text_of(const Value& key) {
    const auto* text = std::get_if<std::string_view>(&key);
    return text != nullptr ? std::string(*text) : fmt::format("{}", std::get<std::int64_t>(key));
  }

  const Values& values_;
  std::string_view place_;
  std::size_t visits_ = 0, name_bytes_ = 0;
};

}  // namespace

std::vector<PickledTensor> pickled_tensors(std::span<const std::byte> pickle,
                                           std::string_view place) {
  const auto [values, result] = pickle::unpickle(pickle, place);
  const auto* mapping = std::get_if<Mapping>(&values[result]);
  if (mapping == nullptr)
    throw Error(ErrorKind::format, std::string(place), "holds no dictionary of tensors");
  Walk walk(values, place);
  walk.dictionary(*mapping, "", 1);
  return std::move(walk.found);
}

}  // namespace pliant
