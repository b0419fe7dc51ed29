#include "machine/encrypted/einsum/engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <map>
#include <set>

#include "core/error.h"

namespace pliant::einsum {
namespace {

using Cipher = Backend::Cipher;

// The largest fixed part of every kind of error that is in a ciphertext.
using Fixed = std::map<Disturbance, double>;

struct Held : Backend::Object {
  ckks::Ciphertext ciphertext;
  Fixed fixed = {};
  std::optional<Expectation> expected = {};
  double flood = 0;  // what flooding added to the error when it was decrypted
};
struct Encoded : Backend::Object {
  ckks::Plaintext plaintext;
  std::size_t bytes() const override { return plaintext.poly.bytes(); }
};
struct Mapped : Backend::Object {
  Mapped(ckks::LinearMap of, std::shared_ptr<std::atomic<std::size_t>> held)
      : map(std::move(of)), expanded(std::move(held)) {
    *expanded += map.expanded_bytes();
  }
  ~Mapped() override { *expanded -= map.expanded_bytes(); }
  ckks::LinearMap map;
  std::shared_ptr<std::atomic<std::size_t>> expanded;  // of the engine
  Fixed fixed = {};                                    // of its diagonals
  std::size_t bytes() const override { return map.bytes(); }
};

template <typename Kind, typename Object>
Kind& own(const std::shared_ptr<Object>& object, const char* verb) {
  auto* result = dynamic_cast<Kind*>(object.get());
  if (result == nullptr)
    throw Error(ErrorKind::invalid, fmt::format("ckks {}", verb), "an object of another back end");
  return *result;
}
const ckks::Ciphertext& held(const Cipher& a, const char* verb) {
  return own<Held>(a, verb).ciphertext;
}

void note(Fixed& fixed, const Disturbance& of, double error) {
  double& most = fixed.try_emplace(of, error).first->second;
  most = std::max(most, error);
}

// A new ciphertext that `fill` writes, with the errors of those it is made of.
template <typename Fill>
std::shared_ptr<Held> made(std::initializer_list<const Cipher*> of, const Fill& fill) {
  auto result = std::make_shared<Held>();
  fill(result->ciphertext);
  for (const Cipher* each : of)
    for (const auto& [kind, error] : own<Held>(*each, "errors").fixed)
      note(result->fixed, kind, error);
  return result;
}

bool has_key(const ckks::KeySet& keys, std::uint32_t galois, int level) {
  const auto [first, last] = keys.all().equal_range(galois);
  return std::any_of(first, last, [level](const auto& key) { return key.second.level >= level; });
}

void require_usable(const ckks::Context& context, const ckks::KeySet& keys) {
  for (const auto& [galois, key] : keys.all()) ckks::require(context, key, "keys");
}

}  // namespace

ckks::Params choose_parameters(const Plan& plan, int scale_bits, int first_bits, int security) {
  ckks::Params params{.levels = plan.levels(),
                      .scale_bits = scale_bits,
                      .first_bits = first_bits,
                      .security = security};
  const int smallest = std::countr_zero(static_cast<std::uint64_t>(plan.program.slots)) + 1;
  for (params.log_n = std::max(smallest, 12); params.log_n <= 17; ++params.log_n)
    for (params.digits = 1; params.digits <= std::min(8, params.levels + 1); ++params.digits)
      if (ckks::modulus_bits(params) <= ckks::max_modulus_bits(params.log_n, security))
        return params;
  throw Error(ErrorKind::unsupported, "einsum " + plan.expression,
              fmt::format("{} levels of {} bits: no ring up to 2^17 is {} bits secure",
                          params.levels, scale_bits, security),
              "split the computation; there is no bootstrapping");
}

std::size_t key_bytes(const ckks::Context& context, const KeyNeed& need) {
  std::size_t sum = need.relinearization < 0 ? 0 : ckks::key_bytes(context, need.relinearization);
  for (const KeyNeed::Rotation& rotation : need.rotations)
    sum += ckks::key_bytes(context, rotation.level);
  return sum;
}

std::size_t resident_key_bytes(const ckks::Context& context, const Program& program) {
  std::size_t now = 0, most = 0;
  for (const KeyTurnover& turnover : key_turnovers(program)) {
    now += key_bytes(context, turnover.first);
    most = std::max(most, now);
    now -= key_bytes(context, turnover.last);
  }
  return most;
}

std::size_t plaintext_bytes(const ckks::Context& context, const Program& program) {
  const std::size_t limb = context.n() * sizeof(ckks::u64);
  std::size_t most = 0;
  for (const ProgramStep& step : program.steps) {
    if (const auto* transform = std::get_if<Transform>(&step.action)) {
      std::set<PlainId> differ;
      for (const Transform::Term& term : transform->terms) differ.insert(term.plain);
      most = std::max(most, differ.size() * limb);
    } else if (std::holds_alternative<MultiplyPlain>(step.action) ||
               std::holds_alternative<AddPlain>(step.action)) {
      const int level = program.values[operands(step.action)[0]].level;
      most = std::max(most, (static_cast<std::size_t>(level) + 1) * limb);
    }
  }
  return most;
}

Engine::Engine(const ckks::Params& params, std::int64_t slots, const EngineOptions& options)
    : Engine(std::make_shared<ckks::Context>(params, ckks::best_kernels(), options.log), slots,
             EngineKeys{}, options) {
  secret_.emplace(generator_.secret_key());
  if (options.public_encryption) public_.emplace(generator_.public_key(*secret_));
  use_keys(options);
}

Engine::Engine(std::shared_ptr<const ckks::Context> context, std::int64_t slots, EngineKeys keys,
               const EngineOptions& options)
    : owned_(std::move(context)),
      context_(*owned_),
      slots_(slots),
      generator_(options.seed_of_test ? ckks::KeyGenerator(context_, *options.seed_of_test)
                                      : ckks::KeyGenerator(context_)),
      secret_(std::move(keys.secret)),
      public_(std::move(keys.encryption)),
      keys_(std::move(keys.evaluation)),
      source_(std::move(keys.source)),
      keys_on_use_(options.keys_on_use),
      encoder_(context_,
               options.rehearsal ? ckks::RoundingClaim::largest : ckks::RoundingClaim::measured),
      evaluator_(context_, options.pool),
      room_(options.expanded_bytes) {
  if (slots_ < 1 || !std::has_single_bit(static_cast<std::uint64_t>(slots_)) ||
      std::cmp_greater(slots_, context_.slots()))
    throw Error(ErrorKind::usage, "ckks",
                fmt::format("{} slots: not a power of two up to the {} of the ring", slots_,
                            context_.slots()));
  require_usable(context_, keys_);
  most_key_bytes_ = key_bytes();
  use_keys(options);
}

void Engine::use_keys(const EngineOptions& options) {
  const auto encrypt_with = [&](const auto& key) {
    if (options.seed_of_test) encryptor_.emplace(context_, key, *options.seed_of_test);
    else encryptor_.emplace(context_, key);
  };
  if (public_) encrypt_with(*public_);
  else if (secret_) encrypt_with(*secret_);
  if (secret_) decryptor_.emplace(context_, *secret_);
}

const ckks::SecretKey& Engine::secret_key() const {
  if (!secret_)
    throw Error(ErrorKind::not_found, "ckks",
                "whoever evaluates has no secret key, and can neither encrypt nor decrypt",
                "let the client do it");
  return *secret_;
}

std::string Engine::name() const { return "ckks (" + describe(context_.params()) + ")"; }

namespace {

// visit(automorphism, steps, level) for each key.
template <typename Visit>
void each_key(const ckks::Context& context, const KeyNeed& need, const Visit& visit) {
  if (need.relinearization >= 0) visit(std::uint32_t{0}, std::int64_t{0}, need.relinearization);
  for (const KeyNeed::Rotation& rotation : need.rotations)
    visit(context.galois(static_cast<int>(rotation.steps)), rotation.steps, rotation.level);
}

}  // namespace

ckks::SwitchKey Engine::made_key(std::uint32_t galois, std::int64_t steps, int level) {
  return galois == 0 ? generator_.relinearization_key(secret_key(), level)
                     : generator_.rotation_key(secret_key(), static_cast<int>(steps), level);
}

void Engine::add_key(ckks::SwitchKey key) {
  keys_.add(std::move(key));
  most_key_bytes_ = std::max(most_key_bytes_, key_bytes());
}

void Engine::make_keys(const KeyNeed& need) {
  if (!secret_) return require_keys(need);
  if (keys_on_use_) return;
  each_key(context_, need, [&](std::uint32_t galois, std::int64_t steps, int level) {
    if (!has_key(keys_, galois, level)) add_key(made_key(galois, steps, level));
  });
}

void Engine::require_keys(const KeyNeed& need) const {
  each_key(context_, need, [&](std::uint32_t galois, std::int64_t, int level) {
    if (source_ == nullptr || source_->level(galois) < level) keys_.find(context_, galois, level);
  });
}

void Engine::load_keys(const KeyNeed& need) {
  if (!lends_keys()) return;
  each_key(context_, need, [&](std::uint32_t galois, std::int64_t steps, int level) {
    if (has_key(keys_, galois, level)) return;
    if (source_ == nullptr) add_key(made_key(galois, steps, level));
    else if (source_->level(galois) < level) return;  // whatever wants it says so
    else add_key(source_->load(galois));
    lent_.insert(galois);
  });
}

void Engine::free_keys(const KeyNeed& need) {
  each_key(context_, need, [&](std::uint32_t galois, std::int64_t, int) {
    if (lent_.erase(galois) > 0) keys_.remove(galois);
  });
}

std::size_t Engine::key_bytes() const {
  std::size_t sum = 0;
  for (const auto& [galois, key] : keys_.all()) sum += key.bytes();
  return sum;
}

Backend::Plaintext Engine::encode(std::span<const double> values, int level, double bound) {
  auto result = std::make_shared<Encoded>();
  encoder_.encode(values, {.level = level, .bound = bound}, result->plaintext);
  return result;
}

template <typename Slots>
Cipher Engine::encrypted(const Slots& values, int level, double bound) {
  if (!encryptor_) secret_key();
  auto result = made({}, [&](ckks::Ciphertext& out) {
    out = encryptor_->encrypt(encoder_, values, {.level = level, .bound = bound});
  });
  const ckks::Ciphertext& out = result->ciphertext;
  note(result->fixed, {Disturbance::Kind::encryption, out.level}, out.random.bias() / out.scale);
  return result;
}

Cipher Engine::encrypt(std::span<const double> values, int level, double bound) {
  return encrypted(values, level, bound);
}
Cipher Engine::encrypt_complex(std::span<const std::complex<double>> values, int level,
                               double bound) {
  return encrypted(values, level, bound);
}

ckks::Plaintext Engine::decrypted(const Cipher& a) {
  secret_key();
  Held& of = own<Held>(a, "decrypt");
  ckks::Plaintext plaintext;
  if (!of.expected) plaintext = decryptor_->decrypt(of.ciphertext);
  else if (!of.expected->flooding)
    plaintext = decryptor_->decrypt(of.ciphertext, of.expected->plan);
  else plaintext = decryptor_->decrypt(of.ciphertext, of.expected->plan, *of.expected->flooding);
  if (of.expected) of.flood = (plaintext.noise - of.expected->plan.noise) / plaintext.scale;
  return plaintext;
}

std::vector<double> Engine::decrypt(const Cipher& a) {
  std::vector<double> slots = encoder_.decode_real(decrypted(a));
  slots.resize(slots_);
  return slots;
}
std::vector<std::complex<double>> Engine::decrypt_complex(const Cipher& a) {
  std::vector<std::complex<double>> slots = encoder_.decode(decrypted(a));
  slots.resize(slots_);
  return slots;
}

double Engine::error(const Cipher& a) const {
  const Held& of = own<Held>(a, "error");
  return of.expected ? of.expected->error_bound + of.flood : of.ciphertext.error_bound();
}

Cipher Engine::hold(ckks::Ciphertext ciphertext, std::optional<Expectation> expected) const {
  ckks::require(context_, ciphertext, "hold");
  auto result = std::make_shared<Held>();
  result->ciphertext = std::move(ciphertext);
  result->expected = expected;
  return result;
}

const ckks::Ciphertext& Engine::look(const Cipher& a) { return held(a, "look"); }

double Engine::fixed(const Cipher& a, const Disturbance& of) const {
  using Kind = Disturbance::Kind;
  if (of.kind == Kind::switching || of.kind == Kind::division) return 0;
  if (of.kind == Kind::scale) {  // Evaluator::rescale and adjust
    double highest = 0;
    for (int level = 0; level <= levels(); ++level)
      highest = std::max(highest, context_.scale(level));
    const double constant = context_.scale(of.level) * context_.q(of.level + 1).mod.q / highest;
    return 0x1p-40 + 0.5 / constant;
  }
  const Fixed& fixed = own<Held>(a, "errors").fixed;
  const auto found = fixed.find(of);
  return found == fixed.end() ? std::numeric_limits<double>::infinity() : found->second;
}

// docs/encrypted.md, the last column of the table of noise.
double Engine::deviation(const Disturbance& of) const {
  const double scale = context_.scale(of.level);
  switch (of.kind) {
    case Disturbance::Kind::encryption:
      return std::hypot(context_.encryption_deviation(public_.has_value()),
                        context_.deviation_of(0.5)) /
             scale;
    case Disturbance::Kind::switching:
      return std::hypot(context_.switch_deviation(of.level) / context_.p_size(),
                        context_.division_deviation()) /
             std::pow(scale, of.factors);
    case Disturbance::Kind::division: return context_.division_deviation(of.parts) / scale;
    default: return 0;
  }
}

Cipher Engine::add(const Cipher& a, const Cipher& b) {
  return made({&a, &b}, [&](auto& out) { evaluator_.add(held(a, "add"), held(b, "add"), out); });
}
Cipher Engine::add_plain(const Cipher& a, const Plaintext& b) {
  const ckks::Plaintext& by = own<const Encoded>(b, "add plain").plaintext;
  auto result = made({&a}, [&](auto& out) { evaluator_.add(held(a, "add plain"), by, out); });
  note(result->fixed, {Disturbance::Kind::encoding, by.level}, by.noise / by.scale);
  return result;
}
Cipher Engine::negate(const Cipher& a) {
  return made({&a}, [&](auto& out) { evaluator_.negate(held(a, "negate"), out); });
}
Cipher Engine::multiply(const Cipher& a, const Cipher& b) {
  const ckks::Ciphertext &left = held(a, "multiply"), &right = held(b, "multiply");
  auto result = made({&a, &b}, [&](auto& out) { evaluator_.multiply(left, right, out); });
  note(result->fixed, {Disturbance::Kind::product, left.level},
       left.error_bound() * right.error_bound());
  return result;
}
Cipher Engine::multiply_plain(const Cipher& a, const Plaintext& b) {
  const ckks::Plaintext& by = own<const Encoded>(b, "multiply plain").plaintext;
  auto result =
      made({&a}, [&](auto& out) { evaluator_.multiply(held(a, "multiply plain"), by, out); });
  note(result->fixed, {Disturbance::Kind::encoding, by.level}, by.noise / by.scale);
  return result;
}
Cipher Engine::relinearize(const Cipher& a) {
  return made({&a}, [&](auto& out) { evaluator_.relinearize(held(a, "relinearize"), keys_, out); });
}
Cipher Engine::relinearize_rescale(const Cipher& a) {
  return made(
      {&a}, [&](auto& out) { evaluator_.relinearize_rescale(held(a, "relinearize"), keys_, out); });
}
Cipher Engine::rescale(const Cipher& a) {
  return made({&a}, [&](auto& out) { evaluator_.rescale(held(a, "rescale"), out); });
}
Cipher Engine::lower(const Cipher& a, int level) {
  return made({&a}, [&](auto& out) { evaluator_.adjust(held(a, "lower"), level, out); });
}
Cipher Engine::rotate(const Cipher& a, std::int64_t steps) {
  return made({&a}, [&](auto& out) {
    evaluator_.rotate(held(a, "rotate"), static_cast<int>(modulo(steps, slots_)), keys_, out);
  });
}

std::vector<Cipher> Engine::rotate_many(const Cipher& a, std::span<const std::int64_t> steps) {
  const ckks::Ciphertext& of = held(a, "rotate");
  ckks::Raised raised;
  std::vector<Cipher> result;
  for (const std::int64_t each : steps) {
    const auto by = static_cast<int>(modulo(each, slots_));
    if (by != 0 && raised.digits.empty()) evaluator_.raise(of, raised);
    result.push_back(by == 0 ? a : made({&a}, [&](auto& out) {
      evaluator_.rotate_raised(of, raised, by, keys_, out);
    }));
  }
  return result;
}

Backend::Ready Engine::mapped(const Transform& how, const Values& values, int level,
                              std::size_t room) {
  std::vector<ckks::LinearTerm> terms;
  for (const Transform::Term& term : how.terms)
    terms.push_back(
        {term.result, term.source, term.giant, term.baby, static_cast<int>(term.plain)});
  std::vector<std::complex<double>> diagonal;
  const auto complex = [&](std::size_t i) {
    const std::span<const double> real = values(i);
    diagonal.assign(real.begin(), real.end());
    return std::span<const std::complex<double>>(diagonal);
  };
  const auto result = std::make_shared<Mapped>(
      ckks::LinearMap(context_, encoder_, std::move(terms), complex,
                      {.level = level, .stride = how.stride, .expanded_bytes = room}),
      expanded_);
  for (std::size_t i = 0; i < how.terms.size(); ++i) {
    const ckks::Plaintext& fields = result->map.fields(i);
    note(result->fixed, {Disturbance::Kind::encoding, level}, fields.noise / fields.scale);
  }
  return result;
}

Backend::Ready Engine::prepare(const Transform& how, const Values& values, int level) {
  return mapped(how, values, level, room_ - std::min<std::size_t>(room_, *expanded_));
}

std::vector<Cipher> Engine::transform(std::span<const Cipher> of, const Transform& how,
                                      const Values& values, int level, double magnitude) {
  return transform(of, mapped(how, values, level, 0), magnitude);
}

std::vector<Cipher> Engine::transform(std::span<const Cipher> of, const Ready& how,
                                      double magnitude) {
  const auto& mapped = own<const Mapped>(how, "transform");
  const ckks::LinearMap& map = mapped.map;
  Fixed fixed = mapped.fixed;
  std::vector<const ckks::Ciphertext*> in;
  for (const Cipher& each : of) {
    in.push_back(&held(each, "transform"));
    for (const auto& [kind, error] : own<Held>(each, "errors").fixed) note(fixed, kind, error);
  }
  std::vector<Cipher> results;
  std::vector<ckks::Ciphertext*> out;
  for (std::size_t r = 0; r < map.results(); ++r) {
    auto result = std::make_shared<Held>();
    result->fixed = fixed;
    out.push_back(&result->ciphertext);
    results.push_back(std::move(result));
  }
  map.apply(in, evaluator_, keys_, work_, out, magnitude);
  return results;
}

void Engine::watch(const std::function<void()>& between) { work_.watch = between; }

void Engine::tighten(const Cipher& a, double magnitude) {
  ckks::Ciphertext& ciphertext = own<Held>(a, "tighten").ciphertext;
  ciphertext.magnitude = std::min(ciphertext.magnitude, magnitude);
}

}  // namespace pliant::einsum
