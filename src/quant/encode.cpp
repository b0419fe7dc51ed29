#include "core/ids.h"
#include "quant/codec.h"
#include "quant/encoders.h"

namespace pliant {

std::optional<std::int64_t> encode_blocks(Encoding encoding, const float* values,
                                          std::int64_t elements, std::byte* blocks) {
  constexpr ByEnum<Encoding, EncodeBlock*, encoding_count> encoders{
      {{nullptr, encode_q8_0, encode_q4_0, encode_q4_1, encode_q5_0, encode_q5_1, encode_q2_k,
        encode_q3_k, encode_q4_k, encode_q5_k, encode_q6_k, encode_iq4_nl, encode_iq4_xs,
        encode_mxfp4, encode_f16, encode_bf16}}};
  EncodeBlock* const encode = encoders[encoding];
  const EncodingTraits& block = traits(encoding);
  auto* at = reinterpret_cast<layout::Byte*>(blocks);
  for (std::int64_t i = 0; i < elements; i += block.block_elements, at += block.block_bytes)
    if (!encode(values + i, at)) return i / block.block_elements;
  return std::nullopt;
}

}  // namespace pliant
