// A program in parts that a reader follows: what belongs together of its many steps.
#pragma once

#include <string>
#include <vector>

#include "machine/encrypted/einsum/program/program.h"

namespace pliant::einsum {

// Steps of one kind on the same tensors, with what they are fed with and what is used of them.
struct ProgramStage {
  std::string title;  // "rotate and add", "multiply"
  Counts counts;
  std::vector<std::int64_t>
      distances;  // of its rotations, up to half the slots in either direction
  std::vector<CipherId> before, after;
};

// Every step but the inputs is in one of them, along the flow of data.
std::vector<ProgramStage> program_stages(const Program& program);

// "7 rotations by 1 2 4 8, 7 additions": what it does, without what it does not.
std::string work_text(const ProgramStage& stage);

}  // namespace pliant::einsum
