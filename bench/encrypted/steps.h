// Where a plan's time goes, operation by operation, beside what was predicted of each.
#pragma once

#include <set>
#include <string>

namespace pliant::bench {

// Of EinHops' benchmarks (of those named, if any) the chosen plan, encoding ahead.
void run_steps(const std::set<std::string>& only);

}  // namespace pliant::bench
