// Beginnings of texts that a session has computed and keeps when their sequences are closed or
// rewound, within a number of bytes: the one not used for longest goes first.
#pragma once

#include <vector>

#include "machine/native/kv/cache.h"
#include "text/tokenizer.h"

namespace pliant::lm {

using kv::SeqId;

inline constexpr std::int64_t most_beginnings = 64;

// What two texts have in common.
std::int64_t common(std::span<const TokenId> a, std::span<const TokenId> b);
// Whether what one computed can be the other's: without Editors, the same window.
bool alike(const kv::Policy& a, const kv::Policy& b);

class Beginnings {
 public:
  explicit Beginnings(kv::Cache& cache) : cache_(&cache) {}

  // Keeps the sequence's first tokens, `tokens`, or as many as have room, unless another beginning
  // holds them.
  void keep(SeqId sequence, std::span<const TokenId> tokens);
  struct Match {
    std::size_t index = 0;  // valid until the next keep()
    std::int64_t length = 0;
  };
  Match longest(std::span<const TokenId> tokens, const kv::Policy& policy) const;
  void adopt(SeqId sequence, const Match& match);

 private:
  struct Beginning {
    kv::KeptId id{};
    kv::Policy policy;
    std::vector<TokenId> tokens;
    std::uint64_t used = 0;
  };
  bool known(std::span<const TokenId> tokens, const kv::Policy& policy);
  void forget(std::size_t index);

  kv::Cache* cache_;
  std::vector<Beginning> all_;
  std::uint64_t clock_ = 0;
};

}  // namespace pliant::lm
