// The benchmarks of EinHops (arXiv 2507.07972), in 16,384 slots, with the counts that its algorithm
// takes and those that a planner of layouts must not exceed.
#pragma once

#include <string>
#include <vector>

#include "machine/encrypted/einsum/plan/planner.h"

namespace pliant::einsum {

struct Benchmark {
  const char* name;
  const char* expression;
  std::vector<Shape> shapes;
  std::int64_t rotations, diagonals;  // of the published algorithm
  std::int64_t free, canonical;       // rotations of a planner of layouts, at most
};
inline const std::vector<Benchmark> kBenchmarks{
    {"transpose", "ij->ji", {{128, 128}}, 254, 255, 0, 30},
    {"sum", "ij->", {{128, 128}}, 14, 0, 14, 14},
    {"column sum", "ij->j", {{128, 128}}, 7, 0, 7, 7},
    {"row sum", "ij->i", {{128, 128}}, 261, 255, 7, 29},
    {"matvec", "ik,k->i", {{128, 128}, {128}}, 522, 383, 14, 36},
    {"matmul", "ik,kj->ij", {{16, 32}, {32, 32}}, 110, 64, 34, 34},
    {"dot", "i,i->", {{16384}, {16384}}, 14, 0, 14, 14},
    {"inner", "ij,ij->", {{128, 128}, {128, 128}}, 14, 0, 14, 14},
    {"hadamard", "ij,ij->ij", {{128, 128}, {128, 128}}, 0, 0, 0, 0},
    {"outer", "i,j->ij", {{128}, {128}}, 268, 128, 36, 36},
    {"batched matmul", "bik,bkj->bij", {{16, 8, 8}, {16, 8, 8}}, 37, 16, 17, 17},
    {"hadamard of three", "ij,ij,ij->ij", {{128, 128}, {128, 128}, {128, 128}}, 0, 0, 0, 0},
    {"chained matmul", "ij,jk,kl->il", {{16, 8}, {8, 8}, {8, 16}}, 310, 200, 58, 68},
    {"bilinear", "ik,jkl,il->ij", {{8, 16}, {8, 16, 16}, {8, 16}}, 444, 2304, 51, 65},
    {"contraction", "pqrs,tuqvr->pstuv", {{2, 4, 8, 8}, {2, 2, 4, 2, 8}}, 329, 768, 26, 36},
    {"multi-head scores", "bthd,bThd->bhtT", {{2, 5, 8, 16}, {2, 5, 8, 16}}, 518, 3520, 14, 67},
};

inline std::vector<EinsumOperand> all_secret(const std::vector<Shape>& shapes) {
  std::vector<EinsumOperand> operands;
  for (const Shape& shape : shapes) operands.push_back({shape});
  return operands;
}

}  // namespace pliant::einsum
