// The shapes that training is measured with.
#pragma once

#include <cstdint>
#include <string>

#include "models/language/openelm.h"

namespace pliant::bench {

inline constexpr std::int64_t sequence = 256, batch = 8, rows = sequence * batch;

struct Subject {
  std::string name;
  LanguageConfig config;
};

// OpenELM's shape in eight layers: 1.2 M parameters over bytes.
inline constexpr openelm::BlockSizes s0{128, 16, 4, 32};
inline constexpr openelm::BlockSizes s1{256, 32, 4, 32};

inline LanguageConfig scaled(std::int64_t vocabulary, const openelm::BlockSizes& sizes) {
  LanguageConfig config = openelm::config(openelm::Size::m270);
  config.vocabulary = vocabulary;
  config.width = sizes.width;
  config.head_width = sizes.head_width;
  config.layers =
      openelm::layers(sizes, openelm::multipliers(0.5, 1, 8), openelm::multipliers(0.5, 4, 8));
  return config;
}

double cpu_seconds();  // of this process

}  // namespace pliant::bench
