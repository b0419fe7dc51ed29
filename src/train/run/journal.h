// The log of a run: a line of JSON for each step that is told, and a page with its curves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/run/line_log.h"

namespace pliant::train {

struct StepRecord {
  std::int64_t step = 0, tokens = 0;  // done, after this step
  double loss = 0;                    // nats per target: what is lessened
  double nll = 0;                     // of it
  double rate = 0, gradient = 0;      // gradient: norm before clipping
  double tokens_per_second = 0;
  double flops = 0;                       // per second, by 6 N and attention
  double memory_bytes = 0;                // resident
  std::optional<double> divergence = {};  // from the teacher's predictions, nats per target
  std::optional<double> peak_share = {};  // flops over what was measured to be possible
};

struct ValidationRecord {
  std::int64_t step = 0;
  double nll = 0;            // nats per target
  double bits_per_byte = 0;  // of the text
};

struct SampleRecord {
  std::int64_t step = 0;
  std::string text;
};

class Journal {
 public:
  Journal(const std::string& path, std::int64_t step);  // goes on and throws as LineLog

  // Each is a line {"step", ...}, on disk when the call returns.
  void add(const StepRecord& record);
  void add(const ValidationRecord& record);
  void add(const SampleRecord& record);

  const std::vector<StepRecord>& steps() const { return steps_; }
  const std::vector<ValidationRecord>& validations() const { return validations_; }
  const std::vector<SampleRecord>& samples() const { return samples_; }

  // One self-contained HTML page: curves of loss, rate, gradient, speed and memory, the samples.
  std::string page(const std::string& title) const;

 private:
  void read(const JsonNode& node);

  std::vector<StepRecord> steps_;
  std::vector<ValidationRecord> validations_;
  std::vector<SampleRecord> samples_;
  LineLog log_;  // reads into those above
};

}  // namespace pliant::train
