#include "search/judging/judging.h"

#include <algorithm>

#include "core/error.h"

namespace pliant::search {
namespace {

data::ImageBatchOptions whole_batches(const SupernetRecipe& recipe, const data::ImageSet& images) {
  if (images.size() == 0)
    throw Error(ErrorKind::invalid, "images.held_out", "leaves nothing to judge by",
                "hold out more, or take more images");
  data::ImageBatchOptions options = batch_options(recipe);
  options.batch = std::min(options.batch, images.size());
  return options;
}

std::int64_t batches_of(const SupernetRecipe& recipe, const data::ImageBatches& judged,
                        std::int64_t batch) {
  if (recipe.judge.images == 0) return judged.per_epoch();
  return std::min(judged.per_epoch(), (recipe.judge.images + batch - 1) / batch);
}

}  // namespace

Judging::Judging(const SupernetRecipe& recipe, const data::ImageSet& whole)
    : to_learn_(whole, data::ImagePart::training, recipe.images.held_out, recipe.seed),
      kept_(whole, data::ImagePart::held_out, recipe.images.held_out, recipe.seed),
      learned_(to_learn_, batch_options(recipe)),
      judged_(kept_, whole_batches(recipe, kept_)),
      estimating_(learned_, recipe.judge.batches),
      held_out_(judged_, batches_of(recipe, judged_, whole_batches(recipe, kept_).batch)) {}

Worth Judging::worth(const Evaluator& evaluator, const elasticvit::Architecture& subnet) {
  return evaluator.worth(subnet, evaluator.estimate(subnet, estimating_), held_out_);
}

}  // namespace pliant::search
