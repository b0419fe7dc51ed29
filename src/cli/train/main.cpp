// pliant-train: what pliant hands `train` over to, so that nothing else loads libtorch.
#include "cli/train/train.h"
#include "command/executable.h"

int main(int argc, char** argv) {
  return pliant::run_executable(
      {"pliant", PLIANT_VERSION, "neural networks on small devices", {pliant::cli::train_verb()}},
      argc, argv);
}
