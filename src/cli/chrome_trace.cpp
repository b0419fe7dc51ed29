#include "cli/chrome_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/files.h"

namespace pliant::cli {
namespace {

std::string quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

// Programs may be gone when the file is written.
std::string_view ChromeTrace::kept(std::string_view name) { return *names_.emplace(name).first; }

void ChromeTrace::step(const Step& step) {
  const std::string_view name = kept(step.op.name), kind = pliant::name(step.op.kind);
  bool any = false;
  for (std::size_t i = 0; i < step.threads.size(); ++i) {
    const Busy& busy = step.threads[i];
    if (busy.tasks == 0) continue;
    any = true;
    threads_ = std::max(threads_, static_cast<int>(i) + 1);
    events_.push_back({name, kind, static_cast<int>(i), busy.tasks, busy.begin, busy.end});
  }
  if (!any) events_.push_back({name, kind, 0, 0, step.begin, step.end});
}

void ChromeTrace::span(std::string_view what, std::int64_t rows, double begin, double end) {
  events_.push_back({what, "run", 0, rows, begin, end});
}

std::string ChromeTrace::to_json() const {
  double start = events_.empty() ? 0 : events_.front().begin;
  for (const Event& each : events_) start = std::min(start, each.begin);
  std::string text = "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n";
  const auto out = std::back_inserter(text);
  for (int i = 0; i < threads_; ++i)
    fmt::format_to(out,
                   R"({{"name": "thread_name", "ph": "M", "pid": 1, "tid": {}, )"
                   R"("args": {{"name": "thread {}"}}}})"
                   "{}\n",
                   i + 1, i + 1, i + 1 < threads_ || !events_.empty() ? "," : "");
  for (const Event& each : events_)
    fmt::format_to(
        out,
        R"({{"name": {}, "cat": {}, "ph": "X", "pid": 1, "tid": {}, "ts": {:.3f}, "dur": {:.3f}, )"
        R"("args": {{"{}": {}}}}})"
        "{}\n",
        quoted(each.name), quoted(each.kind), each.thread + 1, (each.begin - start) * 1e6,
        (each.end - each.begin) * 1e6, each.kind == "run" ? "rows" : "tasks", each.count,
        &each == &events_.back() ? "" : ",");
  return text + "]}\n";
}

void TraceFile::write() const {
  if (!path_.empty()) write_file(path_, trace_.to_json());
}

}  // namespace pliant::cli
