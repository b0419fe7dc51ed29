// Milliseconds as a sum of what a subnet does, each kind of work at its own price, found from
// subnets that were timed.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "search/work.h"

namespace pliant::search {

struct Timed {
  elasticvit::Architecture architecture;
  double milliseconds = 0;
};

struct Prices {
  Amounts milliseconds{};  // per unit of each kind of work; none is negative
};

// Least squares of relative errors. Throws Error{invalid} for a time that is not positive.
Prices fit(const elasticvit::Space& space, std::span<const Timed> timed);

class PricedWork : public StagePredictor {
 public:
  PricedWork(const elasticvit::Space& space, const Prices& prices)  // `space` must outlive it
      : StagePredictor(space), prices_(prices) {}
  double stage(std::int64_t resolution, std::size_t stage, std::int64_t input_width,
               const elasticvit::StageChoice& choice) const override;
  double head(std::int64_t resolution, std::int64_t width) const override;

 private:
  Prices prices_;
};

// mean |predicted - timed| / timed
double mean_error(const Predictor& predictor, std::span<const Timed> timed);

// {"milliseconds_per": {"pointwise": ..., ...}}; other fields are the writer's. Throws
// Error{format}.
Prices prices_from_json(std::string_view text, std::string_view place);
bool has_prices(std::string_view text);  // by content, of a JSON file that may be a table

}  // namespace pliant::search
