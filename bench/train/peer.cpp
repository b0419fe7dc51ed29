#include "peer.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "shapes.h"

namespace pliant::bench {
namespace {

const char* python() { return std::getenv("PLIANT_PEER_TORCH"); }

std::string described(const LanguageConfig& config, bool bf16) {
  std::string layers;
  for (const LayerConfig& each : config.layers)
    layers += fmt::format("{}[{}, {}, {}]", layers.empty() ? "" : ", ", each.heads, each.kv_heads,
                          each.ffn);
  return fmt::format(
      R"({{"vocabulary": {}, "width": {}, "head": {}, "layers": [{}], "sequence": {}, "batch": {}, )"
      R"("bf16": {}}})",
      config.vocabulary, config.width, config.head_width, layers, sequence, batch, bf16);
}

}  // namespace

bool has_peer() { return python() != nullptr; }

Peer::Peer(const LanguageConfig& config, bool bf16) {
  const std::string script = std::string(PLIANT_BENCH_FOLDER) + "/train/torch_steps.py",
                    shape = described(config, bf16);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) throw std::runtime_error("no sockets");
  child_ = fork();
  if (child_ == 0) {
    dup2(ends[1], STDIN_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    execl(python(), python(), script.c_str(), shape.c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
  socket_ = ends[0];
  if (child_ < 0 || line() != "ready") throw std::runtime_error("the peer does not start");
}

Peer::~Peer() {
  close(socket_);  // which ends it
  waitpid(child_, nullptr, 0);
}

double Peer::step(std::string_view how) {
  const std::string asked = std::string(how) + "\n";
  if (write(socket_, asked.data(), asked.size()) != std::ssize(asked))
    throw std::runtime_error("the peer has ended");
  return std::stod(line());
}

std::string Peer::line() {
  std::string text;
  for (char each = 0; read(socket_, &each, 1) == 1;) {
    if (each == '\n') return text;
    text += each;
  }
  throw std::runtime_error("the peer has ended");
}

}  // namespace pliant::bench
