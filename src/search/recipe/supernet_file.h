// A trained supernet as a file: safetensors under the published names, its recipe in the metadata.
#pragma once

#include <memory>
#include <string>

#include "quant/store.h"
#include "search/recipe/recipe.h"

namespace pliant::search {

struct Supernet {
  SupernetRecipe recipe;
  std::shared_ptr<const WeightStore> weights;  // all of supernet_tensors()
};

inline constexpr const char* supernet_file_name = "supernet.safetensors";  // in a run's folder

void write_supernet(const std::string& path, const SupernetRecipe& recipe,
                    const WeightStore& weights);
// A file, or the folder of a run that has one. Throws Error{not_found} for neither, Error{format}
// for what is no supernet, Error{invalid} naming a tensor that is missing or of another shape.
Supernet load_supernet(const std::string& path);

}  // namespace pliant::search
