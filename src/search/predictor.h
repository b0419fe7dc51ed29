// What a subnet costs, before it is run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "models/elasticvit/architecture.h"

namespace pliant::search {

class Predictor {
 public:
  virtual ~Predictor() = default;
  virtual double predict(const elasticvit::Architecture& architecture) const = 0;
};

// A cost that is the sum of what the stages and the head cost. What a stage costs depends on the
// resolution and on the width of the stage before it (0: none), on nothing else.
class StagePredictor : public Predictor {
 public:
  explicit StagePredictor(const elasticvit::Space& space) : space_(space) {}  // must outlive it
  const elasticvit::Space& space() const { return space_; }
  virtual double stage(std::int64_t resolution, std::size_t stage, std::int64_t input_width,
                       const elasticvit::StageChoice& choice) const = 0;
  virtual double head(std::int64_t resolution, std::int64_t width) const = 0;
  double predict(const elasticvit::Architecture& architecture) const final;

 private:
  const elasticvit::Space& space_;
};

// The published count of multiply-accumulates (models/elasticvit/counts.h): whole numbers.
class Flops : public StagePredictor {
 public:
  using StagePredictor::StagePredictor;
  double stage(std::int64_t resolution, std::size_t stage, std::int64_t input_width,
               const elasticvit::StageChoice& choice) const override;
  double head(std::int64_t resolution, std::int64_t width) const override;
};

// The parameters that are read.
class ParameterCount : public StagePredictor {
 public:
  using StagePredictor::StagePredictor;
  double stage(std::int64_t resolution, std::size_t stage, std::int64_t input_width,
               const elasticvit::StageChoice& choice) const override;
  double head(std::int64_t resolution, std::int64_t width) const override;
};

}  // namespace pliant::search
