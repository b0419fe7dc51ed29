#include "formats/torch/torch.h"

#include <fmt/format.h>

#include <set>
#include <unordered_map>

#include "core/error.h"
#include "formats/torch/pickle.h"
#include "formats/torch/zip.h"

namespace pliant {
namespace {

using namespace std::string_view_literals;

// A pickle of the number by which files of before 1.6 are known.
constexpr std::string_view old_beginning = "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19"sv;
constexpr std::string_view pickle_name = "/data.pkl";
constexpr std::size_t max_pickle = std::size_t{1} << 24;

bool is_old(std::span<const std::byte> file) {
  return std::string_view(reinterpret_cast<const char*>(file.data()), file.size())
      .starts_with(old_beginning);
}

// Strides of axes with one element, or of a tensor with none, mean nothing.
bool is_row_major(const Shape& shape, const Shape& strides) {
  std::int64_t expected = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) continue;
    if (strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

class TorchReader {
 public:
  TorchReader(std::span<const std::byte> file, std::string_view place) : place_(place) {
    for (const ZipEntry& each : read_stored_zip(file, place))
      entries_.emplace(each.name, each.bytes);
    find_folder();
    check_order();
  }

  std::vector<TorchTensor> read() const {
    const std::span<const std::byte> pickle = entries_.at(folder_ + std::string(pickle_name));
    const std::string place = fmt::format("{}: {}{}", place_, folder_, pickle_name);
    if (pickle.size() > max_pickle)
      throw Error(ErrorKind::capacity, place,
                  fmt::format("{} bytes, at most {} are read", pickle.size(), max_pickle));
    std::vector<TorchTensor> result;
    std::set<std::string_view> names;
    const std::vector<PickledTensor> described = pickled_tensors(pickle, place);
    result.reserve(described.size());
    for (const PickledTensor& each : described) {
      if (!names.insert(each.name).second) fail(each, "stands there twice");
      result.push_back({each.name, {each.dtype, each.shape}, data(each)});
    }
    return result;
  }

 private:
  [[noreturn]] void fail(const PickledTensor& tensor, const std::string& problem,
                         ErrorKind kind = ErrorKind::format) const {
    throw Error(kind, std::string(place_), fmt::format("'{}': {}", tensor.name, problem));
  }

  void find_folder() {
    for (const auto& [name, bytes] : entries_) {
      if (!name.ends_with(pickle_name)) continue;
      if (!folder_.empty())
        throw Error(ErrorKind::format, std::string(place_), "has data.pkl in two folders");
      folder_ = name.substr(0, name.size() - pickle_name.size());
    }
    if (folder_.empty())
      throw Error(ErrorKind::format, std::string(place_),
                  "is a zip archive without a folder that has data.pkl: no PyTorch checkpoint");
  }

  // Files of before PyTorch 2.1 do not say it; they are of the machine that wrote them.
  void check_order() const {
    const auto found = entries_.find(folder_ + "/byteorder");
    if (found == entries_.end()) return;
    const std::string_view order{reinterpret_cast<const char*>(found->second.data()),
                                 found->second.size()};
    if (order != "little")
      throw Error(ErrorKind::unsupported, std::string(place_),
                  fmt::format("byte order '{}'; little is read", order));
  }

  std::span<const std::byte> data(const PickledTensor& tensor) const {
    const std::string name = fmt::format("{}/data/{}", folder_, tensor.key);
    const auto entry = entries_.find(name);
    if (entry == entries_.end()) fail(tensor, fmt::format("there is no entry '{}'", name));
    const std::int64_t size = size_of(tensor.dtype), whole = checked(tensor, {tensor.elements});
    if (whole != std::ssize(entry->second))
      fail(tensor,
           fmt::format("a storage of {} bytes, '{}' has {}", whole, name, entry->second.size()));
    const std::int64_t bytes = checked(tensor, tensor.shape);
    if (bytes > 0 && !is_row_major(tensor.shape, tensor.strides))
      fail(tensor,
           fmt::format("is {} with strides {}: no rows one after the other",
                       to_string(tensor.shape), to_string(tensor.strides)),
           ErrorKind::unsupported);
    if (tensor.offset > tensor.elements || bytes > whole - tensor.offset * size)
      fail(tensor, fmt::format("is {} from element {} on, in a storage of {} elements",
                               to_string(tensor.shape), tensor.offset, tensor.elements));
    return entry->second.subspan(tensor.offset * size, bytes);
  }

  std::int64_t checked(const PickledTensor& tensor, const Shape& shape) const {
    try {
      return bytes({tensor.dtype, shape});
    } catch (const Error& error) {
      fail(tensor, error.problem());
    }
  }

  std::string_view place_;
  std::unordered_map<std::string, std::span<const std::byte>> entries_;
  std::string folder_;
};

}  // namespace

bool is_torch(std::span<const std::byte> file) {
  return is_old(file) || first_zip_entry(file).ends_with(pickle_name);
}

std::vector<TorchTensor> read_torch(std::span<const std::byte> file, std::string_view place) {
  if (is_old(file))
    throw Error(ErrorKind::unsupported, std::string(place),
                "is a PyTorch checkpoint in the layout of before version 1.6",
                "write it again: torch.save(torch.load(path), path)");
  return TorchReader(file, place).read();
}

}  // namespace pliant
