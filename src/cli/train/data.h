// The data of a training run, before it begins.
#pragma once

#include <string>

#include "command/verb.h"
#include "text/tokenizer.h"
#include "train/recipe/recipe.h"

namespace pliant::cli {

// Raw text of the recipe is packed into `folder`/packed/ by `pliant data pack`, unless it was
// before, and its sources then name the shards. Throws Error{invalid} for shards of another
// tokenizer; Error{usage} where text must be packed and `dry_run` keeps nothing, or several
// processes would; Error{invalid} where packing fails, Error{cancelled} where it was ended.
void prepare_data(train::DataRecipe& data, const Tokenizer& tokenizer, const std::string& folder,
                  bool dry_run, const Invocation& context);

}  // namespace pliant::cli
