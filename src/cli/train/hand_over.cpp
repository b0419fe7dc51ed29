#include "cli/train/hand_over.h"

#include <unistd.h>

#include <filesystem>
#include <span>
#include <string_view>

#include "cli/child.h"
#include "cli/language/eval.h"
#include "cli/train/options.h"
#include "cli/train/supernet_options.h"
#include "core/error.h"

namespace pliant::cli {

namespace {

bool needs_torch(std::span<char* const> words) {
  const std::string_view verb = words.size() < 2 ? "" : words[1];
  if (verb == "search") return words.size() > 2 && words[2] == std::string_view("train");
  if (verb != "eval") return verb == "train";
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--machine=torch") return true;
    if (word == "--machine" && i + 1 < words.size() && words[i + 1] == std::string_view("torch"))
      return true;
  }
  return false;
}

template <typename Options>
Verb absent(Command (*command)(Options&)) {
  const auto options = std::make_shared<Options>();
  Command made = command(*options);
  return {made, [options, name = made.name](const Invocation&) -> int {
            throw Error(ErrorKind::unsupported, name,
                        "this build has no pliant-train, which needs libtorch",
                        "install libtorch-dev and libopenblas0-openmp, and build again");
          }};
}

}  // namespace

void hand_over(int argc, char** argv) {
  if (!needs_torch({argv, static_cast<std::size_t>(argc)})) return;
  const std::string program = beside_this_program("pliant-train");
  if (std::filesystem::exists(program)) execv(program.c_str(), argv);
}

std::unique_ptr<Machine> torch_machine(const std::string&, std::int64_t) {
  throw Error(ErrorKind::unsupported, "--machine",
              std::filesystem::exists(beside_this_program("pliant-train"))
                  ? "torch is not of this program but of pliant-train, which starts where the "
                    "command line itself asks for it"
                  : "this build has no pliant-train, which needs libtorch",
              "give --machine torch after the verb; install libtorch-dev and libopenblas0-openmp "
              "where they are missing, and build again");
}

Verb absent_train_verb() { return absent(train_command); }
Verb absent_search_train_verb() { return absent(search_train_command); }

}  // namespace pliant::cli
