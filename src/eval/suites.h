// The sets that the OpenELM paper scores its models on (arXiv 2404.14619, table 4), and how the
// public evaluation harness puts their questions.
#pragma once

#include <span>
#include <string_view>

namespace pliant::eval {

struct SuiteSet {
  std::string_view name;  // its file is NAME.jsonl
  std::string_view prompt;
  int shots = 0;
};

struct Suite {
  std::string_view name;
  std::span<const SuiteSet> sets;
};

std::span<const Suite> suites();

}  // namespace pliant::eval
