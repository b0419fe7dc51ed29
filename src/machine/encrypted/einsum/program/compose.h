// Fewer keys: rotations made of few distinct ones.
#pragma once

#include <cstdint>

#include "machine/encrypted/einsum/program/program.h"

namespace pliant::einsum {

enum class Rotations : std::uint8_t {
  any,            // by whatever a plan wants, each with a key of its own
  signed_powers,  // by powers of two, forth and back
  powers          // by powers of two, forth
};

// Does every rotation by such steps alone, one after the other: at most 2 log2(slots) - 1 keys, or
// log2(slots). Steps that distances have in common are done once; of a transform with giant steps
// the sums are. Before levels are assigned; ids keep their meaning.
void compose_rotations(Program& program, Rotations of);

// The first step of a rotation by `distance`, 1 to slots - 1: what is left is a multiple of twice
// as much, modulo the slots.
std::int64_t first_step(std::int64_t distance, std::int64_t slots, Rotations of);

}  // namespace pliant::einsum
