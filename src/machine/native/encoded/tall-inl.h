// Products with many rows of activations: a panel of weight rows is unpacked once, in the order in
// which byte dot products read columns, and all activation rows meet it while it is in the first
// cache. A result is one chain of additions along k, so vectors of any width give the same bits.
// Included once per instruction set, which brings V; W is V or wider vectors of columns.

constexpr int tile_rows = 4;
constexpr std::int64_t panel_depth = 512;  // elements of a row

template <typename Block>
struct Panel {
  // codes [depth / 4, columns, 4], then scales and minima [depth / per_scale, columns]
  static constexpr std::int64_t steps = panel_depth / Block::per_scale;
  alignas(64) Byte codes[panel_depth * tall_columns];
  alignas(64) float scales[steps * tall_columns];
  alignas(64) float minima[has_minimum<Block> ? steps * tall_columns : 1];
};

// Eight rows of weights become columns j to j + 7; of those behind the last nothing.
template <typename Block>
void unpack_eight(const Byte* const (&rows)[8], std::int64_t depth, std::int64_t j,
                  Panel<Block>& panel) {
  constexpr int steps_in_group = 32 / Block::per_scale;
  for (std::int64_t at = 0; at < depth / Block::elements; ++at) {
    const Byte* block[8];
    typename Block::Head head[8];
    for (int i = 0; i < 8; ++i) {
      block[i] = rows[i] + at * Block::bytes;
      Block::head(block[i], head[i]);
    }
    for (int group = 0; group < Block::elements / 32; ++group) {
      const std::int64_t whole = at * (Block::elements / 32) + group;
      typename V::Codes codes[8];
      for (int i = 0; i < 8; ++i) codes[i] = Block::codes(block[i], group);
      V::store_columns(codes, panel.codes + (whole * 8 * tall_columns + j) * 4, tall_columns * 4);
      for (int half = 0; half < steps_in_group; ++half) {
        const std::int64_t to = (whole * steps_in_group + half) * tall_columns + j;
        for (int i = 0; i < 8; ++i) {
          panel.scales[to + i] =
              V::first(Block::template scale_of_half<Block>(block[i], head[i], group, half));
          if constexpr (has_minimum<Block>)
            panel.minima[to + i] =
                V::first(Block::template minimum_of_half<Block>(block[i], head[i], group, half));
        }
      }
    }
  }
}

// How many products of codes a vector of 16-bit sums of two holds, of those of one scale; 1 where
// there are no such vectors.
template <typename Block, typename W>
constexpr int summed_together() {
  constexpr int fits = 32767 / (2 * 127 * Block::most), all = Block::per_scale / 4;
  if constexpr (!requires { typename W::Pairs; }) return 1;
  else return fits >= all ? all : fits >= all / 2 ? all / 2 : fits >= 2 ? 2 : 1;
}

// What a tile is computed from: the panel and activations from the same element on.
struct TallRows {
  const std::int8_t* codes;  // rows k apart
  const float* scales;       // k / 32 apart
  const std::byte* sums;     // k apart, in bytes
  std::int64_t k;
};

template <typename Block, typename W, int rows, int vectors>
struct Tile {
  static constexpr int per_scale = Block::per_scale;
  typename W::Floats totals[rows][vectors];

  PLIANT_ALWAYS_INLINE void step(const Panel<Block>& panel, std::int64_t column, const TallRows& x,
                                 std::int64_t at) {
    typename W::Ints sums[rows][vectors];
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        if constexpr (sums_begin<Block, W>)
          sums[r][v] = W::all_ints(sum_at<std::int32_t>(x, r, at));
        else sums[r][v] = W::no_ints();
      }
    }
    constexpr int together = summed_together<Block, W>();
    if constexpr (together > 1) {
#pragma GCC unroll 4
      for (int first = 0; first < per_scale / 4; first += together)
        add_together<together>(panel, column, x, at, first, sums);
    } else {
      each_four<per_scale / 4>(panel, column, x, at, 0, [&](int r, int v, auto weights, auto four) {
        sums[r][v] = W::template dot<Block::wide>(sums[r][v], weights, four);
      });
    }
    take(panel, column, x, at, sums);
  }

  // Several products of bytes at first in 16 bits.
  template <int count>
  PLIANT_ALWAYS_INLINE void add_together(const Panel<Block>& panel, std::int64_t column,
                                         const TallRows& x, std::int64_t at, int first,
                                         typename W::Ints (&sums)[rows][vectors]) {
    typename W::Pairs pairs[rows][vectors] = {};
    each_four<count>(panel, column, x, at, first, [&](int r, int v, auto weights, auto four) {
      pairs[r][v] = W::add(pairs[r][v], W::template pairs<Block::wide>(weights, four));
    });
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sums[r][v] = W::add_pairs(sums[r][v], pairs[r][v]);
    }
  }

  // visit(r, v, four codes of each column of a vector, the row's) from four neighbouring elements
  // to the next.
  template <int count, typename Visit>
  PLIANT_ALWAYS_INLINE void each_four(const Panel<Block>& panel, std::int64_t column,
                                      const TallRows& x, std::int64_t at, int first,
                                      const Visit& visit) {
    const std::int64_t element = at * per_scale + first * 4;
    const Byte* codes = panel.codes + (element * tall_columns + column * 4);
#pragma GCC unroll 8
    for (int four = 0; four < count; ++four, codes += 4 * tall_columns) {
      typename W::Codes weights[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) weights[v] = W::load_columns(codes + v * W::columns * 4);
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) {
        const auto four_codes = W::all_four(x.codes + r * x.k + element + four * 4);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) visit(r, v, weights[v], four_codes);
      }
    }
  }

  PLIANT_ALWAYS_INLINE void take(const Panel<Block>& panel, std::int64_t column, const TallRows& x,
                                 std::int64_t at, const typename W::Ints (&sums)[rows][vectors]) {
    const float* scales = panel.scales + at * tall_columns + column;
    const float* minima = panel.minima + at * tall_columns + column;
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
      const auto scale = W::all(x.scales[r * (x.k / 32) + at * per_scale / 32]);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        totals[r][v] = W::multiply_add(W::to_floats(sums[r][v]),
                                       W::multiply(W::load_floats(scales + v * W::columns), scale),
                                       totals[r][v]);
        if constexpr (has_minimum<Block>)
          totals[r][v] = W::subtract_product(W::load_floats(minima + v * W::columns),
                                             W::all(sum_at<float>(x, r, at)), totals[r][v]);
      }
    }
  }

  template <typename Number>
  static Number sum_at(const TallRows& x, int r, std::int64_t at) {
    return reinterpret_cast<const Number*>(x.sums + r * x.k)[at];
  }

  // to out[r * out_row + ...]; `first`: nothing is there yet
  void run(const Panel<Block>& panel, std::int64_t column, std::int64_t depth, const TallRows& x,
           float* out, std::int64_t out_row, bool first) {
    for (int r = 0; r < rows; ++r)
      for (int v = 0; v < vectors; ++v)
        totals[r][v] = first ? W::all(0) : W::load_floats(out + r * out_row + v * W::columns);
    for (std::int64_t at = 0; at < depth / per_scale; ++at) step(panel, column, x, at);
    for (int r = 0; r < rows; ++r)
      for (int v = 0; v < vectors; ++v) W::store(out + r * out_row + v * W::columns, totals[r][v]);
  }
};

// The columns of a panel that are there, for `rows` rows; vectors that are not whole go by way of
// `part`.
template <typename Block, typename W, int rows>
void tall_rows(const Panel<Block>& panel, std::int64_t count, std::int64_t depth, const TallRows& x,
               float* out, std::int64_t out_row, bool first) {
  constexpr int wide = W::tile_vectors * W::columns;
  std::int64_t j = 0;
  for (; j + wide <= count; j += wide)
    Tile<Block, W, rows, W::tile_vectors>{}.run(panel, j, depth, x, out + j, out_row, first);
  for (; j + W::columns <= count; j += W::columns)
    Tile<Block, W, rows, 1>{}.run(panel, j, depth, x, out + j, out_row, first);
  if (j == count) return;
  float part[rows * W::columns];
  for (int r = 0; r < rows && !first; ++r)
    std::memcpy(part + r * W::columns, out + r * out_row + j, (count - j) * sizeof(float));
  Tile<Block, W, rows, 1>{}.run(panel, j, depth, x, part, W::columns, first);
  for (int r = 0; r < rows; ++r)
    std::memcpy(out + r * out_row + j, part + r * W::columns, (count - j) * sizeof(float));
}

template <typename Block, typename W>
void tall_panel(const Byte* weights, std::int64_t weight_row, std::int64_t count,
                std::int64_t first, std::int64_t depth, const RoundedRows& all, std::int64_t rows,
                float* out, std::int64_t out_row) {
  Panel<Block> panel;
  for (std::int64_t j = 0; j < (count + 15) / 16 * 16; j += 8) {  // whole vectors
    const Byte* eight[8];
    for (std::int64_t i = 0; i < 8; ++i)  // behind the last: it once more, which nobody reads
      eight[i] = weights + (j + i < count ? j + i : count - 1) * weight_row +
                 first / Block::elements * Block::bytes;
    unpack_eight<Block>(eight, depth, j, panel);
  }
  TallRows x{all.codes + first, all.scales + first / 32, all.lanes + first / Block::per_scale * 4,
             all.k};
  const auto next = [&](std::int64_t n) {
    x = {x.codes + n * x.k, x.scales + n * (x.k / 32), x.sums + n * x.k, x.k};
    out += n * out_row;
  };
  std::int64_t r = 0;
  for (; r + tile_rows <= rows; r += tile_rows, next(tile_rows))
    tall_rows<Block, W, tile_rows>(panel, count, depth, x, out, out_row, first == 0);
  for (; r < rows; ++r, next(1))
    tall_rows<Block, W, 1>(panel, count, depth, x, out, out_row, first == 0);
}

template <typename W>
void tall_dots(Encoding encoding, const std::byte* weights, std::int64_t count,
               const RoundedRows& x, std::int64_t rows, float* out, std::int64_t out_row) {
  with_block(encoding, [&]<typename Block>() {
    const std::int64_t weight_row = x.k / Block::elements * Block::bytes;
    const auto* bytes = reinterpret_cast<const Byte*>(weights);
    for (std::int64_t j = 0; j < count; j += tall_columns)
      for (std::int64_t first = 0; first < x.k; first += panel_depth)
        tall_panel<Block, W>(bytes + j * weight_row, weight_row,
                             count - j < tall_columns ? count - j : tall_columns, first,
                             x.k - first < panel_depth ? x.k - first : panel_depth, x, rows,
                             out + j, out_row);
  });
}

void round_tall(Encoding encoding, const float* x, std::int64_t row, const RoundedRows& to) {
  with_block(encoding, [&]<typename Block>() { round_by_scale<Block>(x, row, to); });
}

template <typename W>
constexpr EncodedKernels encoded_table() {
  return {decode, round, dots, halves, round_tall, tall_dots<W>, weigh};
}
