#include "machine/torch/options.h"

#include <string_view>

#include <fmt/format.h>

#include "core/error.h"

namespace pliant::aten {
namespace {

bool is_device(std::string_view name) {
  if (name == "cpu" || name == "cuda") return true;
  constexpr std::string_view numbered = "cuda:";
  if (!name.starts_with(numbered)) return false;
  const std::string_view number = name.substr(numbered.size());
  return !number.empty() && number.size() <= 3 &&
         number.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

void check(const Options& options) {
  if (!is_device(options.device))
    throw Error(ErrorKind::usage, "device", fmt::format("'{}' is no device", options.device),
                "use cpu, cuda or cuda:NUMBER");
  if (options.threads < 0)
    throw Error(ErrorKind::usage, "threads", fmt::format("{} threads", options.threads),
                "use 1 or more, or 0 for all processors");
}

}  // namespace pliant::aten
