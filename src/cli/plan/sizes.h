// Scratchpad sizes by name (MR, MH, MP), found once per command.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "command/verb.h"
#include "plan/solve.h"

namespace pliant::cli {

bool is_size_name(std::string_view text);  // MR, MH or MP

class PlanSizes {
 public:
  // All outlive it.
  PlanSizes(const plan::Problem& problem, const plan::SolveOptions& solve,
            const Invocation& context)
      : problem_(problem), solve_(solve), context_(context) {}
  // searches at the first call; says so if M_P is not exact
  const plan::ScratchpadSizes& all();
  std::int64_t named(const std::string& name);  // MR without a search; a multiple of the alignment

 private:
  const plan::Problem& problem_;
  const plan::SolveOptions& solve_;
  const Invocation& context_;
  std::optional<plan::ScratchpadSizes> sizes_;
};

}  // namespace pliant::cli
