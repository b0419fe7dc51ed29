// Training of OpenELM shapes on libtorch, one thread.
//
//   bench-train [REPEATS [eager]]
//       tokens per CPU second with fused operators, without, and in PyTorch (PLIANT_PEER_TORCH
//       names a Python with torch; eager: without torch.compile), step by step in turn, beside the
//       rate of matrix products
//   bench-train muon PACKED FOLDER [TOKENS]
//       Muon against AdamW on packed bytes; rows that FOLDER has are not run again
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <string_view>

#include "machine/torch/blas.h"
#include "muon.h"
#include "shapes.h"
#include "speed.h"

namespace pliant::bench {

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace pliant::bench

int main(int count, char** words) {
  using namespace pliant;
  if (const auto core = aten::better_blas_core()) {  // read when OpenBLAS is loaded
    setenv("OPENBLAS_CORETYPE", core->c_str(), 1);
    execv("/proc/self/exe", words);
  }
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  try {
    if (count < 2 || std::string_view(words[1]) != "muon") {
      bench::Speed how;
      if (count > 1) how.repeats = std::max(1, std::atoi(words[1]));
      how.compiled = count < 3 || std::string_view(words[2]) != "eager";
      bench::compare_speed(how);
      return 0;
    }
    if (count < 4) {
      std::fputs("bench-train muon PACKED FOLDER [TOKENS]\n", stderr);
      return 2;
    }
    bench::Experiment experiment{words[2], words[3]};
    if (count > 4) experiment.tokens = std::atoll(words[4]);
    bench::compare_optimizers(experiment);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench-train: %s\n", error.what());
    return 1;
  }
}
