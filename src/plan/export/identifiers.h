// Names of a network as C identifiers.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace pliant::plan {

// ASCII letters and digits stay; what is between them becomes one underscore, none stands at the
// ends. "x" when nothing is left. To be used behind a prefix: it may begin with a digit or be a
// keyword.
std::string identifier(std::string_view text);

// The same of a network's file ("models/Net v2.onnx", "zoo:net") without folder and ending, in
// lower case, beginning with a letter.
std::string prefix_of(std::string_view network);

// Identifiers of one scope: a second text with the same identifier gets a number.
class Identifiers {
 public:
  std::string add(std::string_view text);

 private:
  std::set<std::string> used_;
};

std::string c_string(std::string_view text);  // a string literal of these bytes, quotes included
// What of it may stand in a comment of the header, whose templates use '@'; the rest becomes
// underscores.
std::string c_comment(std::string_view text);

}  // namespace pliant::plan
