// Third-party tokenizers, where PLIANT_DATA names them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace pliant::test {

// The path of a file of PLIANT_DATA; empty without it.
inline std::string data_path(const std::string& name) {
  const char* root = std::getenv("PLIANT_DATA");
  if (root == nullptr) return "";
  const std::string path = std::string(root) + "/" + name;
  return std::filesystem::exists(path) ? path : "";
}

inline std::vector<std::string> split_text(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  for (std::size_t found; (found = text.find(separator, at)) != std::string::npos;
       at = found + separator.size())
    parts.push_back(text.substr(at, found - at));
  parts.push_back(text.substr(at));
  return parts;
}

template <typename Id>
std::vector<Id> ids_in(const std::string& line) {
  std::istringstream in(line);
  std::vector<Id> ids;
  for (Id id; in >> id;) ids.push_back(id);
  return ids;
}

}  // namespace pliant::test
