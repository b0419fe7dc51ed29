#include "lm/decode/stop.h"

#include <algorithm>

#include "core/error.h"
#include "core/utf8.h"

namespace pliant::lm {

StopMatcher::StopMatcher(std::vector<std::string> stops) {
  for (std::string& text : stops) {
    if (text.empty()) throw Error(ErrorKind::usage, "stop strings", "one is empty");
    if (!is_utf8(text)) throw Error(ErrorKind::usage, "stop strings", "one is not UTF-8");
    Stop stop;
    stop.border.assign(text.size() + 1, 0);
    for (std::size_t i = 1, length = 0; i < text.size(); ++i) {
      while (length > 0 && text[i] != text[length]) length = stop.border[length];
      if (text[i] == text[length]) ++length;
      stop.border[i + 1] = length;
    }
    stop.text = std::move(text);
    stops_.push_back(std::move(stop));
  }
}

void StopMatcher::advance(Stop& stop, char byte) const {
  while (stop.matched > 0 && stop.text[stop.matched] != byte)
    stop.matched = stop.border[stop.matched];
  if (stop.text[stop.matched] == byte) ++stop.matched;
}

std::string StopMatcher::push(std::string_view bytes) {
  if (stopped()) return "";
  std::size_t possible = 0;  // bytes at the end of held_ that may begin a stop string
  for (const Stop& each : stops_) possible = std::max(possible, each.matched);
  for (const char byte : bytes) {
    held_.push_back(byte);
    possible = 0;
    for (Stop& each : stops_) {
      advance(each, byte);
      possible = std::max(possible, each.matched);
      if (each.matched == each.text.size() && each.text.size() > found_.size()) found_ = each.text;
    }
    if (!stopped()) continue;
    held_.resize(held_.size() - found_.size());
    return release(held_.size(), true);
  }
  return release(held_.size() - possible, false);
}

std::string StopMatcher::finish() { return release(held_.size(), true); }

// Takes `bytes` from held_, but for a character cut at their end unless nothing more comes.
std::string StopMatcher::release(std::size_t bytes, bool last) {
  std::string text;
  std::string_view rest = std::string_view(held_).substr(0, bytes);
  while (!rest.empty()) {
    const Utf8Character each = first_character(rest);
    if (each.status == Utf8Character::Status::cut && !last && rest.size() == each.length &&
        bytes == held_.size())
      break;
    append_utf8(text, each.code);
    rest.remove_prefix(each.length);
  }
  held_.erase(0, bytes - rest.size());
  return text;
}

}  // namespace pliant::lm
