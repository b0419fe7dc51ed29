#include "models/language/rotary.h"

namespace pliant {

const std::vector<double>& rotary_factors(const LanguageConfig& config) {
  const bool is_short =
      config.context <= config.rotary_short_context && !config.rotary_short_factors.empty();
  return is_short ? config.rotary_short_factors : config.rotary_factors;
}

}  // namespace pliant
