#include "core/files/input_guard.h"

#include <sys/stat.h>

#include <atomic>
#include <cassert>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "core/error.h"

namespace pliant {
namespace {

using Identity = std::pair<dev_t, ino_t>;

// Nothing for what is not there, and for terminals, pipes and devices, which may be read and
// written at one time.
std::optional<Identity> identity_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return std::nullopt;
  return Identity{status.st_dev, status.st_ino};
}

}  // namespace

struct InputGuard::Inputs {
  static std::atomic<Inputs*> current;
  std::mutex mutex;
  std::map<Identity, std::string> paths;
};

std::atomic<InputGuard::Inputs*> InputGuard::Inputs::current{nullptr};

InputGuard::InputGuard() : inputs_(std::make_unique<Inputs>()) {
  assert(Inputs::current == nullptr);
  Inputs::current = inputs_.get();
}

InputGuard::~InputGuard() { Inputs::current = nullptr; }

void InputGuard::note(const std::string& path) {
  Inputs* inputs = Inputs::current;
  if (inputs == nullptr) return;
  const std::optional<Identity> identity = identity_of(path);
  if (!identity) return;
  const std::lock_guard lock(inputs->mutex);
  inputs->paths.emplace(*identity, path);
}

void InputGuard::check(const std::string& path) {
  Inputs* inputs = Inputs::current;
  if (inputs == nullptr) return;
  const std::optional<Identity> identity = identity_of(path);
  if (!identity) return;
  const std::lock_guard lock(inputs->mutex);
  const auto at = inputs->paths.find(*identity);
  // one that was removed meanwhile, a checkpoint say, leaves its number to other files
  if (at != inputs->paths.end() && identity_of(at->second) == identity)
    throw Error(ErrorKind::usage, path, "would be written over the input '" + at->second + "'",
                "write to another place");
}

}  // namespace pliant
