// How each block encoding is read: w = scale * code - minimum with unsigned codes, 32 of them at a
// time. Where minimum is zero * scale it is taken off the integer sum instead. Included once per
// instruction set, which brings V.

// Scales and minima of a block, per 32 or 16 elements; blocks of 32 have theirs ready.
template <int count>
struct Scales {
  float scale[count], minimum[count];
};
struct NoHead {};

// Heads are taken apart eight or sixteen bytes at once: what is stored one by one cannot be loaded
// as a vector without a wait.

// Bytes below 64, less 32.
inline std::uint64_t less_32(std::uint64_t bytes) {
  constexpr std::uint64_t sign = 0x2020202020202020;
  bytes ^= sign;
  return bytes | (bytes & sign) << 1 | (bytes & sign) << 2;
}

struct Block32 {
  using Head = NoHead;
  static constexpr int elements = 32, zero = 0;
  static constexpr int per_scale = 32;
  static constexpr int most = 15;      // the largest code
  static constexpr bool wide = false;  // codes above 63, with `zero` 128
  static void head(const Byte*, NoHead&) {}
  static V::Floats scale(const Byte* block, const NoHead&, int) { return V::all_half(block); }
  template <typename Block>
  static V::Floats scale_of_half(const Byte* block, const NoHead& head, int, int) {
    return Block::scale(block, head, 0);
  }
  template <typename Block>
  static V::Floats minimum_of_half(const Byte* block, const NoHead& head, int, int) {
    return Block::minimum(block, head, 0);
  }
};

template <int sub>
struct Block256 {
  using Head = Scales<256 / sub>;
  static constexpr int elements = 256, zero = 0;
  static constexpr int per_scale = sub;
  static constexpr int most = 15;
  static constexpr bool wide = false;
  // of the values that belong to a block's scales, those of a group of 32
  static V::Floats of_group(const float* values, int group) {
    if constexpr (sub == 32) return V::all(values[group]);
    else return V::two(values + 2 * group);
  }
  // of the first or the second sixteen elements of a group
  template <typename Block>
  static V::Floats scale_of_half(const Byte*, const Head& head, int group, int half) {
    return V::all(head.scale[(2 * group + half) * 16 / sub]);
  }
  template <typename Block>
  static V::Floats minimum_of_half(const Byte*, const Head& head, int group, int half) {
    return V::all(head.minimum[(2 * group + half) * 16 / sub]);
  }
};

struct Q8_0 : Block32 {
  static constexpr int bytes = 34, zero = 128, most = 255;
  static constexpr bool wide = true;
  static V::Codes codes(const Byte* block, int) { return V::flip(V::load(block + 2)); }
};

struct Q4_0 : Block32 {
  static constexpr int bytes = 18, zero = 8;
  static V::Codes codes(const Byte* block, int) { return V::nibbles(block + 2); }
};

struct Q4_1 : Block32 {
  static constexpr int bytes = 20;
  static V::Floats minimum(const Byte* block, const NoHead&, int) {
    return V::negated(V::all_half(block + 2));
  }
  static V::Codes codes(const Byte* block, int) { return V::nibbles(block + 4); }
};

struct Q5_0 : Block32 {
  static constexpr int bytes = 22, zero = 16, most = 31;
  static V::Codes codes(const Byte* block, int) {
    return V::join(V::nibbles(block + 6), V::spread(block + 2, 16));
  }
};

struct Q5_1 : Block32 {
  static constexpr int bytes = 24, most = 31;
  static V::Floats minimum(const Byte* block, const NoHead&, int) {
    return V::negated(V::all_half(block + 2));
  }
  static V::Codes codes(const Byte* block, int) {
    return V::join(V::nibbles(block + 8), V::spread(block + 4, 16));
  }
};

struct IQ4_NL : Block32 {
  static constexpr int bytes = 18, zero = 128, most = 255;
  static constexpr bool wide = true;
  static V::Codes codes(const Byte* block, int) {
    return V::flip(V::look_up(layout::iq4_values, V::nibbles(block + 2)));
  }
};

struct MXFP4 : Block32 {
  static constexpr int bytes = 17, zero = 128, most = 255;
  static constexpr bool wide = true;
  static V::Floats scale(const Byte* block, const NoHead&, int) {
    return V::all(layout::half_e8m0(block[0]));
  }
  static V::Codes codes(const Byte* block, int) {
    return V::flip(V::look_up(layout::mxfp4_values, V::nibbles(block + 1)));
  }
};

struct Q2_K : Block256<16> {
  static constexpr int bytes = 84, most = 3;
  static void head(const Byte* block, Head& to) {
    const float d = V::half(block + 80), dmin = V::half(block + 82);
    constexpr std::uint32_t low_four = 0x0f0f0f0f;
    for (int i = 0; i < 16; i += 8) {
      std::uint32_t both[2];
      std::memcpy(both, block + i, sizeof both);
      V::store_scaled({both[0] & low_four, both[1] & low_four}, d, to.scale + i);
      V::store_scaled({both[0] >> 4 & low_four, both[1] >> 4 & low_four}, dmin, to.minimum + i);
    }
  }
  static V::Codes codes(const Byte* block, int group) {
    return V::bits(V::load(block + 16 + group / 4 * 32), group % 4 * 2, 3);
  }
};

struct Q3_K : Block256<16> {
  static constexpr int bytes = 110, zero = 4, most = 7;
  static void head(const Byte* block, Head& to) {
    const float d = V::half(block + 108);
    // layout::q3_scale() of all sixteen
    constexpr std::uint64_t low_four = 0x0f0f0f0f0f0f0f0f, low_two = 0x0303030303030303;
    std::uint64_t low = 0, high = 0;
    std::memcpy(&low, block + 96, sizeof low);
    std::memcpy(&high, block + 104, 4);
    high |= high << 30;  // the second word's are two bits further
    for (int i = 0; i < 16; i += 8, low >>= 4, high >>= 4)
      V::store_scaled_signed(less_32((low & low_four) | (high & low_two) << 4), d, to.scale + i);
  }
  static V::Codes codes(const Byte* block, int group) {
    return V::join(V::bits(V::load(block + 32 + group / 4 * 32), group % 4 * 2, 3),
                   V::bits(V::load(block), group - 2, 4));
  }
};

struct Q4_K : Block256<32> {
  static constexpr int bytes = 144;
  static void head(const Byte* block, Head& to) {
    const float d = V::half(block), dmin = V::half(block + 2);
    // layout::scale_min() of all eight at once
    constexpr std::uint32_t low_six = 0x3f3f3f3f, low_four = 0x0f0f0f0f, high_two = 0x30303030;
    std::uint32_t packed[3];
    std::memcpy(packed, block + 4, sizeof packed);
    const std::uint32_t scales[2] = {packed[0] & low_six,
                                     (packed[2] & low_four) | (packed[0] >> 2 & high_two)};
    const std::uint32_t minima[2] = {packed[1] & low_six,
                                     (packed[2] >> 4 & low_four) | (packed[1] >> 2 & high_two)};
    V::store_scaled(scales, d, to.scale);
    V::store_scaled(minima, dmin, to.minimum);
  }
  static V::Codes codes(const Byte* block, int group) {
    return V::bits(V::load(block + 16 + group / 2 * 32), group % 2 * 4, 15);
  }
};

struct Q5_K : Block256<32> {
  static constexpr int bytes = 176, most = 31;
  static void head(const Byte* block, Head& to) { Q4_K::head(block, to); }
  static V::Codes codes(const Byte* block, int group) {
    return V::join(V::bits(V::load(block + 48 + group / 2 * 32), group % 2 * 4, 15),
                   V::bits(V::load(block + 16), group - 4, 16));
  }
};

struct Q6_K : Block256<16> {
  static constexpr int bytes = 210, zero = 32, most = 63;
  static void head(const Byte* block, Head& to) {
    const float d = V::half(block + 208);
    for (int i = 0; i < 16; i += 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, block + 192 + i, sizeof eight);
      V::store_scaled_signed(eight, d, to.scale + i);
    }
  }
  // groups of 32: low nibbles twice, then high
  static V::Codes codes(const Byte* block, int group) {
    const int half = group / 4, in_half = group % 4;
    return V::join(V::bits(V::load(block + half * 64 + in_half % 2 * 32), in_half / 2 * 4, 15),
                   V::bits(V::load(block + 128 + half * 32), in_half * 2 - 4, 48));
  }
};

struct IQ4_XS : Block256<32> {
  static constexpr int bytes = 136, zero = 128, most = 255;
  static constexpr bool wide = true;
  static void head(const Byte* block, Head& to) {
    const float d = V::half(block);
    // layout::iq4_scale() of all eight
    std::uint64_t high = layout::load_16(block + 2), low = 0;
    std::memcpy(&low, block + 4, 4);
    low = (low | low << 16) & 0x0000ffff0000ffff;
    low = (low | low << 8) & 0x00ff00ff00ff00ff;
    low = (low | low << 4) & 0x0f0f0f0f0f0f0f0f;
    high = (high | high << 24) & 0x000000ff000000ff;
    high = (high | high << 12) & 0x000f000f000f000f;
    high = (high | high << 6) & 0x0303030303030303;
    V::store_scaled_signed(less_32(low | high << 4), d, to.scale);
  }
  static V::Codes codes(const Byte* block, int group) {
    return V::flip(V::look_up(layout::iq4_values, V::nibbles(block + 8 + group * 16)));
  }
};

// body.template operator()<Block>() for the blocks of `encoding`.
template <typename Body>
void with_block(Encoding encoding, const Body& body) {
  switch (encoding) {
    case Encoding::q8_0: return body.template operator()<Q8_0>();
    case Encoding::q4_0: return body.template operator()<Q4_0>();
    case Encoding::q4_1: return body.template operator()<Q4_1>();
    case Encoding::q5_0: return body.template operator()<Q5_0>();
    case Encoding::q5_1: return body.template operator()<Q5_1>();
    case Encoding::q2_k: return body.template operator()<Q2_K>();
    case Encoding::q3_k: return body.template operator()<Q3_K>();
    case Encoding::q4_k: return body.template operator()<Q4_K>();
    case Encoding::q5_k: return body.template operator()<Q5_K>();
    case Encoding::q6_k: return body.template operator()<Q6_K>();
    case Encoding::iq4_nl: return body.template operator()<IQ4_NL>();
    case Encoding::iq4_xs: return body.template operator()<IQ4_XS>();
    case Encoding::mxfp4: return body.template operator()<MXFP4>();
    case Encoding::plain:
    case Encoding::f16:
    case Encoding::bf16: break;  // not in blocks
  }
}
