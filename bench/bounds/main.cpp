// The carried bounds of ciphertexts over a long random walk of operations: no error may be beyond
// them.
//
//   bench-bounds [--operations N] [--journal FILE] [--seed N]
//
// The walk is cut into shards of 1000 operations: sixteen of twenty at N = 2^12, two at 2^13, one
// at 2^14 and one at 2^15, each with keys and operands from its number. Every result is decrypted
// and compared with both of its bounds; a fresh encryption is none. A line of the journal is a
// finished shard: who begins again goes on where it ends. Ends with status 1 where a bound was
// exceeded.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "machine/encrypted/ckks/walk.h"

namespace {

using namespace pliant::ckks;

constexpr int kShard = 1000;  // operations

struct Set {
  int log_n, levels, scale_bits, digits;
};
// In turn; of a ring with several sets, a different one each time.
constexpr std::array kSets{
    std::array{Set{12, 3, 40, 3}, Set{12, 2, 35, 1}, Set{12, 4, 45, 2}, Set{12, 5, 30, 4}},
    std::array{Set{13, 4, 45, 2}, Set{13, 3, 40, 3}, Set{13, 6, 35, 4}, Set{13, 2, 45, 1}},
    std::array{Set{14, 3, 40, 4}, Set{14, 5, 40, 2}, Set{14, 4, 45, 3}, Set{14, 7, 35, 3}},
    std::array{Set{15, 3, 40, 3}, Set{15, 6, 40, 3}, Set{15, 4, 45, 2}, Set{15, 8, 40, 4}}};

const Set& set_of(int shard) {
  constexpr std::array rings{0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 3, 0};
  const std::size_t turn = static_cast<std::size_t>(shard) % rings.size(),
                    round = static_cast<std::size_t>(shard) / rings.size();
  return kSets[rings[turn]][(turn + round) % kSets[0].size()];
}

struct Seen {
  int operations = 0;
  double worst = 0, likely = 0;  // error in units of each bound
  void join(const Seen& other) {
    operations += other.operations;
    worst = std::max(worst, other.worst);
    likely = std::max(likely, other.likely);
  }
};

Seen walked(int shard, std::uint64_t seed) {
  const Set& set = set_of(shard);
  pliant::Log log(std::cerr, pliant::LogLevel::error,
                  false);  // of small rings nothing else is said
  Walk walk({.log_n = set.log_n,
             .levels = set.levels,
             .scale_bits = set.scale_bits,
             .digits = set.digits,
             .insecure_for_tests = true},
            seed + static_cast<std::uint64_t>(shard), &log);
  while (walk.checked() < kShard) walk.step();
  return {walk.checked(), walk.worst(), walk.likely()};
}

struct Options {
  int operations = 20 * kShard;
  std::uint64_t seed = 0;
  std::string journal;
};

class Bounds {
 public:
  explicit Bounds(const Options& options) : options_(options) {
    std::ifstream file(options.journal);
    std::uint64_t seed = 0;
    int shard = 0;
    Seen seen;
    while (file >> seed >> shard >> seen.operations >> seen.worst >> seen.likely)
      if (seed == options.seed) keep(shard, seen);
  }

  // Whether every bound held.
  bool run() {
    for (int shard = 0; shard * kShard < options_.operations; ++shard) {
      if (done_.contains(shard)) continue;
      const Seen seen = walked(shard, options_.seed);
      keep(shard, seen);
      if (!options_.journal.empty())
        std::ofstream(options_.journal, std::ios::app)
            << fmt::format("{} {} {} {:.17g} {:.17g}\n", options_.seed, shard, seen.operations,
                           seen.worst, seen.likely);
      if (seen.worst > 1 || seen.likely > 1)
        fmt::print("exceeded: shard {}, N = 2^{}: {:.3g} of the worst case, {:.3g} of the likely\n",
                   shard, set_of(shard).log_n, seen.worst, seen.likely);
    }
    Seen all;
    for (const auto& [ring, seen] : rings_) print(fmt::format("N = 2^{}", ring), seen);
    for (const auto& [ring, seen] : rings_) all.join(seen);
    print("all", all);
    return all.worst <= 1 && all.likely <= 1;
  }

 private:
  void keep(int shard, const Seen& seen) {
    done_[shard] = seen;
    rings_[set_of(shard).log_n].join(seen);
  }
  static void print(const std::string& name, const Seen& seen) {
    fmt::print(
        "{:<9} {:>8} operations, error up to {:.3f} of the likely bound, {:.4f} of the worst "
        "case\n",
        name, seen.operations, seen.likely, seen.worst);
  }

  Options options_;
  std::map<int, Seen> done_, rings_;
};

constexpr const char* kHelp =
    "bench-bounds [--operations N] [--journal FILE] [--seed N]: random operations on ciphertexts, "
    "every\nresult compared with its bounds. FILE keeps what is done, to go on there.\n";

template <typename Number>
Number number(std::string_view option, std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw std::runtime_error(fmt::format("{} {}: not a number of that kind", option, text));
  return value;
}

Options options_of(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (i + 1 == argc) throw std::runtime_error(fmt::format("{}: no value", option));
    const char* value = argv[++i];
    if (option == "--operations") options.operations = number<int>(option, value);
    else if (option == "--seed") options.seed = number<std::uint64_t>(option, value);
    else if (option == "--journal") options.journal = value;
    else throw std::runtime_error(fmt::format("{}: no such option", option));
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc == 2 && std::string_view(argv[1]) == "--help") {
    fmt::print("{}", kHelp);
    return 0;
  }
  return Bounds(options_of(argc, argv)).run() ? 0 : 1;
} catch (const std::exception& error) {
  fmt::print(stderr, "bench-bounds: {}\n", error.what());
  return 1;
}
