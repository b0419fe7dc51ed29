#include "peer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace pliant::bench {

std::map<std::string, PeerRow> run_peer(const std::vector<PeerCase>& cases) {
  std::map<std::string, PeerRow> rows;
  const char* python = std::getenv("PLIANT_PEER_DESILO");
  if (python == nullptr) return rows;
  std::string command =
      fmt::format("'{}' '{}/encrypted/einhops_desilo.py'", python, PLIANT_BENCH_FOLDER);
  for (const PeerCase& each : cases) {
    std::vector<std::string> shapes;
    for (const Shape& shape : each.shapes)
      shapes.push_back(fmt::format("{}", fmt::join(shape, "x")));
    command += fmt::format(" '{}={}={}'", each.name, each.expression, fmt::join(shapes, ","));
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  if (pipe == nullptr) throw std::runtime_error("cannot start the peer: " + command);
  char line[4096];
  while (std::fgets(line, sizeof line, pipe.get()) != nullptr) {
    const auto row = nlohmann::json::parse(line);
    rows[row.at("name")] = {row.at("ms"), row.at("encode_ms"), row.at("error")};
  }
  if (rows.size() != cases.size())
    throw std::runtime_error(
        fmt::format("the peer gave {} rows of {}: {}", rows.size(), cases.size(), command));
  return rows;
}

}  // namespace pliant::bench
