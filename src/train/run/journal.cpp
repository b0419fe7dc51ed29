#include "train/run/journal.h"

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
namespace {

using nlohmann::ordered_json;

ordered_json line_of(const StepRecord& r) {
  ordered_json line{{"step", r.step},
                    {"tokens", r.tokens},
                    {"loss", r.loss},
                    {"nll", r.nll},
                    {"rate", r.rate},
                    {"gradient", r.gradient},
                    {"tokens_per_second", r.tokens_per_second},
                    {"flops", r.flops},
                    {"memory_bytes", r.memory_bytes}};
  if (r.divergence) line["divergence"] = *r.divergence;
  if (r.peak_share) line["peak_share"] = *r.peak_share;
  return line;
}

ordered_json line_of(const ValidationRecord& r) {
  return {{"step", r.step}, {"validation", r.nll}, {"bits_per_byte", r.bits_per_byte}};
}

ordered_json line_of(const SampleRecord& r) { return {{"step", r.step}, {"sample", r.text}}; }

std::optional<double> number_if_there(const JsonNode& node, const char* key) {
  return node.has(key) ? std::optional(node.number(key)) : std::nullopt;
}

StepRecord step_of(const JsonNode& node) {
  return {node.integer("step"),
          node.integer("tokens"),
          node.number("loss"),
          node.number("nll"),
          node.number("rate"),
          node.number("gradient"),
          node.number("tokens_per_second"),
          node.number("flops"),
          node.number("memory_bytes"),
          number_if_there(node, "divergence"),
          number_if_there(node, "peak_share")};
}

}  // namespace

Journal::Journal(std::string path, std::int64_t step) : path_(std::move(path)) {
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
    if (node.has("validation"))
      validations_.push_back(
          {node.integer("step"), node.number("validation"), node.number("bits_per_byte")});
    else if (node.has("sample")) samples_.push_back({node.integer("step"), node.text("sample")});
    else steps_.push_back(step_of(node));
    at = end + 1;
  }
  // shortened, not written anew: a command writes over nothing that it read
  if (at < text.size() && ::truncate(path_.c_str(), static_cast<off_t>(at)) != 0)
    throw Error(ErrorKind::io, path_, fmt::format("cannot be cut: {}", std::strerror(errno)));
}

void Journal::append(const std::string& line) {
  const Descriptor file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  const auto written = file.is_open() ? ::write(file.number(), line.data(), line.size()) : -1;
  if (written != std::ssize(line))
    throw Error(
        ErrorKind::io, path_,
        fmt::format("cannot be written: {}", written < 0 ? std::strerror(errno) : "disk full"));
}

void Journal::add(const StepRecord& record) {
  append(line_of(record).dump() + "\n");
  steps_.push_back(record);
}

void Journal::add(const ValidationRecord& record) {
  append(line_of(record).dump() + "\n");
  validations_.push_back(record);
}

void Journal::add(const SampleRecord& record) {
  // text of a model may end within a character
  append(line_of(record).dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n");
  samples_.push_back(record);
}

}  // namespace pliant::train
