// Copies of weights that the programs of one machine make, held once: what was decoded, and what
// folding computed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "quant/store.h"

namespace pliant::native {

struct PlainWeight {
  const std::byte* data = nullptr;  // aligned to an element
  // what keeps them alive, unless they are the weight's own bytes
  std::shared_ptr<const Tensor> copy;
};

// Thread-safe. Holds nothing alive: the programs do.
class SharedWeights {
 public:
  // The plain elements of a weight: its own bytes where they are so, or a copy; that of an earlier
  // program if it lives.
  PlainWeight plain(const Stored& stored);
  // `folded` with every weight that is not of `original` replaced by an equal one that an earlier
  // program holds.
  WeightStore join(const WeightStore& folded, const WeightStore& original);
  // What `make` makes of weights at these bytes for a kernel's `layout`; the copy of an earlier
  // program if it lives.
  std::shared_ptr<const Tensor> packed(const std::byte* weights, const std::string& layout,
                                       const std::function<Tensor()>& make);
  std::int64_t bytes() const;  // of the copies that live

 private:
  std::shared_ptr<const Tensor> decoded(const Stored& stored);

  struct Folded {
    Stored stored;
    std::weak_ptr<const void> owner;
  };
  struct Decoded {
    TensorType type;
    Encoding encoding;
    std::weak_ptr<const Tensor> copy;
  };

  struct Packed {
    std::string layout;
    std::weak_ptr<const Tensor> copy;
  };

  mutable std::mutex mutex_;
  // by the encoded bytes, which a living copy's program keeps
  std::multimap<const std::byte*, Decoded> decoded_;
  std::multimap<const std::byte*, Packed> packed_;  // likewise
  std::multimap<std::string, Folded> folded_;       // by name
};

}  // namespace pliant::native
