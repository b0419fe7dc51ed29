// pliant-train: what pliant hands `train`, `search train` and `eval --machine torch` over to, so
// that nothing else loads libtorch.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "cli/train/supernet.h"
#include "cli/train/train.h"
#include "cli/verbs.h"
#include "command/executable.h"
#include "machine/torch/blas.h"

namespace {

// OpenBLAS reads its variable when it is loaded, before main: another start is the only way.
void start_again_with_fast_products(char** argv) {
  const auto core = pliant::aten::better_blas_core();
  if (!core) return;
  setenv("OPENBLAS_CORETYPE", core->c_str(), 1);
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) execv(self.c_str(), argv);  // by its own name, which process lists show
}

}  // namespace

int main(int argc, char** argv) {
  start_again_with_fast_products(argv);
  return pliant::run_executable(
      {"pliant",
       PLIANT_VERSION,
       "neural networks on small devices",
       {pliant::cli::train_verb(), pliant::cli::search_train_verb(), pliant::cli::eval_verb()}},
      argc, argv);
}
