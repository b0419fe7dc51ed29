// Errors at the border: everything a user, a file or a device can get wrong is thrown as Error.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace pliant {

enum class ErrorKind {
  usage,        // the caller's options are wrong or contradict each other
  not_found,    // a file, tensor or name that was asked for does not exist
  format,       // bytes that do not follow their format
  invalid,      // well-formed, but breaks a rule (shape, type, cycle, range)
  unsupported,  // a valid request that this build or machine refuses
  capacity,     // memory or scratchpad too small
  io,           // the operating system refused
  cancelled,    // ended by the user
  internal,     // a fault of the program, not of what it was given
};

std::string_view name(ErrorKind kind);

// An error names its place (file and byte offset, scope and operator, or option), what is wrong
// there with the offending value, and the next step where one is known.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string place, std::string problem, std::string next_step = "");
  ErrorKind kind() const { return kind_; }
  const std::string& place() const { return place_; }
  const std::string& problem() const { return problem_; }
  const std::string& next_step() const { return next_step_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorKind kind_;
  std::string place_, problem_, next_step_, message_;
};

// The exception being handled, as an Error; called in a catch (...). Of the standard library's,
// memory running out is Error{capacity}, what the system refused Error{io} naming the file where
// there is one, and all else, like whatever is no std::exception, Error{internal}.
Error current_error();

}  // namespace pliant
