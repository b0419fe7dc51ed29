// What subnets may cost, by options or by a file.
#pragma once

#include <string>
#include <vector>

#include "cli/search/subject.h"
#include "search/sampler.h"

namespace pliant::cli {

struct ConstraintOptions {
  std::string target, flops, parameters;
  std::vector<std::string> latencies;
};
std::vector<Option> constraint_options(ConstraintOptions& options);

class Constraints {
 public:
  // `subject` must outlive this. Throws Error{usage} for what is no range and a phone that there is
  // no table of, Error{format} for the file.
  Constraints(const ConstraintOptions& options, const SearchSubject& subject);
  const std::vector<search::Constraint>& list() const { return list_; }
  void or_the_whole_space();  // where there are none

 private:
  void add(const search::StagePredictor& predictor, double low, double high) {
    list_.push_back({&predictor, low, high});
  }
  void read_target(const std::string& path, const SearchSubject& subject);

  search::Flops flops_;
  search::ParameterCount parameters_;
  std::vector<search::Constraint> list_;
};

}  // namespace pliant::cli
