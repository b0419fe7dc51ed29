// What becomes of entries that are not kept: the nearest one that is stands for them too.
#pragma once

#include <span>

#include "machine/native/kv/choice/entry.h"

namespace pliant::kv {

// What a mean is weighted by. anchor: nothing; the entry that is kept stays as it is. equal: the
// tokens that each entry stands for. mass: the attention that each was given.
enum class MeanBy { anchor, equal, mass };
// What is added to the score of an entry that stands for others. count: log of the tokens (ToMe,
// 2210.09461). mass: log of how much more attention they all were given than the entry itself.
enum class BiasBy { none, count, mass };

struct MergeRule {
  MeanBy keys = MeanBy::anchor, values = MeanBy::mass;
  BiasBy bias = BiasBy::mass;
};

// Every entry that is not kept goes into the one that is kept and nearest by position, the earlier
// one of two, among those of the same segment (their tags are equal); into none if there is none.
// `masses`: one for each entry, not negative.
void merge_nearest(std::span<const Entry> entries, std::span<const float> masses,
                   const MergeRule& rule, std::span<Fate> fates);

}  // namespace pliant::kv
