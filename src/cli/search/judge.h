// A trained supernet and what its subnets are worth, for the verbs of search.
#pragma once

#include <memory>
#include <string>

#include "cli/search/subject.h"
#include "search/judging/judging.h"
#include "search/recipe/supernet_file.h"

namespace pliant::cli {

class SupernetJudge {
 public:
  // `path` as load_supernet(), `tables` as SearchSubject.
  SupernetJudge(const std::string& path, const std::string& tables, const Invocation& context);
  const SearchSubject& subject() const { return subject_; }
  const search::Supernet& supernet() const { return supernet_; }
  const data::ImageSet& images() const { return *images_; }
  std::string hash() const;  // of all tensors and the recipe
  std::int64_t held_out_images() const;
  const search::Evaluator& evaluator() const { return evaluator_; }
  search::Judging& judging() const { return *judging_; }
  search::Worth worth(const elasticvit::Architecture& subnet) const {
    return judging_->worth(evaluator_, subnet);
  }

 private:
  search::Supernet supernet_;
  SearchSubject subject_;
  std::unique_ptr<const data::ImageSet> images_;
  std::unique_ptr<search::Judging> judging_;
  search::Evaluator evaluator_;
};

}  // namespace pliant::cli
