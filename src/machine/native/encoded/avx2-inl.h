// 256-bit vectors of AVX2 but for byte dot products, which avx2.cpp and vnni.cpp add. Included
// inside the anonymous namespace of each.

struct Avx2 {
  using Codes = __m256i;
  using Ints = __m256i;
  using Floats = __m256;

  static float half(const Byte* at) { return _cvtsh_ss(layout::load_16(at)); }
  static Codes load(const Byte* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  }
  static Codes nibbles(const Byte* at) {
    const __m128i both = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    return _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16(both, 4), both), _mm256_set1_epi8(15));
  }
  static Codes bits(Codes x, int right, int mask) {
    const __m256i moved = right >= 0 ? _mm256_srli_epi16(x, right) : _mm256_slli_epi16(x, -right);
    return _mm256_and_si256(moved, _mm256_set1_epi8(static_cast<char>(mask)));
  }
  static Codes spread(const Byte* at, Byte value) {
    std::int32_t all = 0;
    std::memcpy(&all, at, sizeof all);
    const __m256i bytes = _mm256_shuffle_epi8(
        _mm256_set1_epi32(all),
        _mm256_set_epi64x(0x0303030303030303, 0x0202020202020202, 0x0101010101010101, 0));
    const __m256i each = _mm256_set1_epi64x(static_cast<std::int64_t>(0x8040201008040201));
    const __m256i there = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, each), each);
    return _mm256_and_si256(there, _mm256_set1_epi8(static_cast<char>(value)));
  }
  static Codes look_up(const std::array<std::int8_t, 16>& table, Codes x) {
    const __m128i row = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data()));
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(row), x);
  }
  static Codes join(Codes a, Codes b) { return _mm256_or_si256(a, b); }
  static Codes flip(Codes x) { return _mm256_xor_si256(x, _mm256_set1_epi8(-128)); }
  // to[i] = factor * byte i
  static void store_scaled(const std::uint32_t (&bytes)[2], float factor, float* to) {
    const __m256i x =
        _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes)));
    store(to, _mm256_mul_ps(_mm256_set1_ps(factor), _mm256_cvtepi32_ps(x)));
  }
  // the same of signed bytes
  static void store_scaled_signed(std::uint64_t bytes, float factor, float* to) {
    const __m256i x = _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(static_cast<std::int64_t>(bytes)));
    store(to, _mm256_mul_ps(_mm256_set1_ps(factor), _mm256_cvtepi32_ps(x)));
  }
  // Products of many rows: a vector holds four neighbouring codes of each of 8 columns.
  static constexpr int columns = 8;
  static Codes load_columns(const Byte* at) { return load(at); }
  static Codes all_four(const std::int8_t* at) {
    std::int32_t four = 0;
    std::memcpy(&four, at, sizeof four);
    return _mm256_set1_epi32(four);
  }
  static Ints all_ints(std::int32_t x) { return _mm256_set1_epi32(x); }
  static float first(Floats x) { return _mm256_cvtss_f32(x); }
  // Eight rows of 32 codes as eight vectors of columns, `step` bytes apart.
  static void store_columns(const Codes (&rows)[8], Byte* to, std::int64_t step) {
    Codes pairs[8], fours[8];
    for (int i = 0; i < 4; ++i) {
      pairs[2 * i] = _mm256_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
      pairs[2 * i + 1] = _mm256_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 2; ++j) {
        fours[4 * i + 2 * j] = _mm256_unpacklo_epi64(pairs[4 * i + j], pairs[4 * i + 2 + j]);
        fours[4 * i + 2 * j + 1] = _mm256_unpackhi_epi64(pairs[4 * i + j], pairs[4 * i + 2 + j]);
      }
    for (int i = 0; i < 4; ++i) {
      store(to + i * step, _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x20));
      store(to + (i + 4) * step, _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x31));
    }
  }
  // The largest magnitude of 32 values, or NaN where one is not finite.
  static float magnitude(const float* x) {
    Floats most = _mm256_setzero_ps(), check = most;
    for (int i = 0; i < 32; i += 8) {
      const Floats here = load_floats(x + i);
      most = _mm256_max_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0F), here), most);
      check = multiply_add(here, _mm256_setzero_ps(), check);
    }
    if (_mm256_movemask_ps(_mm256_cmp_ps(check, check, _CMP_UNORD_Q)) != 0)
      return std::numeric_limits<float>::quiet_NaN();
    const __m128 half = _mm_max_ps(_mm256_castps256_ps128(most), _mm256_extractf128_ps(most, 1));
    const __m128 pair = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
  }
  // 32 values times `factor`, to the nearest integers.
  static void store_rounded(const float* x, float factor, std::int8_t* codes) {
    Ints four[4];
    for (int i = 0; i < 4; ++i)
      four[i] = _mm256_cvtps_epi32(_mm256_mul_ps(load_floats(x + 8 * i), _mm256_set1_ps(factor)));
    const Ints packed = _mm256_packs_epi16(_mm256_packs_epi32(four[0], four[1]),
                                           _mm256_packs_epi32(four[2], four[3]));
    const Ints order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    store(reinterpret_cast<Byte*>(codes), _mm256_permutevar8x32_epi32(packed, order));
  }
  static Ints no_ints() { return _mm256_setzero_si256(); }
  static Ints load_ints(const std::byte* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  }
  static Floats load_floats(const float* at) { return _mm256_loadu_ps(at); }
  static Floats to_floats(Ints x) { return _mm256_cvtepi32_ps(x); }
  static Floats all(float x) { return _mm256_set1_ps(x); }
  static Floats all_half(const Byte* at) {
    return _mm256_cvtph_ps(_mm_set1_epi16(static_cast<std::int16_t>(layout::load_16(at))));
  }
  // at[0] in the first four lanes, at[1] in the others
  static Floats two(const float* at) {
    return _mm256_set_m128(_mm_broadcast_ss(at + 1), _mm_broadcast_ss(at));
  }
  // each of four twice
  static Floats twice(const float* at) {
    return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(at)),
                                    _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
  }
  static Floats negated(Floats x) { return _mm256_xor_ps(x, _mm256_set1_ps(-0.0F)); }
  // 8 codes less `zero`
  static Floats widen(const Byte* codes, int zero) {
    const __m256i x =
        _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes)));
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(x, _mm256_set1_epi32(zero)));
  }
  static Floats subtract(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
  static Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
  static float total(Floats x) {  // in the order of the scalar one
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
  static Floats multiply(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
  static Floats multiply_add(Floats a, Floats b, Floats sum) { return _mm256_fmadd_ps(a, b, sum); }
  static Floats subtract_product(Floats a, Floats b, Floats sum) {
    return _mm256_fnmadd_ps(a, b, sum);
  }
  template <bool bf16>
  static Floats halves(const Byte* at) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    if constexpr (bf16) return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
    return _mm256_cvtph_ps(x);
  }
  static void store(Byte* to, Codes x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), x); }
  static void store(float* to, Floats x) { _mm256_storeu_ps(to, x); }
};
