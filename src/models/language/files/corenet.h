// OpenELM checkpoints of CoreNet: the tensors of a PyTorch file, without a config.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "models/language/language.h"

namespace pliant {

struct ConfigText {  // a config.json
  std::string text, place;
};

// Sizes follow from the tensors, the rest is as in the released models (context 2048, rotary base
// 10000, SiLU), unless there is a config; of that, rows of the embedding beyond its vocabulary are
// padding and dropped. Weights stay as the file writes them. Throws as read_torch(); Error{format}
// for a file with no model or several, Error{not_found} for a missing tensor, Error{invalid} for
// tensors that contradict each other or the config, Error{unsupported} for a tensor that OpenELM
// has none of, for heads whose width only a config could tell, and for the config of another
// family.
LanguageModel corenet_model(std::span<const std::byte> file,
                            const std::shared_ptr<const void>& owner, std::string_view place,
                            const std::optional<ConfigText>& config = {});

}  // namespace pliant
