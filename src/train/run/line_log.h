// The log of a run that may be killed at any time: lines of JSON, each with the step that it is of.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace pliant {
class JsonNode;
}

namespace pliant::train {

class LineLog {
 public:
  // Goes on with `path` if it is there: lines of later steps than `step` are cut off, those before
  // are told to `read`. Throws Error{io}, and Error{format} for what is no such line.
  LineLog(std::string path, std::int64_t step, const std::function<void(const JsonNode&)>& read);
  // `json` is one line without its end; it is on disk when the call returns. Throws Error{io}.
  void append(const std::string& json) const;

 private:
  std::string path_;
};

}  // namespace pliant::train
