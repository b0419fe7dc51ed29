#include "core/error.h"

#include <utility>

namespace pliant {

std::string_view name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage: return "usage";
    case ErrorKind::not_found: return "not found";
    case ErrorKind::format: return "format";
    case ErrorKind::invalid: return "invalid";
    case ErrorKind::unsupported: return "unsupported";
    case ErrorKind::capacity: return "capacity";
    case ErrorKind::io: return "io";
    case ErrorKind::cancelled: return "cancelled";
  }
  return "unknown";
}

Error::Error(ErrorKind kind, std::string place, std::string problem, std::string next_step)
    : kind_(kind), place_(std::move(place)), problem_(std::move(problem)), next_step_(std::move(next_step)) {
  message_ = place_.empty() ? problem_ : place_ + ": " + problem_;
  if (!next_step_.empty()) message_ += " (" + next_step_ + ")";
}

}  // namespace pliant
