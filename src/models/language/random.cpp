#include "models/language/random.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "core/rng.h"
#include "models/language/weights.h"

namespace pliant {
namespace {

constexpr std::int64_t pool_elements = std::int64_t{1} << 18;

// Encoded values, cut from a list that begins anew at its end.
class Cuts {
 public:
  Cuts(Encoding encoding, std::uint64_t seed) {
    Tensor values({DType::f32, {pool_elements}});
    Rng rng(seed);
    fill_normal(values.view(), rng, 0.02);
    if (encoding != Encoding::plain) bytes_ = encode(values.view(), encoding, "random weights");
    else bytes_.assign(values.raw().begin(), values.raw().end());
    const EncodingTraits& block = traits(encoding);
    const std::int64_t size = encoding == Encoding::plain ? sizeof(float) : block.block_bytes;
    step_ = size * 1021;  // another beginning for each tensor
  }

  std::vector<std::byte> next(std::int64_t size) {
    std::vector<std::byte> result(size);
    std::int64_t from = std::exchange(at_, (at_ + step_) % std::ssize(bytes_));
    for (std::int64_t done = 0; done < size; from = 0) {
      const std::int64_t n = std::min(size - done, std::ssize(bytes_) - from);
      std::memcpy(result.data() + done, bytes_.data() + from, n);
      done += n;
    }
    return result;
  }

 private:
  std::vector<std::byte> bytes_;
  std::int64_t step_ = 0, at_ = 0;
};

Tensor filled(const Shape& shape, float value) {
  Tensor result({DType::f32, shape});
  std::ranges::fill(result.span<float>(), value);
  return result;
}

// Of the normal values that a matrix begins with.
double initial_deviation(const LanguageConfig& config, Part part, const Shape& shape) {
  const auto width = static_cast<double>(config.width);
  switch (part) {
    case Part::output:
    case Part::down: return 1 / std::sqrt(2 * static_cast<double>(config.layers.size()) * width);
    default: return 1 / std::sqrt(static_cast<double>(shape.back()));
  }
}

}  // namespace

LanguageModel random_language_model(const LanguageConfig& config, Encoding encoding,
                                    std::uint64_t seed) {
  check(config, "random model");
  const auto store = std::make_shared<WeightStore>();
  std::map<Encoding, Cuts> cuts;
  for (const WeightSpec& spec : weight_table(config)) {
    if (spec.shape.size() < 2) {
      store->add(spec.name(), filled(spec.shape, 1));
      continue;
    }
    const bool fits = spec.shape.back() % traits(encoding).block_elements == 0;
    const Encoding used = fits ? encoding : Encoding::f16;
    const TensorType type{DType::f32, spec.shape};
    Cuts& from = cuts.try_emplace(used, used, seed).first->second;
    const auto bytes = std::make_shared<const std::vector<std::byte>>(
        from.next(encoded_bytes(type, used, spec.name())));
    store->add(spec.name(), {type, used, *bytes}, bytes);
  }
  return {config, store};
}

LanguageModel initial_language_model(const LanguageConfig& config, std::uint64_t seed) {
  check(config, "model to train");
  const auto store = std::make_shared<WeightStore>();
  for (const WeightSpec& spec : weight_table(config)) {
    const std::string name = spec.name();
    if (spec.shape.size() < 2) {
      const bool zero = name.ends_with("bias") || config.norm_plus_one;
      store->add(name, filled(spec.shape, zero ? 0 : 1));
      continue;
    }
    Tensor values({DType::f32, spec.shape});
    Rng rng(seed, hash64(name));
    fill_normal(values.view(), rng, initial_deviation(config, spec.part, spec.shape));
    store->add(name, std::move(values));
  }
  return {config, store};
}

}  // namespace pliant
