// What the subnets of a recipe are judged by: its training images for statistics, its held-out ones
// for the answer.
#pragma once

#include <memory>

#include "data/images/portion.h"
#include "search/evaluate/evaluator.h"
#include "search/recipe/recipe.h"

namespace pliant::search {

class Judging {
 public:
  // `whole`: image_set(recipe); must outlive this. Throws Error{invalid} where nothing is held out
  // or learned from.
  Judging(const SupernetRecipe& recipe, const data::ImageSet& whole);
  Pictures& estimating() { return estimating_; }
  Pictures& held_out() { return held_out_; }
  Worth worth(const Evaluator& evaluator, const elasticvit::Architecture& subnet);

 private:
  data::Portion to_learn_, kept_;
  data::ImageBatches learned_, judged_;
  Pictures estimating_, held_out_;
};

}  // namespace pliant::search
