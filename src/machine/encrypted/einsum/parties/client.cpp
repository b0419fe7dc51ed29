#include "machine/encrypted/einsum/parties/client.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>

#include "core/error.h"
#include "machine/encrypted/einsum/backend/watched.h"
#include "machine/encrypted/einsum/parties/operand_file.h"
#include "machine/encrypted/einsum/parties/tensor_file.h"

namespace pliant::einsum {

using Cipher = Backend::Cipher;
using ckks::EnvelopeKind;
using ckks::Reader;
using ckks::Sender;
using ckks::u64;
using ckks::Writer;

namespace {

constexpr std::uint32_t kResults = 1 << 20;

u64 draw_session() {
  ckks::RandomStream stream;
  return stream.bits();
}

void put(Writer& out, const Expectation& expected) {
  const ckks::Expected& plan = expected.plan;
  out.put(static_cast<std::uint32_t>(plan.level));
  out.put(static_cast<std::uint32_t>(plan.slots));
  for (const double field : {plan.scale, plan.noise, plan.magnitude, plan.deviation})
    out.put(field);
}

Expectation get_expectation(Reader& in, double error_bound) {
  Expectation expected{.plan = {}, .error_bound = error_bound};
  ckks::Expected& plan = expected.plan;
  plan.level = static_cast<int>(in.word(60, "level"));
  plan.slots = in.word(1 << 16, "number of slots");
  for (double* field : {&plan.scale, &plan.noise, &plan.magnitude, &plan.deviation})
    *field = in.real("what is expected");
  return expected;
}

// Zeros where a tensor is encrypted, else the bound.
std::vector<Tensor> rehearsed(const Plan& plan) {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    tensors.emplace_back(TensorType{DType::f64, plan.inputs[i].shape});
    std::ranges::fill(tensors.back().span<double>(),
                      plan.inputs[i].secret ? 0 : plan.program.magnitudes[i]);
  }
  return tensors;
}

}  // namespace

SharedKey::~SharedKey() { sodium_memzero(bytes_.data(), bytes_.size()); }
SecretBytes::~SecretBytes() { sodium_memzero(bytes_.data(), bytes_.size()); }

SharedKey SharedKey::of_contributors() const {
  constexpr std::string_view purpose = "pliant contributors";
  ckks::Seed derived;
  crypto_generichash(derived.data(), derived.size(),
                     reinterpret_cast<const unsigned char*>(purpose.data()), purpose.size(),
                     bytes_.data(), bytes_.size());
  const SharedKey result(derived);
  sodium_memzero(derived.data(), derived.size());
  return result;
}

ckks::Authentication SharedKey::authentication(Sender from, u64 session, u64 request,
                                               std::size_t item) const {
  return {std::as_bytes(std::span(bytes_)), from, session, request,
          static_cast<std::uint32_t>(item)};
}

Client::Client(Agreement agreement, const PartyOptions& options)
    : agreement_(std::move(agreement)), plan_(options.planning(agreement_)) {
  agreement_.session = draw_session();
  engine_ = std::make_unique<Engine>(agreement_.params, agreement_.options.slots,
                                     EngineOptions{.rehearsal = true,
                                                   .public_encryption = options.contributors,
                                                   .pool = options.pool,
                                                   .log = options.log});
  rehearse(options);
}

void Client::rehearse(const PartyOptions& options) {
  Watched watched(
      *engine_, options.watch ? options.watch : [] {});
  watched.make_keys(keys(plan_.program));
  const std::vector<Tensor> tensors = rehearsed(plan_);
  std::vector<TensorView> views;
  for (const Tensor& each : tensors) views.push_back(each.view());
  const std::vector<Cipher> results =
      evaluate(plan_, watched, einsum::encrypt(plan_, watched, views), views);
  error_bound_ = einsum::decrypt(plan_, watched, results).error_bound;
  for (const Cipher& result : results)
    expected_.push_back(
        {.plan = ckks::expected(Engine::look(result)), .error_bound = error_bound_});
  bounds_are_known();
}

// decrypt() need not follow the errors of the plan again.
void Client::bounds_are_known() {
  for (PlannedOutput& output : plan_.outputs) output.gains.emplace();
}

Client::Client(std::span<const std::byte> secret_file, const PartyOptions& options) {
  Reader in(secret_file, EnvelopeKind::client_keys, nullptr, {});
  Agreed agreed = get_agreement(in, options.accept_insecure);
  plan_ = agreed_plan(agreed, options.planning);
  agreement_ = std::move(agreed.agreement);
  ckks::Seed shared;
  in.read(shared, "the shared key");
  shared_ = SharedKey(shared);
  sodium_memzero(shared.data(), shared.size());
  error_bound_ = in.real("the error bound");
  const std::uint32_t results = in.word(kResults, "number of results");
  for (std::uint32_t i = 0; i < results; ++i)
    expected_.push_back(get_expectation(in, error_bound_));
  if (results != plan_.program.outputs.size())
    in.fail(fmt::format("{} results, the plan has {}", results, plan_.program.outputs.size()));
  auto context =
      std::make_shared<ckks::Context>(agreement_.params, ckks::best_kernels(), options.log);
  ckks::SecretKey secret = ckks::parse_secret_key(*context, in.blob("the secret key"));
  in.finish();
  bounds_are_known();
  engine_ = std::make_unique<Engine>(context, agreement_.options.slots,
                                     EngineKeys{.secret = std::move(secret)},
                                     EngineOptions{.pool = options.pool, .log = options.log});
}

SecretBytes Client::secret_file() const {
  Writer out;
  const SecretBytes secret(serialize(engine_->context(), engine_->secret_key()));
  out.reserve(secret.get().size() + (std::size_t{1} << 16) + 64 * expected_.size());
  out.begin(EnvelopeKind::client_keys, {});
  put(out, agreement_, plan_);
  out.put(shared_.bytes());
  out.put(error_bound_);
  out.put(static_cast<std::uint32_t>(expected_.size()));
  for (const Expectation& each : expected_) put(out, each);
  out.put_blob(secret.get());
  return SecretBytes(out.seal({}));
}

SecretBytes Client::server_file() const {
  const auto& keys = engine_->evaluation_keys().all();
  Writer out;
  std::size_t size = std::size_t{1} << 16;
  for (const auto& [galois, key] : keys) size += key.bytes() + 512;
  out.reserve(size);
  out.begin(EnvelopeKind::server_keys, {});
  put(out, agreement_, plan_);
  out.put(shared_.bytes());
  out.put(error_bound_);
  out.put(static_cast<std::uint32_t>(keys.size()));
  for (const auto& [galois, key] : keys) out.put_blob(serialize(key));
  return SecretBytes(out.seal({}));
}

SecretBytes Client::contributor_file() const {
  if (!engine_->public_key())
    throw Error(ErrorKind::usage, "einsum " + plan_.expression,
                "has no public key: its bounds do not allow for the noise of one",
                "make keys for contributors");
  Writer out;
  out.begin(EnvelopeKind::contributor_keys, {});
  put(out, agreement_, plan_);
  out.put(shared_.of_contributors().bytes());
  out.put(error_bound_);
  out.put_blob(serialize(*engine_->public_key()));
  return SecretBytes(out.seal({}));
}

std::vector<std::byte> Client::encrypt(std::size_t operand, const TensorView& tensor) {
  return operand_file(plan_, *engine_, operand, tensor,
                      shared_.authentication(Sender::client, agreement_.session, 0, operand));
}

Decrypted Client::decrypt(std::span<const std::byte> answer,
                          const std::vector<std::span<const std::byte>>& request,
                          const std::optional<ckks::Flooding>& flooding) {
  const std::string place = "answer";
  auto ciphertexts = parse_tensor(
      engine_->context(), answer,
      shared_.authentication(Sender::server, agreement_.session, request_number(request), 0),
      place);
  const auto refuse = [&](const std::string& problem) {
    throw Error(ErrorKind::invalid, place, problem,
                "do not use the result: it does not come from this plan");
  };
  if (ciphertexts.size() != expected_.size())
    refuse(fmt::format("{} ciphertexts, the plan gives {}", ciphertexts.size(), expected_.size()));
  std::vector<Cipher> held;
  for (std::size_t i = 0; i < expected_.size(); ++i) {
    if (!ciphertexts[i]) refuse(fmt::format("ciphertext {} is missing", i));
    Expectation expected = expected_[i];
    expected.flooding = flooding;
    held.push_back(engine_->hold(std::move(*ciphertexts[i]), expected));
  }
  return einsum::decrypt(plan_, *engine_, held);
}

}  // namespace pliant::einsum
