// The loops over blocks, the same for every instruction set. Included once per instruction set,
// which brings V.

template <bool bf16>
float half_of(const Byte* at) {
  const std::uint16_t bits = layout::load_16(at);
  return bf16 ? std::bit_cast<float>(std::uint32_t{bits} << 16) : layout::half_value(bits);
}

template <typename Block>
constexpr bool has_minimum = Block::zero == 0;
// Minima are taken off once for all scales of a block.
template <typename Block>
constexpr bool sums_by_scale = has_minimum<Block>&& Block::elements == 256;

// Whether integer sums begin with what is to be taken off because codes have no sign.
template <typename Block, typename W>
constexpr bool sums_begin = !has_minimum<Block> && !(Block::wide && requires { W::signed_wide; });

// Bytes ahead: an unpacking loop has too few loads in flight to hide the way to memory.
constexpr int prefetch_distance = 3072;

// One weight row against `rows` activation rows that follow each other.
template <typename Block, int rows>
struct RowDots {
  const std::int8_t* codes;
  const float* scales;
  const std::byte* lanes;
  std::int64_t k;
  typename V::Floats sums[2][rows] = {};  // even and odd groups: two chains of additions
  typename V::Floats minima[rows] = {};   // where they are taken off by scale

  // A block of 32.
  PLIANT_ALWAYS_INLINE void group(typename V::Floats* sum, const Byte* block) {
    const typename Block::Head head;
    const auto weights = Block::codes(block, 0);
    const auto scale = Block::scale(block, head, 0);
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
      const std::byte* here = lanes + r * k;
      const auto products = V::template dot<Block::wide>(
          sums_begin<Block, V> ? V::load_ints(here) : V::no_ints(), weights,
          V::load(reinterpret_cast<const Byte*>(codes + r * k)));
      sum[r] = V::multiply_add(V::to_floats(products),
                               V::multiply(scale, V::all(scales[r * (k / 32)])), sum[r]);
      if constexpr (has_minimum<Block>)
        sum[r] = V::subtract_product(Block::minimum(block, head, 0),
                                     V::load_floats(reinterpret_cast<const float*>(here)), sum[r]);
    }
    codes += 32;
    lanes += 32;
    ++scales;
  }

  // A block of 256: what its scales and those of the activations multiply to, eight at a time, then
  // its codes.
  PLIANT_ALWAYS_INLINE void block(const Byte* weights) {
    constexpr int count = 256 / Block::per_scale;
    typename Block::Head head;
    Block::head(weights, head);
    float products[rows][count];
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
      for (int i = 0; i < count; i += 8) {
        const float* x = scales + r * (k / 32) + i * Block::per_scale / 32;
        const auto here = Block::per_scale == 32 ? V::load_floats(x) : V::twice(x);
        V::store(products[r] + i, V::multiply(V::load_floats(head.scale + i), here));
        if constexpr (sums_by_scale<Block>)
          minima[r] = V::multiply_add(
              V::load_floats(head.minimum + i),
              V::load_floats(reinterpret_cast<const float*>(lanes + r * k) + i), minima[r]);
      }
#pragma GCC unroll 8
    for (int g = 0; g < 8; ++g) {
      const auto group = Block::codes(weights, g);
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) {
        const auto dots = V::template dot<Block::wide>(
            sums_begin<Block, V> ? V::load_ints(lanes + r * k + g * 32) : V::no_ints(), group,
            V::load(reinterpret_cast<const Byte*>(codes + r * k + g * 32)));
        sums[g % 2][r] =
            V::multiply_add(V::to_floats(dots), Block::of_group(products[r], g), sums[g % 2][r]);
      }
    }
    codes += 256;
    lanes += sums_by_scale<Block> ? 4 * count : 256;
    scales += 8;
  }

  PLIANT_ALWAYS_INLINE void run(const Byte* weights, float* out, std::int64_t out_row) {
    if constexpr (Block::elements == 32) {
      const std::int64_t groups = k / 32;
      for (std::int64_t at = 0; at < groups / 2; ++at, weights += 2 * Block::bytes) {
        __builtin_prefetch(weights + prefetch_distance);
        group(sums[0], weights);
        group(sums[1], weights + Block::bytes);
      }
      if (groups % 2 != 0) group(sums[0], weights);
    } else {
      for (std::int64_t at = 0; at < k / 256; ++at, weights += Block::bytes) {
        for (int line = 0; line < Block::bytes; line += 64)
          __builtin_prefetch(weights + prefetch_distance + line);
        block(weights);
      }
    }
    for (int r = 0; r < rows; ++r) {
      const auto both = V::add(sums[0][r], sums[1][r]);
      out[r * out_row] = V::total(sums_by_scale<Block> ? V::subtract(both, minima[r]) : both);
    }
  }
};

template <typename Block, int rows>
void rows_dots(const Byte* weights, std::int64_t count, const RoundedRows& x, std::int64_t first,
               float* out, std::int64_t out_row) {
  const std::int64_t stride = x.k / Block::elements * Block::bytes;
  for (std::int64_t j = 0; j < count; ++j)
    RowDots<Block, rows>{x.codes + first * x.k, x.scales + first * (x.k / 32),
                         x.lanes + first * x.k, x.k}
        .run(weights + j * stride, out + j, out_row);
}

void dots(Encoding encoding, const std::byte* weights, std::int64_t count, const RoundedRows& x,
          std::int64_t rows, float* out, std::int64_t out_row) {
  const auto* bytes = reinterpret_cast<const Byte*>(weights);
  with_block(encoding, [&]<typename Block>() {
    std::int64_t r = 0;
    for (; r + 4 <= rows; r += 4)
      rows_dots<Block, 4>(bytes, count, x, r, out + r * out_row, out_row);
    for (; r + 2 <= rows; r += 2)
      rows_dots<Block, 2>(bytes, count, x, r, out + r * out_row, out_row);
    if (r < rows) rows_dots<Block, 1>(bytes, count, x, r, out + r * out_row, out_row);
  });
}

template <typename Block>
void decode_all(const Byte* block, std::int64_t elements, float* into) {
  typename Block::Head head;
  for (std::int64_t i = 0; i < elements; i += Block::elements, block += Block::bytes) {
    Block::head(block, head);
    for (int group = 0; group < Block::elements / 32; ++group) {
      alignas(32) Byte codes[32];
      V::store(codes, Block::codes(block, group));
      for (int part = 0; part < 4; ++part, into += 8) {
        const auto scale = Block::template scale_of_half<Block>(block, head, group, part / 2);
        auto value = V::multiply(scale, V::widen(codes + 8 * part, Block::zero));
        if constexpr (has_minimum<Block>)
          value = V::subtract(value,
                              Block::template minimum_of_half<Block>(block, head, group, part / 2));
        V::store(into, value);
      }
    }
  }
}

template <bool bf16>
void decode_halves(const Byte* at, std::int64_t elements, float* into) {
  std::int64_t i = 0;
  for (; i + 8 <= elements; i += 8) V::store(into + i, V::template halves<bf16>(at + 2 * i));
  for (; i < elements; ++i) into[i] = half_of<bf16>(at + 2 * i);
}

void decode(Encoding encoding, const std::byte* blocks, std::int64_t elements, float* into) {
  const auto* at = reinterpret_cast<const Byte*>(blocks);
  if (encoding == Encoding::f16) return decode_halves<false>(at, elements, into);
  if (encoding == Encoding::bf16) return decode_halves<true>(at, elements, into);
  with_block(encoding, [&]<typename Block>() { decode_all<Block>(at, elements, into); });
}

// A block of 32 as codes; the scale.
inline float round_block(const float* x, std::int8_t* codes) {
  constexpr float least = 1e-30F;
  const float magnitude = V::magnitude(x);
  if (!(magnitude >= least)) {  // small, or NaN
    std::memset(codes, 0, 32);
    return magnitude < least ? 0 : magnitude;
  }
  V::store_rounded(x, 127 / magnitude, codes);
  return magnitude / 127;
}

template <typename Block>
void round_by_scale(const float* x, std::int64_t row, const RoundedRows& to) {
  constexpr int per_scale = Block::per_scale;
  std::byte* sums = to.lanes + row * to.k;
  for (std::int64_t at = 0; at < to.k / 32; ++at) {
    std::int8_t* codes = to.codes + row * to.k + at * 32;
    const float scale = round_block(x + at * 32, codes);
    to.scales[row * (to.k / 32) + at] = scale;
    for (int first = 0; first < 32; first += per_scale, sums += 4) {
      std::int32_t sum = 0;
      for (int i = first; i < first + per_scale; ++i) sum += codes[i];
      if constexpr (has_minimum<Block>) *reinterpret_cast<float*>(sums) = sum * scale;
      else *reinterpret_cast<std::int32_t*>(sums) = -Block::zero * sum;
    }
  }
}

void round(Encoding encoding, const float* x, std::int64_t row, const RoundedRows& to) {
  with_block(encoding, [&]<typename Block>() {
    if constexpr (sums_by_scale<Block>) return round_by_scale<Block>(x, row, to);
    for (std::int64_t at = 0; at < to.k / 32; ++at) {
      const std::int64_t element = row * to.k + at * 32;
      std::int8_t* codes = to.codes + element;
      const float scale = round_block(x + at * 32, codes);
      to.scales[row * (to.k / 32) + at] = scale;
      for (int i = 0; i < 8; ++i) {
        const int sum = codes[4 * i] + codes[4 * i + 1] + codes[4 * i + 2] + codes[4 * i + 3];
        if constexpr (has_minimum<Block>)
          reinterpret_cast<float*>(to.lanes + element)[i] = sum * scale;
        else reinterpret_cast<std::int32_t*>(to.lanes + element)[i] = -Block::zero * sum;
      }
    }
  });
}

// 16 virtual lanes in the order of GemmKernels::dots, so that the bits are those of decoded
// weights.
template <bool bf16, int rows>
struct HalfDots {
  typename V::Floats sums[2][rows] = {};

  PLIANT_ALWAYS_INLINE void line(const Byte* weights, const float* x, std::int64_t x_row) {
#pragma GCC unroll 2
    for (int part = 0; part < 2; ++part) {
      const auto w = V::template halves<bf16>(weights + 16 * part);
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r)
        sums[part][r] = V::multiply_add(w, V::load_floats(x + r * x_row + 8 * part), sums[part][r]);
    }
  }

  PLIANT_ALWAYS_INLINE void run(const Byte* weights, const float* x, std::int64_t x_row,
                                std::int64_t k, float* out, std::int64_t out_row) {
    std::int64_t at = 0;
    for (; at + 16 <= k; at += 16) {
      __builtin_prefetch(weights + 2 * at + prefetch_distance);
      line(weights + 2 * at, x + at, x_row);
    }
    if (at < k) {
      Byte last_weights[32] = {};
      float last_x[rows][16] = {};
      std::memcpy(last_weights, weights + 2 * at, 2 * (k - at));
      for (int r = 0; r < rows; ++r)
        std::memcpy(last_x[r], x + r * x_row + at, (k - at) * sizeof(float));
      line(last_weights, last_x[0], 16);
    }
    for (int r = 0; r < rows; ++r) out[r * out_row] = V::total(V::add(sums[0][r], sums[1][r]));
  }
};

template <bool bf16, int rows>
void half_rows(const Byte* weights, std::int64_t count, const float* x, std::int64_t x_row,
               std::int64_t k, float* out, std::int64_t out_row) {
  for (std::int64_t j = 0; j < count; ++j)
    HalfDots<bf16, rows>{}.run(weights + 2 * k * j, x, x_row, k, out + j, out_row);
}

template <bool bf16>
void half_dots(const Byte* weights, std::int64_t count, const float* x, std::int64_t x_row,
               std::int64_t k, std::int64_t rows, float* out, std::int64_t out_row) {
  std::int64_t r = 0;
  for (; r + 4 <= rows; r += 4)
    half_rows<bf16, 4>(weights, count, x + r * x_row, x_row, k, out + r * out_row, out_row);
  for (; r < rows; ++r)
    half_rows<bf16, 1>(weights, count, x + r * x_row, x_row, k, out + r * out_row, out_row);
}

void halves(Encoding encoding, const std::byte* weights, std::int64_t count, const float* x,
            std::int64_t x_row, std::int64_t k, std::int64_t rows, float* out,
            std::int64_t out_row) {
  const auto* bytes = reinterpret_cast<const Byte*>(weights);
  if (encoding == Encoding::bf16) half_dots<true>(bytes, count, x, x_row, k, rows, out, out_row);
  else half_dots<false>(bytes, count, x, x_row, k, rows, out, out_row);
}
