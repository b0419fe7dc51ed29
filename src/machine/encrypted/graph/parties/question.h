// What client and server agree on: public, and enough for both to make the same plan.
#pragma once

#include <string>
#include <string_view>

#include "machine/encrypted/graph/plan.h"

namespace pliant::encrypted {

struct GraphQuestion {
  Graph graph;
  std::set<std::string> secret;  // inputs
  Ranges ranges = {};
  GraphOptions options = {};  // but for `costs` and `most_ciphertexts`, which are as they stand
};

// Throws what plan() does.
GraphPlan plan(const GraphQuestion& question);

// A line for each range, secret input and option, then the graph as text. Reads back to an equal
// question. Throws Error{invalid} for a name with a line break.
std::string to_text(const GraphQuestion& question);
// Throws Error{format} naming the line, and what graph_from_text() does.
GraphQuestion question_from_text(std::string_view text, std::string_view place);

}  // namespace pliant::encrypted
