#include "cli/train/hand_over.h"

#include <unistd.h>

#include <filesystem>
#include <string_view>

#include "cli/child.h"
#include "cli/train/options.h"
#include "core/error.h"

namespace pliant::cli {

void hand_over(int argc, char** argv) {
  if (argc < 2 || std::string_view(argv[1]) != "train") return;
  const std::string program = beside_this_program("pliant-train");
  if (std::filesystem::exists(program)) execv(program.c_str(), argv);
}

Verb absent_train_verb() {
  const auto options = std::make_shared<TrainOptions>();
  return {train_command(*options), [options](const Invocation&) -> int {
            throw Error(ErrorKind::unsupported, "train",
                        "this build has no pliant-train, which needs libtorch",
                        "install libtorch-dev and libopenblas0-openmp, and build again");
          }};
}

}  // namespace pliant::cli
