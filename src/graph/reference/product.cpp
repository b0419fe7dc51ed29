#include <algorithm>
#include <cstring>

#include "core/checked.h"
#include "graph/reference/kernels.h"

namespace pliant::reference {
namespace {

constexpr std::int64_t tile = 4;  // a micro-kernel makes tile x tile sums
// rows and columns per unit of work: three blocks of f64 stay in a level-2 cache
constexpr std::int64_t block = 128;
constexpr std::int64_t depth = 256;

struct Half {
  std::uint16_t bits;
  operator double() const { return static_cast<double>(f16_to_f32(bits)); }
};
struct Brain {
  std::uint16_t bits;
  operator double() const { return static_cast<double>(bf16_to_f32(bits)); }
};

// Calls visit with a pointer to the element type that stores `dtype`.
template <typename Visit>
void with_type(DType dtype, const std::byte* data, const Visit& visit) {
  switch (dtype) {
    case DType::f32: return visit(reinterpret_cast<const float*>(data));
    case DType::f64: return visit(reinterpret_cast<const double*>(data));
    case DType::f16: return visit(reinterpret_cast<const Half*>(data));
    case DType::bf16: return visit(reinterpret_cast<const Brain*>(data));
    case DType::i8: return visit(reinterpret_cast<const std::int8_t*>(data));
    case DType::boolean:
    case DType::u8: return visit(reinterpret_cast<const std::uint8_t*>(data));
    case DType::i16: return visit(reinterpret_cast<const std::int16_t*>(data));
    case DType::u16: return visit(reinterpret_cast<const std::uint16_t*>(data));
    case DType::i32: return visit(reinterpret_cast<const std::int32_t*>(data));
    case DType::u32: return visit(reinterpret_cast<const std::uint32_t*>(data));
    case DType::i64: return visit(reinterpret_cast<const std::int64_t*>(data));
    case DType::u64: return visit(reinterpret_cast<const std::uint64_t*>(data));
  }
}

// Panels of `tile` rows, each [count][tile]; rows beyond the last are zero.
template <typename Sum>
void pack(const Factor& from, std::int64_t base, std::int64_t first, std::int64_t rows,
          std::int64_t k, std::int64_t count, Sum* out) {
  if (rows % tile != 0) std::fill_n(out + rows / tile * tile * count, tile * count, Sum{0});
  const std::int64_t* inner = from.inner.data() + k;
  with_type(from.view.type.dtype, from.view.data, [&](const auto* data) {
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto* source = data + base + from.outer[first + row];
      Sum* to = out + row / tile * tile * count + row % tile;
      for (std::int64_t i = 0; i < count; ++i) to[i * tile] = static_cast<Sum>(source[inner[i]]);
    }
  });
}

template <typename Sum>
using Pair [[gnu::vector_size(16)]] = Sum;

template <typename Sum>
Pair<Sum> load(const Sum* from) {
  Pair<Sum> value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// sums [tile][tile] += a^T b over `count` steps. Two lanes per vector: what every x86-64 and
// aarch64 has.
template <typename Sum>
void multiply_tile(const Sum* a, const Sum* b, std::int64_t count, Sum* sums) {
  Pair<Sum> s[8];
  for (int i = 0; i < 8; ++i) s[i] = load(sums + 2 * i);
  for (std::int64_t k = 0; k < count; ++k, a += tile, b += tile) {
    const Pair<Sum> low = load(b), high = load(b + 2);
    const Pair<Sum> a0{a[0], a[0]}, a1{a[1], a[1]}, a2{a[2], a[2]}, a3{a[3], a[3]};
    s[0] += a0 * low;
    s[1] += a0 * high;
    s[2] += a1 * low;
    s[3] += a1 * high;
    s[4] += a2 * low;
    s[5] += a2 * high;
    s[6] += a3 * low;
    s[7] += a3 * high;
  }
  std::memcpy(sums, s, sizeof s);
}

void put(const TensorView& view, std::int64_t index, double value) { write(view, index, value); }
void put(const TensorView& view, std::int64_t index, std::uint64_t value) {
  set_int(view, index, static_cast<std::int64_t>(value));
}

template <typename Sum>
struct Scratch {
  std::vector<Sum> a, b, sums;  // panels of a and b, tiles of c
  explicit Scratch(std::int64_t inner)
      : a(static_cast<std::size_t>(block * std::min(depth, inner))),
        b(a.size()),
        sums(block * block) {}
};

struct Unit {  // one block of c
  std::int64_t batch, row, rows, column, columns;
};

template <typename Sum>
void store(const Unit& unit, const Target& c, const std::vector<Sum>& sums) {
  const std::int64_t base = c.batch[unit.batch], across = ceil_div(unit.columns, tile);
  for (std::int64_t i = 0; i < unit.rows; ++i)
    for (std::int64_t j = 0; j < unit.columns; ++j) {
      const std::int64_t at = ((i / tile * across + j / tile) * tile + i % tile) * tile + j % tile;
      put(c.view, base + c.rows[unit.row + i] + c.columns[unit.column + j], sums[at]);
    }
}

template <typename Sum>
void multiply_unit(const Unit& unit, const Factor& a, const Factor& b, const Target& c,
                   Scratch<Sum>& scratch) {
  const auto batch = static_cast<std::size_t>(unit.batch);
  const auto inner = static_cast<std::int64_t>(a.inner.size());
  const std::int64_t down = ceil_div(unit.rows, tile), across = ceil_div(unit.columns, tile);
  std::fill_n(scratch.sums.begin(), down * across * tile * tile, Sum{0});
  for (std::int64_t k = 0; k < inner; k += depth) {
    const std::int64_t count = std::min(depth, inner - k);
    pack(a, a.batch[batch], unit.row, unit.rows, k, count, scratch.a.data());
    pack(b, b.batch[batch], unit.column, unit.columns, k, count, scratch.b.data());
    for (std::int64_t i = 0; i < down; ++i)
      for (std::int64_t j = 0; j < across; ++j)
        multiply_tile(scratch.a.data() + i * tile * count, scratch.b.data() + j * tile * count,
                      count, scratch.sums.data() + (i * across + j) * tile * tile);
  }
  store(unit, c, scratch.sums);
}

template <typename Sum>
void multiply_as(const Factor& a, const Factor& b, const Target& c, ThreadPool& pool) {
  const auto rows = static_cast<std::int64_t>(a.outer.size()),
             columns = static_cast<std::int64_t>(b.outer.size());
  const std::int64_t down = ceil_div(rows, block), across = ceil_div(columns, block);
  const auto batches = static_cast<std::int64_t>(a.batch.size());
  const std::int64_t volume = std::max<std::int64_t>(1, static_cast<std::int64_t>(a.inner.size())) *
                              std::min(rows, block) * std::min(columns, block);
  for_ranges(pool, batches * down * across, 65536 / std::max<std::int64_t>(1, volume) + 1,
             [&](std::int64_t begin, std::int64_t end) {
               Scratch<Sum> scratch(static_cast<std::int64_t>(a.inner.size()));
               for (std::int64_t i = begin; i < end; ++i) {
                 const std::int64_t row = i / across % down * block, column = i % across * block;
                 multiply_unit(Unit{i / across / down, row, std::min(block, rows - row), column,
                                    std::min(block, columns - column)},
                               a, b, c, scratch);
               }
             });
}

}  // namespace

void multiply(const Factor& a, const Factor& b, const Target& c, ThreadPool& pool) {
  if (is_integer(a.view) && is_integer(b.view) && is_integer(c.view))
    multiply_as<std::uint64_t>(a, b, c, pool);
  else multiply_as<double>(a, b, c, pool);
}

}  // namespace pliant::reference
