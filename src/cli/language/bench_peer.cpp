#include "cli/language/bench_peer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/child.h"
#include "core/error.h"

namespace pliant::cli {

PeerSpeed run_peer(const PeerRun& run) {
  const Ended ended =
      run_program({run.program, "-m", run.model, "-t", std::to_string(run.threads), "-p",
                   std::to_string(run.prompt), "-n", std::to_string(run.tokens), "-d",
                   std::to_string(run.depth), "-r", "1", "-fa", "1", "-o", "json"},
                  Heard::output);
  if (ended.status != 0)
    throw Error(ErrorKind::io, run.program,
                fmt::format("ended with status {} on {}", ended.status, run.model));
  try {
    PeerSpeed speed;
    for (const nlohmann::json& each : nlohmann::json::parse(ended.text)) {
      const double seconds = each.at("avg_ns").get<double>() * 1e-9;
      if (const auto tokens = each.at("n_gen").get<double>(); tokens > 0)
        speed.token = seconds / tokens;
      else speed.prompt = seconds;
    }
    return speed;
  } catch (const nlohmann::json::exception& problem) {
    throw Error(ErrorKind::format, run.program, problem.what(), "llama-bench -o json is expected");
  }
}

}  // namespace pliant::cli
