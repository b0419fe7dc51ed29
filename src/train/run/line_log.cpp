#include "train/run/line_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "core/files/descriptor.h"
#include "core/json.h"

namespace pliant::train {

LineLog::LineLog(std::string path, std::int64_t step,
                 const std::function<void(const JsonNode&)>& read)
    : path_(std::move(path)) {
  if (!std::filesystem::exists(path_)) return;
  const std::string text = read_file(path_);
  std::size_t at = 0;
  for (std::size_t line = 1; at < text.size(); ++line) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string::npos) break;  // cut by a crash
    const std::string place = fmt::format("{}:{}", path_, line);
    const nlohmann::json json = parse_json(std::string_view(text).substr(at, end - at), place);
    const JsonNode node(json, place);
    if (node.integer("step") > step) break;  // and all that follow
    read(node);
    at = end + 1;
  }
  // shortened, not written anew: a command writes over nothing that it read
  if (at < text.size() && ::truncate(path_.c_str(), static_cast<off_t>(at)) != 0)
    throw Error(ErrorKind::io, path_, fmt::format("cannot be cut: {}", std::strerror(errno)));
}

void LineLog::append(const std::string& json) const {
  const std::string line = json + "\n";
  const Descriptor file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  const auto written = file.is_open() ? ::write(file.number(), line.data(), line.size()) : -1;
  if (written != std::ssize(line))
    throw Error(
        ErrorKind::io, path_,
        fmt::format("cannot be written: {}", written < 0 ? std::strerror(errno) : "disk full"));
}

}  // namespace pliant::train
