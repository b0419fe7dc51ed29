// The same weights laid out as another format wants them: rows permuted, norms shifted, matrices
// transposed and joined.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/language/files/convert.h"
#include "models/language/weights.h"

namespace pliant {

// What the config says about the layout of weights, as `format` has it; the model is the same.
LanguageConfig layout_for(ModelFormat format, LanguageConfig config);

struct OwnedWeight {  // of a model or of a file; f32, in any encoding
  Stored stored;
  std::shared_ptr<const void> owner;
};

// The weight of `model` that `spec` names, laid out as `wanted` has it.
OwnedWeight laid_out(const LanguageModel& model, const LanguageConfig& wanted,
                     const WeightSpec& spec);

OwnedWeight transposed(const OwnedWeight& piece);       // of two axes
OwnedWeight joined(std::span<const OwnedWeight> rows);  // one below the other
OwnedWeight recoded(const OwnedWeight& piece, Encoding encoding, const std::string& name,
                    ThreadPool* pool);
// whether no value changes; 16-bit floats
bool holds_exactly(const OwnedWeight& piece, Encoding encoding);

}  // namespace pliant
