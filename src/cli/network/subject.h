// The file a command is about, and the planner's problem in it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command/options.h"
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

std::vector<Option> network_options(NetworkOptions& options);

// throws Error{usage}
std::map<std::string, Shape> shapes_from(const std::vector<std::string>& texts);

struct Subject {
  plan::Problem problem;
  std::optional<OpenedNetwork> network;       // of an ONNX or Pliant file: folded
  std::optional<plan::GraphProblem> mapping;  // the same
  plan::Work work;                            // of a network
  // the problem counts kernel workspaces, and kernels can run all of it
  bool runs = false;
  std::int64_t alignment = 1;  // that kernels ask of addresses
  std::int64_t tiles = 0;      // bands that maps are cut into; 0: whole
};

// Throws Error{usage} for options that say nothing about this kind of file, Error{format} for files
// that hold no problem.
Subject open_subject(const Source& source, const NetworkOptions& options, Pool& pool);
Subject subject_of(OpenedNetwork network, const NetworkOptions& options, Pool& pool);

}  // namespace pliant::cli
