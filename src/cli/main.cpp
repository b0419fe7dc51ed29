#include "cli/train/hand_over.h"
#include "cli/verbs.h"
#include "command/executable.h"

int main(int argc, char** argv) {
  pliant::cli::hand_over(argc, argv);
  return pliant::run_executable(
      {"pliant", PLIANT_VERSION, "neural networks on small devices", pliant::cli::all_verbs()},
      argc, argv);
}
