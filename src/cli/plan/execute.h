// Runs a plan on the scratchpad machine and compares with an unconstrained run.
#pragma once

#include "cli/network/subject.h"
#include "cli/plan/report.h"
#include "command/verb.h"

namespace pliant::cli {

// With the CPU's kernels where they can run the subject, else with hash operators. Throws
// Error{invalid} when the plan cannot be executed or its counted bytes differ from its claim.
ExecutionReport execute_plan(const NetworkSubject& subject, const plan::Plan& plan,
                             const Invocation& context);

}  // namespace pliant::cli
