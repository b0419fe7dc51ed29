#define USE_C10D_GLOO  // libtorch's headers ask for it

#include "machine/torch/workers/workers.h"

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "core/error.h"
#include "machine/torch/workers/group.h"

namespace pliant::aten {
namespace {

constexpr std::chrono::seconds patience(60);  // for the others to begin, and for each sum

int number(const char* variable, int low, int high) {
  const char* const text = std::getenv(variable);
  if (text == nullptr)
    throw Error(ErrorKind::usage, variable, "is not set",
                "start the processes with torchrun, or set RANK, WORLD_SIZE, MASTER_ADDR and "
                "MASTER_PORT");
  int value = 0;
  const std::string_view all(text);
  const auto [end, failed] = std::from_chars(all.begin(), all.end(), value);
  if (failed != std::errc() || end != all.end() || value < low || value > high)
    throw Error(ErrorKind::usage, variable,
                fmt::format("is '{}', not a number from {} to {}", all, low, high));
  return value;
}

class Gloo : public Workers::Group {
 public:
  Gloo(int own_rank, int all, const std::string& address, int port) {
    rank = own_rank;
    size = all;
    place_ = fmt::format("{}:{}", address, port);
    guard("the other processes did not come", [&] {
      c10d::TCPStoreOptions options;
      options.port = static_cast<std::uint16_t>(port);
      options.isServer = rank == 0;
      options.numWorkers = static_cast<std::size_t>(size);
      options.timeout = patience;
      auto store = c10::make_intrusive<c10d::TCPStore>(address, options);
      auto how = c10d::ProcessGroupGloo::Options::create(patience);
      how->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
      how->threads = 1;
      group_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, how);
    });
  }

  void sum(at::Tensor& values) override {
    guard("another process was lost", [&] {
      std::vector<at::Tensor> list{values};
      group_->allreduce(list)->wait();
    });
  }

 private:
  template <typename Action>
  void guard(const char* problem, Action&& action) const {
    try {
      action();
    } catch (const std::exception& error) {
      const std::string_view what(error.what());
      throw Error(ErrorKind::io, place_,
                  fmt::format("{}: {}", problem, what.substr(0, what.find('\n'))),
                  "start all of them again: they go on from the last checkpoint");
    }
  }

  std::string place_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
};

}  // namespace

Workers::Workers(std::unique_ptr<Group> group) : group_(std::move(group)) {}
Workers::~Workers() = default;

std::unique_ptr<Workers> Workers::from_environment() {
  constexpr int most = 1 << 16;
  if (std::getenv("WORLD_SIZE") == nullptr) return nullptr;
  const int size = number("WORLD_SIZE", 1, most);
  if (size == 1) return nullptr;
  const int rank = number("RANK", 0, size - 1), port = number("MASTER_PORT", 1, 65535);
  const char* const address = std::getenv("MASTER_ADDR");
  if (address == nullptr)
    throw Error(ErrorKind::usage, "MASTER_ADDR", "is not set",
                "the address of the process of rank 0");
  return std::unique_ptr<Workers>(new Workers(std::make_unique<Gloo>(rank, size, address, port)));
}

int Workers::rank() const { return group_->rank; }
int Workers::size() const { return group_->size; }

void Workers::sum(std::span<double> values) {
  at::Tensor all = at::from_blob(values.data(), {std::ssize(values)}, at::kDouble);
  group_->sum(all);
}

}  // namespace pliant::aten
