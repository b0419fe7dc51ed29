#include "core/error.h"

#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

namespace pliant {
namespace {

constexpr const char* report_it =
    "this is a fault of Pliant: please report it with the command line";

}  // namespace

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
    case ErrorKind::internal: return "internal";
  }
  return "unknown";
}

Error::Error(ErrorKind kind, std::string place, std::string problem, std::string next_step)
    : kind_(kind),
      place_(std::move(place)),
      problem_(std::move(problem)),
      next_step_(std::move(next_step)) {
  message_ = place_.empty() ? problem_ : place_ + ": " + problem_;
  if (!next_step_.empty()) message_ += " (" + next_step_ + ")";
}

Error current_error() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {ErrorKind::capacity, "memory", "the system gave no more"};
  } catch (const std::filesystem::filesystem_error& error) {
    return {ErrorKind::io, error.path1().string(), error.code().message()};
  } catch (const std::system_error& error) {
    return {ErrorKind::io, "system", error.code().message()};
  } catch (const std::exception& error) {
    return {ErrorKind::internal, "internal error", error.what(), report_it};
  } catch (...) {
    return {ErrorKind::internal, "internal error", "an exception of unknown type", report_it};
  }
}

}  // namespace pliant
