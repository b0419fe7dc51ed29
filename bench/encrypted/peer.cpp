#include "peer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace pliant::bench {

namespace {

const char* python() { return std::getenv("PLIANT_PEER_DESILO"); }

}  // namespace

bool has_peer() { return python() != nullptr; }

void run_peer(const std::vector<PeerCase>& cases,
              const std::function<void(std::size_t, const PeerRow&)>& row) {
  std::string command =
      fmt::format("'{}' '{}/encrypted/einhops_desilo.py'", python(), PLIANT_BENCH_FOLDER);
  for (const PeerCase& each : cases) {
    std::vector<std::string> shapes;
    for (const Shape& shape : each.shapes)
      shapes.push_back(fmt::format("{}", fmt::join(shape, "x")));
    command += fmt::format(" '{}={}={}'", each.name, each.expression, fmt::join(shapes, ","));
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  if (pipe == nullptr) throw std::runtime_error("cannot start the peer: " + command);
  char line[4096];
  std::size_t done = 0;
  for (; std::fgets(line, sizeof line, pipe.get()) != nullptr; ++done) {
    const auto fields = nlohmann::json::parse(line);
    row(done, {fields.at("ms"), fields.at("encode_ms"), fields.at("error")});
  }
  if (done != cases.size())
    throw std::runtime_error(
        fmt::format("the peer gave {} rows of {}: {}", done, cases.size(), command));
}

}  // namespace pliant::bench
