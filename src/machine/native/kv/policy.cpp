#include "machine/native/kv/policy.h"

#include <string>

#include "core/error.h"

namespace pliant::kv {

Policy full() { return {}; }

Policy sink_window(std::int64_t sinks, std::int64_t window) {
  if (sinks < 0) throw Error(ErrorKind::invalid, "cache policy", std::to_string(sinks) + " sinks");
  if (window < 1)
    throw Error(ErrorKind::invalid, "cache policy",
                "a window of " + std::to_string(window) + " tokens",
                "it must be 1 at least: a token sees itself");
  return {sinks, window, nullptr};
}

Policy edited(std::shared_ptr<const Editor> editor) { return {0, 0, std::move(editor)}; }

}  // namespace pliant::kv
