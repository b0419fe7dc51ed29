// Whether the plan that is chosen is the quickest, and whether predicted times come true.
#pragma once

#include <set>
#include <string>

namespace pliant::bench {

// Of EinHops' benchmarks (of those named, if any) the chosen plan and its three cheapest
// alternatives, all run, with what each takes and what was predicted.
void run_alternatives(const std::set<std::string>& only);

}  // namespace pliant::bench
