// Which parameters of a language model are updated how.
#pragma once

#include <vector>

#include "machine/torch/learner.h"
#include "models/language/language.h"
#include "train/recipe/recipe.h"

namespace pliant::train {

// Matrices and tables decay, norms and biases do not. With Muon the matrices of the layers are made
// orthogonal, those of queries and keys head by head, the others (tables, head, norms, biases) go
// by AdamW.
std::vector<aten::Group> groups_of(const LanguageConfig& config, const OptimizerRecipe& recipe);

}  // namespace pliant::train
