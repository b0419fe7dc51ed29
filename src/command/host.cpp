#include "command/host.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "core/pool.h"

namespace pliant {
namespace {

// The text after the colon of the first line of `path` that begins with `key`; empty if there is
// none.
std::string field(const char* path, std::string_view key) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t begin = line.find_first_not_of(" \t", line.find(':') + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::vector<std::string> known_features() {
  static constexpr std::array<std::string_view, 16> known{
      "sse4_2",   "avx",         "avx2",        "fma",      "f16c",     "avx512f",
      "avx512bw", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8",
      "asimd",    "asimdhp",     "asimddp",     "sve"};
  std::istringstream words(field("/proc/cpuinfo", "flags") + " " +
                           field("/proc/cpuinfo", "Features"));
  std::vector<std::string> found;
  for (std::string word; words >> word;)
    if (std::find(known.begin(), known.end(), word) != known.end()) found.push_back(word);
  return found;
}

std::int64_t kibibytes(const char* key) {
  std::istringstream in(field("/proc/meminfo", key));
  std::int64_t count = 0;
  in >> count;
  return count * 1024;
}

bool amx_permission() {
#if defined(__x86_64__)
  constexpr long get_permission = 0x1022,
                 tile_data = 18;  // arch_prctl(ARCH_GET_XCOMP_PERM): the bits allowed
  unsigned long allowed = 0;
  return syscall(SYS_arch_prctl, get_permission, &allowed) == 0 && (allowed >> tile_data & 1) != 0;
#else
  return false;
#endif
}

}  // namespace

Host inspect_host() {
  Host host;
  utsname system{};
  if (uname(&system) == 0) {
    host.system = std::string(system.sysname) + " " + system.release;
    host.architecture = system.machine;
  }
  host.cpu = field("/proc/cpuinfo", "model name");
  host.features = known_features();
  host.threads = default_threads();
  host.memory_bytes = kibibytes("MemTotal");
  host.available_bytes = kibibytes("MemAvailable");
  host.amx_permitted = amx_permission();
  return host;
}

std::int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace pliant
