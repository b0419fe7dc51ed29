// Pairs of 128-bit vectors of NEON as one of 256; how codes meet activations stands in neon.cpp and
// i8mm.cpp. Included inside the anonymous namespace of each.

struct Neon {
  using Codes = uint8x16x2_t;
  using Ints = int32x4x2_t;
  using Floats = float32x4x2_t;

  static float half(const Byte* at) { return layout::load_half(at); }
  static Codes load(const Byte* at) { return {{vld1q_u8(at), vld1q_u8(at + 16)}}; }
  static Codes nibbles(const Byte* at) {
    const uint8x16_t both = vld1q_u8(at);
    return {{vandq_u8(both, vdupq_n_u8(15)), vshrq_n_u8(both, 4)}};
  }
  static Codes bits(Codes x, int right, int mask) {
    const int8x16_t left = vdupq_n_s8(static_cast<std::int8_t>(-right));
    const uint8x16_t kept = vdupq_n_u8(static_cast<Byte>(mask));
    return {{vandq_u8(vshlq_u8(x.val[0], left), kept), vandq_u8(vshlq_u8(x.val[1], left), kept)}};
  }
  static Codes spread(const Byte* at, Byte value) {
    const uint8x16_t each = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
    const uint8x16_t all = vdupq_n_u8(value);
    const auto eight = [&](int i) {
      const uint8x16_t bytes = vcombine_u8(vdup_n_u8(at[i]), vdup_n_u8(at[i + 1]));
      return vandq_u8(vtstq_u8(bytes, each), all);
    };
    return {{eight(0), eight(2)}};
  }
  static Codes look_up(const std::array<std::int8_t, 16>& table, Codes x) {
    const uint8x16_t row = vreinterpretq_u8_s8(vld1q_s8(table.data()));
    return {{vqtbl1q_u8(row, x.val[0]), vqtbl1q_u8(row, x.val[1])}};
  }
  static Codes join(Codes a, Codes b) {
    return {{vorrq_u8(a.val[0], b.val[0]), vorrq_u8(a.val[1], b.val[1])}};
  }
  static Codes flip(Codes x) {
    const uint8x16_t top = vdupq_n_u8(128);
    return {{veorq_u8(x.val[0], top), veorq_u8(x.val[1], top)}};
  }
  // to[i] = factor * byte i
  static void store_scaled(const std::uint32_t (&bytes)[2], float factor, float* to) {
    const uint8x8_t eight = vreinterpret_u8_u32(vld1_u32(bytes));
    const uint16x8_t wide = vmovl_u8(eight);
    vst1q_f32(to, vmulq_n_f32(vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide))), factor));
    vst1q_f32(to + 4, vmulq_n_f32(vcvtq_f32_u32(vmovl_high_u16(wide)), factor));
  }
  // the same of signed bytes
  static void store_scaled_signed(std::uint64_t bytes, float factor, float* to) {
    const int16x8_t wide = vmovl_s8(vcreate_s8(bytes));
    vst1q_f32(to, vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide))), factor));
    vst1q_f32(to + 4, vmulq_n_f32(vcvtq_f32_s32(vmovl_high_s16(wide)), factor));
  }
  // Products of many rows: a pair of vectors holds four neighbouring codes of each of 8 columns.
  static constexpr int columns = 8, tile_vectors = 1;
  static Codes load_columns(const Byte* at) { return load(at); }
  static Codes all_four(const std::int8_t* at) {
    std::uint32_t four = 0;
    std::memcpy(&four, at, sizeof four);
    const uint8x16_t all = vreinterpretq_u8_u32(vdupq_n_u32(four));
    return {{all, all}};
  }
  static Ints all_ints(std::int32_t x) { return {{vdupq_n_s32(x), vdupq_n_s32(x)}}; }
  static float first(Floats x) { return vgetq_lane_f32(x.val[0], 0); }
  // Eight rows of 32 codes as eight pairs of vectors of columns, `step` bytes apart.
  static void store_columns(const Codes (&rows)[8], Byte* to, std::int64_t step) {
    for (int i = 0; i < 8; i += 4)
      for (int half = 0; half < 2; ++half) {
        const auto fours = [&](int row) { return vreinterpretq_u32_u8(rows[i + row].val[half]); };
        const uint32x4_t a = vtrn1q_u32(fours(0), fours(1)), b = vtrn2q_u32(fours(0), fours(1)),
                         c = vtrn1q_u32(fours(2), fours(3)), d = vtrn2q_u32(fours(2), fours(3));
        const auto put = [&](int four, uint64x2_t x) {
          vst1q_u8(to + (4 * half + four) * step + 4 * i, vreinterpretq_u8_u64(x));
        };
        const auto pairs = [](uint32x4_t x) { return vreinterpretq_u64_u32(x); };
        put(0, vtrn1q_u64(pairs(a), pairs(c)));
        put(1, vtrn1q_u64(pairs(b), pairs(d)));
        put(2, vtrn2q_u64(pairs(a), pairs(c)));
        put(3, vtrn2q_u64(pairs(b), pairs(d)));
      }
  }
  // The largest magnitude of 32 values, or NaN where one is not finite.
  static float magnitude(const float* x) {
    float32x4_t most = vdupq_n_f32(0), check = most;
    for (int i = 0; i < 32; i += 4) {
      const float32x4_t here = vld1q_f32(x + i);
      most = vmaxnmq_f32(vabsq_f32(here), most);
      check = vfmaq_f32(check, here, vdupq_n_f32(0));
    }
    const bool finite = vaddvq_f32(check) == 0;
    return finite ? vmaxnmvq_f32(most) : std::numeric_limits<float>::quiet_NaN();
  }
  // 32 values times `factor`, to the nearest integers.
  static void store_rounded(const float* x, float factor, std::int8_t* codes) {
    const auto eight = [&](int i) {
      const int32x4_t a = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i), factor)),
                      b = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i + 4), factor));
      return vqmovn_s16(vcombine_s16(vqmovn_s32(a), vqmovn_s32(b)));
    };
    for (int i = 0; i < 32; i += 8) vst1_s8(codes + i, eight(i));
  }
  static Ints no_ints() { return all_ints(0); }
  static Ints load_ints(const std::byte* at) {
    const auto* ints = reinterpret_cast<const std::int32_t*>(at);
    return {{vld1q_s32(ints), vld1q_s32(ints + 4)}};
  }
  static Floats load_floats(const float* at) { return {{vld1q_f32(at), vld1q_f32(at + 4)}}; }
  static Floats to_floats(Ints x) { return {{vcvtq_f32_s32(x.val[0]), vcvtq_f32_s32(x.val[1])}}; }
  static Floats all(float x) { return {{vdupq_n_f32(x), vdupq_n_f32(x)}}; }
  static Floats all_half(const Byte* at) { return all(half(at)); }
  // at[0] in the first four lanes, at[1] in the others
  static Floats two(const float* at) { return {{vld1q_dup_f32(at), vld1q_dup_f32(at + 1)}}; }
  // each of four twice
  static Floats twice(const float* at) {
    const float32x4_t four = vld1q_f32(at);
    return {{vzip1q_f32(four, four), vzip2q_f32(four, four)}};
  }
  static Floats negated(Floats x) { return {{vnegq_f32(x.val[0]), vnegq_f32(x.val[1])}}; }
  // 8 codes less `zero`
  static Floats widen(const Byte* codes, int zero) {
    const int16x8_t x = vsubq_s16(vreinterpretq_s16_u16(vmovl_u8(vld1_u8(codes))),
                                  vdupq_n_s16(static_cast<std::int16_t>(zero)));
    return {{vcvtq_f32_s32(vmovl_s16(vget_low_s16(x))), vcvtq_f32_s32(vmovl_high_s16(x))}};
  }
  static Floats subtract(Floats a, Floats b) {
    return {{vsubq_f32(a.val[0], b.val[0]), vsubq_f32(a.val[1], b.val[1])}};
  }
  static Floats add(Floats a, Floats b) {
    return {{vaddq_f32(a.val[0], b.val[0]), vaddq_f32(a.val[1], b.val[1])}};
  }
  static float total(Floats x) {  // in the order of the scalar one
    const float32x4_t four = vaddq_f32(x.val[0], x.val[1]);
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }
  static Floats multiply(Floats a, Floats b) {
    return {{vmulq_f32(a.val[0], b.val[0]), vmulq_f32(a.val[1], b.val[1])}};
  }
  static Floats multiply_add(Floats a, Floats b, Floats sum) {
    return {{vfmaq_f32(sum.val[0], a.val[0], b.val[0]), vfmaq_f32(sum.val[1], a.val[1], b.val[1])}};
  }
  static Floats subtract_product(Floats a, Floats b, Floats sum) {
    return {{vfmsq_f32(sum.val[0], a.val[0], b.val[0]), vfmsq_f32(sum.val[1], a.val[1], b.val[1])}};
  }
  template <bool bf16>
  static Floats halves(const Byte* at) {
    const uint16x8_t x = vreinterpretq_u16_u8(vld1q_u8(at));
    if constexpr (bf16)
      return {{vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(x), 16)),
               vreinterpretq_f32_u32(vshll_high_n_u16(x, 16))}};
    const float16x8_t half = vreinterpretq_f16_u16(x);
    return {{vcvt_f32_f16(vget_low_f16(half)), vcvt_high_f32_f16(half)}};
  }
  static void store(Byte* to, Codes x) {
    vst1q_u8(to, x.val[0]);
    vst1q_u8(to + 16, x.val[1]);
  }
  static void store(float* to, Floats x) {
    vst1q_f32(to, x.val[0]);
    vst1q_f32(to + 4, x.val[1]);
  }
};
