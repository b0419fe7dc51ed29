// The file a command is about, and the planner's problem in it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command/options.h"
#include "command/verb.h"
#include "core/pool.h"
#include "machine/scratchpad/subject.h"
#include "open/network/open_network.h"
#include "plan/device.h"
#include "plan/format/problem.h"
#include "plan/graph/graph_problem.h"

namespace pliant::cli {

struct NetworkOptions {
  std::vector<std::string> shapes;         // "input=1x3x224x224" or "batch=4"
  std::int64_t elem_bytes = 0, tiles = 0;  // 0: not given
  bool weights = false, no_fuse = false, random_weights = false, in_place = false;
  bool zero_copy_concat = false;
  // the plan will be run: by kernels if they can, whose workspace then counts
  bool execute = false;
  std::uint64_t seed = 1;  // of random weights and inputs
};

// What options say something about (Option::only_for).
inline constexpr const char *networks = "networks", *problems = "problems";

std::vector<Option> network_options(NetworkOptions& options);
// Throws Error{usage} for options that say nothing about what the file is, or break a rule about
// its kind.
void check_options(const Source& source, const Invocation& context);

// throws Error{usage}
std::map<std::string, Shape> shapes_from(const std::vector<std::string>& texts);

// What is planned: `mapping` and `work` of a network; of a planner's problem `mapping.problem`
// alone.
struct NetworkSubject : scratchpad::Subject {
  std::optional<OpenedNetwork> network;  // of a network: folded
  std::int64_t tiles = 0;                // bands that maps are cut into; 0: whole
  const plan::Problem& problem() const { return mapping.problem; }
};

// Throws Error{format} for files that hold no problem.
NetworkSubject open_subject(const Source& source, const NetworkOptions& options, ThreadPool& pool);
NetworkSubject subject_of(OpenedNetwork network, const NetworkOptions& options, ThreadPool& pool);

}  // namespace pliant::cli
