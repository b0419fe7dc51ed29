#include "plan/export/identifiers.h"

#include <fmt/format.h>

namespace pliant::plan {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_printable(char c) { return c >= ' ' && c <= '~'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::string identifier(std::string_view text) {
  std::string name;
  bool gap = false;
  for (const char c : text) {
    const bool stays = is_digit(c) || is_letter(c);
    if (stays && gap && !name.empty()) name += '_';
    if (stays) name += c;
    gap = !stays;
  }
  return name.empty() ? "x" : name;
}

std::string prefix_of(std::string_view network) {
  network.remove_prefix(network.find_last_of("/:") + 1);  // npos + 1 is 0
  if (const auto dot = network.rfind('.'); dot != std::string_view::npos && dot > 0)
    network = network.substr(0, dot);
  std::string name = identifier(network);
  for (char& c : name) c = lower(c);
  return is_digit(name[0]) ? "n" + name : name;
}

std::string Identifiers::add(std::string_view text) {
  const std::string name = identifier(text);
  std::string unique = name;
  for (int i = 2; !used_.insert(unique).second; ++i) unique = fmt::format("{}_{}", name, i);
  return unique;
}

// Three octal digits end an escape, whatever follows; question marks could begin a trigraph.
std::string c_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const bool plain = is_printable(c) && c != '"' && c != '\\' && c != '?';
    if (plain) out += c;
    else out += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
  }
  return out + '"';
}

std::string c_comment(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += is_printable(c) && c != '*' && c != '\\' && c != '?' && c != '@' ? c : '_';
  return out;
}

}  // namespace pliant::plan
