#include "machine/encrypted/einsum/backend/watched.h"

namespace pliant::einsum {

namespace {

template <typename Each>
void one_by_one(const KeyNeed& need, const Each& each) {
  for (const KeyNeed::Rotation& rotation : need.rotations) each(KeyNeed{{rotation}, -1});
  if (need.relinearization >= 0) each(KeyNeed{{}, need.relinearization});
}

}  // namespace

void Watched::make_keys(const KeyNeed& need) {
  watch_();
  one_by_one(need, [&](const KeyNeed& one) {
    watch_();
    backend_.make_keys(one);
  });
}

void Watched::load_keys(const KeyNeed& need) {
  one_by_one(need, [&](const KeyNeed& one) {
    watch_();
    backend_.load_keys(one);
  });
}

Backend::Plaintext Watched::encode(std::span<const double> values, int level, double bound) {
  watch_();
  return backend_.encode(values, level, bound);
}

Backend::Cipher Watched::encrypt(std::span<const double> values, int level, double bound) {
  watch_();
  return backend_.encrypt(values, level, bound);
}

std::vector<double> Watched::decrypt(const Cipher& a) {
  watch_();
  return backend_.decrypt(a);
}

Backend::Cipher Watched::encrypt_complex(std::span<const std::complex<double>> values, int level,
                                         double bound) {
  watch_();
  return backend_.encrypt_complex(values, level, bound);
}

std::vector<std::complex<double>> Watched::decrypt_complex(const Cipher& a) {
  watch_();
  return backend_.decrypt_complex(a);
}

Backend::Cipher Watched::add(const Cipher& a, const Cipher& b) {
  watch_();
  return backend_.add(a, b);
}

Backend::Cipher Watched::add_plain(const Cipher& a, const Plaintext& b) {
  watch_();
  return backend_.add_plain(a, b);
}

Backend::Cipher Watched::negate(const Cipher& a) {
  watch_();
  return backend_.negate(a);
}

Backend::Cipher Watched::multiply(const Cipher& a, const Cipher& b) {
  watch_();
  return backend_.multiply(a, b);
}

Backend::Cipher Watched::multiply_plain(const Cipher& a, const Plaintext& b) {
  watch_();
  return backend_.multiply_plain(a, b);
}

Backend::Cipher Watched::relinearize(const Cipher& a) {
  watch_();
  return backend_.relinearize(a);
}

Backend::Cipher Watched::rescale(const Cipher& a) {
  watch_();
  return backend_.rescale(a);
}

Backend::Cipher Watched::lower(const Cipher& a, int level) {
  watch_();
  return backend_.lower(a, level);
}

Backend::Cipher Watched::rotate(const Cipher& a, std::int64_t steps) {
  watch_();
  return backend_.rotate(a, steps);
}

Backend::Cipher Watched::relinearize_rescale(const Cipher& a) {
  watch_();
  return backend_.relinearize_rescale(a);
}

std::vector<Backend::Cipher> Watched::rotate_many(const Cipher& a,
                                                  std::span<const std::int64_t> steps) {
  watch_();
  return backend_.rotate_many(a, steps);
}

std::vector<Backend::Cipher> Watched::transform(std::span<const Cipher> of, const Transform& how,
                                                const Values& values, int level, double magnitude) {
  watch_();
  return backend_.transform(of, how, watched(values), level, magnitude);
}

Backend::Ready Watched::prepare(const Transform& how, const Values& values, int level) {
  return backend_.prepare(how, watched(values), level);
}

Backend::Values Watched::watched(const Values& values) const {
  return [&](std::size_t term) {
    watch_();
    return values(term);
  };
}

std::vector<Backend::Cipher> Watched::transform(std::span<const Cipher> of, const Ready& how,
                                                double magnitude) {
  watch_();
  return backend_.transform(of, how, magnitude);
}

}  // namespace pliant::einsum
