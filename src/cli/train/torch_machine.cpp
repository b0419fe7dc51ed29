#include "cli/language/eval.h"
#include "machine/torch/torch.h"

namespace pliant::cli {

std::unique_ptr<Machine> torch_machine(const std::string& device, std::int64_t threads) {
  aten::Options options;
  options.device = device;
  options.threads = static_cast<int>(threads);
  return std::make_unique<aten::Machine>(options);
}

}  // namespace pliant::cli
