#include "quant/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "core/checked.h"
#include "core/error.h"
#include "quant/codec.h"

namespace pliant {
namespace {

Error wrong_bytes(const std::string& name, std::size_t found, std::int64_t wanted,
                  const Stored& stored) {
  return Error(ErrorKind::invalid, "weight " + name,
               fmt::format("{} as {} takes {} bytes, found {}", to_string(stored.type),
                           pliant::name(stored.encoding), wanted, found));
}

void check_bytes(const std::string& name, const Stored& stored) {
  const auto wanted = encoded_bytes(stored.type, stored.encoding, fmt::format("weight {}", name));
  if (std::cmp_not_equal(stored.bytes.size(), wanted))
    throw wrong_bytes(name, stored.bytes.size(), wanted, stored);
}

// A float is not finite exactly when its exponent bits are all ones.
template <typename Bits>
std::optional<std::int64_t> find_exponent(const std::byte* data, std::int64_t count,
                                          Bits exponent) {
  for (std::int64_t i = 0; i < count; ++i) {
    Bits bits = 0;
    std::memcpy(&bits, data + i * sizeof(Bits), sizeof bits);
    if ((bits & exponent) == exponent) return i;
  }
  return std::nullopt;
}

std::optional<std::int64_t> find_non_finite(DType dtype, const std::byte* data,
                                            std::int64_t count) {
  switch (dtype) {
    case DType::f32: return find_exponent<std::uint32_t>(data, count, 0x7f800000U);
    case DType::f64: return find_exponent<std::uint64_t>(data, count, 0x7ff0000000000000U);
    case DType::f16: return find_exponent<std::uint16_t>(data, count, 0x7c00U);
    case DType::bf16: return find_exponent<std::uint16_t>(data, count, 0x7f80U);
    default: return std::nullopt;
  }
}

std::int64_t extreme_index(const float* values, std::int64_t count) {
  return std::max_element(values, values + count,
                          [](float a, float b) { return std::fabs(a) < std::fabs(b); }) -
         values;
}

}  // namespace

Tensor decode(const Stored& stored) {
  check_bytes("", stored);
  Tensor result(stored.type);
  if (stored.encoding != Encoding::plain)
    decode_blocks(stored.encoding, stored.bytes.data(), elements(stored.type.shape),
                  result.view().as<float>());
  else if (!stored.bytes.empty())
    std::memcpy(result.view().data, stored.bytes.data(), stored.bytes.size());
  return result;
}

Tensor decode_rows(const Stored& stored, std::int64_t first, std::int64_t count) {
  check_bytes("", stored);
  const std::int64_t rows = stored.type.shape.empty() ? 0 : stored.type.shape.front();
  if (first < 0 || count < 0 || first > rows || count > rows - first)
    throw Error(ErrorKind::invalid, "rows of a weight",
                fmt::format("{} from {} on of {}", count, first, to_string(stored.type)));
  Stored part = stored;
  part.type.shape.front() = 1;
  const std::size_t row = encoded_bytes(part.type, part.encoding, "a row of a weight");
  part.type.shape.front() = count;
  part.bytes = stored.bytes.subspan(first * row, count * row);
  return decode(part);
}

std::vector<std::byte> encode(const TensorView& values, Encoding encoding, std::string_view place,
                              ThreadPool* pool) {
  const std::int64_t size = encoded_bytes(values.type, encoding, place),
                     count = elements(values.type.shape);
  const auto fail = [&](std::int64_t index, std::string_view problem) {
    throw Error(ErrorKind::invalid, std::string(place),
                fmt::format("element {} is {}: {}", index, get(values, index), problem));
  };
  if (const auto found = find_non_finite(values.type.dtype, values.data, count))
    fail(*found, "no finite number");
  std::vector<std::byte> result(size);
  if (encoding == Encoding::plain) {
    if (size > 0) std::memcpy(result.data(), values.data, result.size());
    return result;
  }
  const EncodingTraits& block = traits(encoding);
  const std::int64_t blocks_per_task = 65536 / block.block_elements;
  const std::int64_t step = blocks_per_task * block.block_elements, tasks = ceil_div(count, step);
  const auto run = [&](std::int64_t task, int) {
    const std::int64_t first = task * step;
    const float* from = values.as<float>() + first;
    std::byte* into = result.data() + task * blocks_per_task * block.block_bytes;
    if (const auto bad = encode_blocks(encoding, from, std::min(step, count - first), into))
      fail(first + extreme_index(from + *bad * block.block_elements, block.block_elements) +
               *bad * block.block_elements,
           fmt::format("too large for {}", block.name));
  };
  if (pool != nullptr) pool->parallel(tasks, run);
  else
    for (std::int64_t task = 0; task < tasks; ++task) run(task, 0);
  return result;
}

void check_finite(const Stored& stored, std::string_view place) {
  const bool plain = stored.encoding == Encoding::plain;
  const auto count = std::ssize(stored.bytes) /
                     (plain ? size_of(stored.type.dtype) : traits(stored.encoding).block_bytes);
  const auto found = plain ? find_non_finite(stored.type.dtype, stored.bytes.data(), count)
                           : find_non_finite_scale(stored.encoding, stored.bytes.data(), count);
  if (!found) return;
  throw Error(ErrorKind::invalid, std::string(place),
              plain ? fmt::format("element {} is no finite number", *found)
                    : fmt::format("{} block {} has a scale that is no finite number",
                                  name(stored.encoding), *found));
}

void WeightStore::add(std::string name, Tensor tensor) {
  const auto owner = std::make_shared<const Tensor>(std::move(tensor));
  add(std::move(name), Stored{owner->type(), Encoding::plain, owner->raw()}, owner);
}

void WeightStore::add(std::string name, const Stored& stored, std::shared_ptr<const void> owner) {
  check_bytes(name, stored);
  if (entries_.contains(name))
    throw Error(ErrorKind::invalid, "weight " + name, "the name is taken");
  entries_.emplace(std::move(name), Entry{stored, std::move(owner)});
}

const Stored* WeightStore::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second.stored;
}

const Stored& WeightStore::at(std::string_view name) const {
  if (const auto* stored = find(name)) return *stored;
  throw Error(ErrorKind::not_found, fmt::format("weight {}", name),
              fmt::format("not among the {} weights of the store", size()));
}

std::shared_ptr<const void> WeightStore::owner(std::string_view name) const {
  at(name);
  return entries_.find(name)->second.owner;
}

void WeightStore::for_each(
    const std::function<void(const std::string& name, const Stored& stored)>& visit) const {
  for (const auto& [name, entry] : entries_) visit(name, entry.stored);
}

}  // namespace pliant
