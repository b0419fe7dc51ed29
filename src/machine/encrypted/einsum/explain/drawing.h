// Plans to look at: the slots of the ciphertexts before and after every stage, what was rejected.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "machine/encrypted/einsum/explain/contents.h"
#include "machine/encrypted/einsum/explain/stages.h"

namespace pliant::einsum {

// A ciphertext before or after a stage; of a side with many, the first few.
struct DrawnCipher {
  std::string name;  // "c0, operand 1"
  CipherId id = CipherId::none;
  int level = 0;
  SlotContents contents;
};
struct DrawnStage {
  ProgramStage stage;
  std::vector<DrawnCipher> before, after;
};
struct Drawing {
  std::string expression;
  std::vector<LabelSize> labels;
  std::vector<DrawnStage> stages;
};

// Of a plan of one expression. Throws Error{capacity} where following every slot through every step
// would take too long.
Drawing draw(const Plan& plan);

// "c3 at level 2: 128 of 1024 slots in use, the same every 256"; and what its first slots hold.
std::string cipher_text(const DrawnCipher& cipher, const Drawing& drawing);
std::string first_slots_text(const DrawnCipher& cipher, const Drawing& drawing);

// One stage after the other, the first slots of each ciphertext, for a terminal.
std::string stages_text(const Drawing& drawing);
// A standalone document: every slot of every ciphertext, a map for each label.
std::string stages_svg(const Drawing& drawing);
std::string stages_picture(const Drawing& drawing);  // the same for a page
// A self-contained page: figures, the plans that were compared (the first was chosen), the picture,
// the steps.
std::string plan_page(const Drawing& drawing, std::span<const Plan> compared);
// The table of that page, for a terminal.
std::string compared_text(std::span<const Plan> compared);

}  // namespace pliant::einsum
