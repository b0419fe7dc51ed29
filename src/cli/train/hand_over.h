// From pliant to the program that trains.
#pragma once

#include "command/verb.h"

namespace pliant::cli {

// If the words begin with `train` or `search train`, or are `eval` with `--machine torch` after it,
// and pliant-train lies beside this program, becomes it, with the same words. Returns otherwise.
void hand_over(int argc, char** argv);

// What is left without pliant-train: its help, and an error that says what is missing.
Verb absent_train_verb();
Verb absent_search_train_verb();

}  // namespace pliant::cli
