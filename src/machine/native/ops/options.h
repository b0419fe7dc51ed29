// What the CPU machine may do to run faster.
#pragma once

#include "machine/native/kernels/isa.h"

namespace pliant::native {

struct Options {
  Isa isa = Isa::best;
  bool fuse = true;  // run groups as one kernel
  // Speed-ups that change no bit.
  bool chains = true;      // a row of simple steps stays in registers
  bool short_rows = true;  // softmax of many short rows runs down their columns
  bool bands = true;       // a window's input lines are brought once for many output lines
  // programs bring weights into the order in which they are read, and read inputs in place
  bool packs = true;
  // Programs read encoded weights of products and tables as they are written; what weights in
  // blocks are multiplied with is rounded to 8 bits in blocks of 32: other rounding.
  bool encoded = true;
  // That goes for programs of more than 16 rows too, which without it decode such weights panel by
  // panel and give the bits of decoded ones, at a fraction of the speed. On, because otherwise a
  // prompt would not be computed as the tokens behind it are.
  bool round_tall = true;
  // Programs run 3x3 convolutions of stride 1 on transformed weights and tiles: fewer
  // multiplications, other rounding.
  bool winograd = true;
};

}  // namespace pliant::native
