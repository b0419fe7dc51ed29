// Sums of weighed rows: what attention takes from the values of a cache. Included once per
// instruction set, which brings V.

// 32 elements of a row as four vectors.
template <typename Block>
struct BlockRow {
  static PLIANT_ALWAYS_INLINE void load(const Byte* row, std::int64_t at, typename V::Floats* x) {
    const Byte* block = row + at / 32 * Block::bytes;
    alignas(32) Byte codes[32];
    V::store(codes, Block::codes(block, 0));
    const auto scale = Block::scale(block, {}, 0);
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part)
      x[part] = V::multiply(scale, V::widen(codes + 8 * part, Block::zero));
  }
};

template <bool bf16>
struct HalfRow {
  static PLIANT_ALWAYS_INLINE void load(const Byte* row, std::int64_t at, typename V::Floats* x) {
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part)
      x[part] = V::template halves<bf16>(row + 2 * (at + 8 * part));
  }
  static float element(const Byte* row, std::int64_t at) { return half_of<bf16>(row + 2 * at); }
};

struct PlainRow {
  static PLIANT_ALWAYS_INLINE void load(const Byte* row, std::int64_t at, typename V::Floats* x) {
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part)
      x[part] = V::load_floats(reinterpret_cast<const float*>(row) + at + 8 * part);
  }
  static float element(const Byte* row, std::int64_t at) {
    float x = 0;
    std::memcpy(&x, row + 4 * at, sizeof x);
    return x;
  }
};

// 32 columns of up to four results, which stay in registers over all rows.
template <typename Row, int results>
PLIANT_ALWAYS_INLINE void weigh_columns(const WeighedRows& g, std::int64_t first, std::int64_t at) {
  typename V::Floats sums[results][4];
#pragma GCC unroll 4
  for (int r = 0; r < results; ++r) {
    const float* out = g.out + (first + r) * g.out_row + at;
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part)
      sums[r][part] = V::multiply(V::all(g.keep[first + r]), V::load_floats(out + 8 * part));
  }
  const auto* row = reinterpret_cast<const Byte*>(g.rows);
  for (std::int64_t i = 0; i < g.count; ++i, row += g.row_bytes) {
    typename V::Floats x[4];
    Row::load(row, at, x);
#pragma GCC unroll 4
    for (int r = 0; r < results; ++r) {
      const auto weight = V::all(g.weights[(first + r) * g.weight_row + i]);
#pragma GCC unroll 4
      for (int part = 0; part < 4; ++part)
        sums[r][part] = V::multiply_add(weight, x[part], sums[r][part]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < results; ++r) {
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part)
      V::store(g.out + (first + r) * g.out_row + at + 8 * part, sums[r][part]);
  }
}

// What is left of a row that is not in blocks.
template <typename Row>
void weigh_element(const WeighedRows& g, std::int64_t at) {
  for (std::int64_t r = 0; r < g.results; ++r) {
    float& out = g.out[r * g.out_row + at];
    out *= g.keep[r];
    const auto* row = reinterpret_cast<const Byte*>(g.rows);
    for (std::int64_t i = 0; i < g.count; ++i, row += g.row_bytes)
      out = std::fma(g.weights[r * g.weight_row + i], Row::element(row, at), out);
  }
}

template <typename Row>
void weigh_rows(const WeighedRows& g) {
  std::int64_t at = 0;
  for (; at + 32 <= g.n; at += 32) {
    std::int64_t first = 0;
    for (; first + 4 <= g.results; first += 4) weigh_columns<Row, 4>(g, first, at);
    switch (g.results - first) {
      case 3: weigh_columns<Row, 3>(g, first, at); break;
      case 2: weigh_columns<Row, 2>(g, first, at); break;
      case 1: weigh_columns<Row, 1>(g, first, at); break;
      default: break;
    }
  }
  if constexpr (requires { &Row::element; })
    for (; at < g.n; ++at) weigh_element<Row>(g, at);
}

void weigh(Encoding encoding, const WeighedRows& g) {
  switch (encoding) {
    case Encoding::q8_0: return weigh_rows<BlockRow<Q8_0>>(g);
    case Encoding::q4_0: return weigh_rows<BlockRow<Q4_0>>(g);
    case Encoding::f16: return weigh_rows<HalfRow<false>>(g);
    case Encoding::bf16: return weigh_rows<HalfRow<true>>(g);
    default: return weigh_rows<PlainRow>(g);
  }
}
