// The small parameters that the CKKS fuzz targets read under.
#pragma once

#include "machine/encrypted/ckks/context/context.h"

namespace pliant::ckks {

inline const Context& small_context() {
  static const Context small([] {
    Params params;
    params.log_n = 4;
    params.levels = 2;
    params.insecure_for_tests = true;
    return params;
  }());
  return small;
}

}  // namespace pliant::ckks
