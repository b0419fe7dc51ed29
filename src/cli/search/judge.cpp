#include "cli/search/judge.h"

#include <fmt/format.h>

#include "core/rng.h"
#include "machine/native/native.h"

namespace pliant::cli {

SupernetJudge::SupernetJudge(const std::string& path, const std::string& tables,
                             const Invocation& context)
    : supernet_(search::load_supernet(path)),
      subject_(supernet_.recipe.space, tables, context),
      images_(image_set(supernet_.recipe)),
      judging_(std::make_unique<search::Judging>(supernet_.recipe, *images_)),
      evaluator_(
          subject_.space(), supernet_.weights,
          [&pool = context.pool()] { return std::make_unique<native::Machine>(pool); },
          context.pool()) {}

std::string SupernetJudge::hash() const {
  std::uint64_t hash = hash64(to_json(supernet_.recipe));
  supernet_.weights->for_each([&](const std::string& name, const Stored& stored) {
    hash = hash64(name, hash);
    hash = hash64({reinterpret_cast<const char*>(stored.bytes.data()), stored.bytes.size()}, hash);
  });
  return fmt::format("{:016x}", hash);
}

std::int64_t SupernetJudge::held_out_images() const {
  search::Pictures& pictures = judging_->held_out();
  return pictures.count() * pictures.at(0).images.type().shape[0];
}

}  // namespace pliant::cli
