// The log of a supernet's run: a line of JSON for each step, and a page with its curves.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "search/evaluate/evaluator.h"
#include "search/samplers/step_sampler.h"
#include "train/run/line_log.h"

namespace pliant::search {

struct LoggedSubnet {
  Part part = Part::random;
  double flops = 0, loss = 0;
};

struct LoggedStep {
  std::int64_t step = 0;  // done, after this one
  std::vector<LoggedSubnet> subnets;
  double rate = 0, gradient = 0;  // gradient: norm before clipping
  double seconds = 0, memory_bytes = 0;
};

struct Judgement {  // of one subnet, on held-out images
  std::string name;
  double flops = 0;
  Worth worth;
};
struct LoggedJudgements {
  std::int64_t step = 0;
  std::vector<Judgement> subnets;
};

class SupernetJournal {
 public:
  SupernetJournal(const std::string& path, std::int64_t step);  // as train::LineLog
  void add(LoggedStep step);
  void add(LoggedJudgements judgements);
  const std::vector<LoggedStep>& steps() const { return steps_; }
  const std::vector<LoggedJudgements>& judgements() const { return judgements_; }
  // One self-contained HTML page: losses by part, rate, gradient, speed, accuracies.
  std::string page(const std::string& title) const;

 private:
  void read(const JsonNode& line);

  std::vector<LoggedStep> steps_;
  std::vector<LoggedJudgements> judgements_;
  train::LineLog log_;  // reads into those above
};

}  // namespace pliant::search
