// A back end that asks before every operation whether to go on: progress and Ctrl-C.
#pragma once

#include <functional>

#include "machine/encrypted/einsum/backend/backend.h"

namespace pliant::einsum {

class Watched : public Backend {
 public:
  // `watch` may throw; then the operation is not begun. `backend` must outlive it.
  Watched(Backend& backend, std::function<void()> watch)
      : backend_(backend), watch_(std::move(watch)) {
    backend_.watch(watch_);
  }
  ~Watched() override { backend_.watch({}); }

  std::string name() const override { return backend_.name(); }
  std::int64_t slots() const override { return backend_.slots(); }
  int levels() const override { return backend_.levels(); }
  double error(const Cipher& a) const override { return backend_.error(a); }
  double deviation(const Disturbance& of) const override { return backend_.deviation(of); }
  double fixed(const Cipher& a, const Disturbance& of) const override {
    return backend_.fixed(a, of);
  }
  std::int64_t most_errors() const override { return backend_.most_errors(); }
  void tighten(const Cipher& a, double magnitude) override { backend_.tighten(a, magnitude); }

  void make_keys(const KeyNeed& need) override;  // one at a time
  void load_keys(const KeyNeed& need) override;  // likewise
  void free_keys(const KeyNeed& need) override { backend_.free_keys(need); }
  Plaintext encode(std::span<const double> values, int level, double bound) override;
  Cipher encrypt(std::span<const double> values, int level, double bound) override;
  std::vector<double> decrypt(const Cipher& a) override;
  Cipher encrypt_complex(std::span<const std::complex<double>> values, int level,
                         double bound) override;
  std::vector<std::complex<double>> decrypt_complex(const Cipher& a) override;
  Cipher add(const Cipher& a, const Cipher& b) override;
  Cipher add_plain(const Cipher& a, const Plaintext& b) override;
  Cipher negate(const Cipher& a) override;
  Cipher multiply(const Cipher& a, const Cipher& b) override;
  Cipher multiply_plain(const Cipher& a, const Plaintext& b) override;
  Cipher relinearize(const Cipher& a) override;
  Cipher rescale(const Cipher& a) override;
  Cipher lower(const Cipher& a, int level) override;
  Cipher rotate(const Cipher& a, std::int64_t steps) override;
  Cipher relinearize_rescale(const Cipher& a) override;
  std::vector<Cipher> rotate_many(const Cipher& a, std::span<const std::int64_t> steps) override;
  std::vector<Cipher> transform(std::span<const Cipher> of, const Transform& how,
                                const Values& values, int level, double magnitude) override;
  Ready prepare(const Transform& how, const Values& values, int level) override;
  std::vector<Cipher> transform(std::span<const Cipher> of, const Ready& how,
                                double magnitude) override;

 private:
  Values watched(const Values& values) const;
  Backend& backend_;
  std::function<void()> watch_;
};

}  // namespace pliant::einsum
