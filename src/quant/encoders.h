// One function per encoding writes one block. It returns false when a scale does not fit a 16-bit
// float.
#pragma once

#include "quant/layout.h"

namespace pliant {

using EncodeBlock = bool(const float* values, layout::Byte* block);

// Rounding as the format's reference does, byte for byte.
EncodeBlock encode_q8_0, encode_q4_0, encode_q4_1, encode_q5_0, encode_q5_1;

// One element: to the nearest, of two the even one.
EncodeBlock encode_f16, encode_bf16;

// A search for the scales with the least squared error.
EncodeBlock encode_q2_k, encode_q3_k, encode_q4_k, encode_q5_k, encode_q6_k, encode_iq4_nl,
    encode_iq4_xs, encode_mxfp4;

}  // namespace pliant
