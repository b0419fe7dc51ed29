#include "machine/encrypted/einsum/parties/server.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <map>
#include <memory>

#include "core/error.h"
#include "machine/encrypted/einsum/backend/watched.h"
#include "machine/encrypted/einsum/parties/tensor_file.h"

namespace pliant::einsum {

using Cipher = Backend::Cipher;
using ckks::Sender;

namespace {

// Level, scale and slots as the plan has them.
void require_planned(const ckks::Context& context, const Plan& plan, const ckks::Ciphertext& c,
                     int level, const std::string& place) {
  const auto refuse = [&](const std::string& problem) {
    throw Error(ErrorKind::invalid, place, problem, "encrypt it with the keys of this plan");
  };
  if (c.size != 2 || c.level != level)
    refuse(fmt::format("a ciphertext of {} parts at level {}, planned for two at level {}", c.size,
                       c.level, level));
  if (c.scale != context.scale(level))
    refuse(fmt::format("a ciphertext of scale {}, planned for {}", c.scale, context.scale(level)));
  if (std::cmp_not_equal(c.slots, plan.program.slots))
    refuse(fmt::format("a ciphertext of {} slots, planned for {}", c.slots, plan.program.slots));
}

// Keys that are left where they are.
class KeysInFile : public KeySource {
 public:
  explicit KeysInFile(const ckks::Context& context) : context_(context) {}

  void add(std::span<const std::byte> file) {
    const ckks::SwitchKeyName name = ckks::switch_key_name(context_, file);
    Place& place = places_.try_emplace(name.galois, Place{-1, {}}).first->second;
    if (place.level < name.level) place = {name.level, file};
  }
  int level(std::uint32_t galois) const override {
    const auto at = places_.find(galois);
    return at == places_.end() ? -1 : at->second.level;
  }
  ckks::SwitchKey load(std::uint32_t galois) const override {
    return ckks::parse_switch_key(context_, places_.at(galois).file);
  }

 private:
  struct Place {
    int level;
    std::span<const std::byte> file;
  };
  const ckks::Context& context_;  // the engine's
  std::map<std::uint32_t, Place> places_;
};

}  // namespace

Server::Server(std::span<const std::byte> server_file, const PartyOptions& options)
    : watch_(options.watch ? options.watch : [] {}) {
  ckks::Reader in(server_file, ckks::EnvelopeKind::server_keys, nullptr, {});
  Agreed agreed = get_agreement(in, options.accept_insecure);
  plan_ = agreed_plan(agreed, options.planning);
  agreement_ = std::move(agreed.agreement);
  ckks::Seed shared;
  in.read(shared, "the shared key");
  shared_ = SharedKey(shared);
  sodium_memzero(shared.data(), shared.size());
  auto context =
      std::make_shared<ckks::Context>(agreement_.params, ckks::best_kernels(), options.log);
  EngineKeys keys;
  error_bound_ = in.real("the error bound");
  const std::uint32_t count = in.word(1 << 18, "number of keys");
  auto stay = std::make_shared<KeysInFile>(*context);
  for (std::uint32_t i = 0; i < count; ++i) {
    watch_();
    const std::span<const std::byte> key = in.blob("a key");
    if (options.keys_stay_in_file) stay->add(key);
    else keys.evaluation.add(ckks::parse_switch_key(*context, key));
  }
  in.finish();
  if (options.keys_stay_in_file) keys.source = std::move(stay);
  engine_ = std::make_unique<Engine>(context, agreement_.options.slots, std::move(keys),
                                     EngineOptions{.pool = options.pool, .log = options.log});
  engine_->make_keys(einsum::keys(plan_.program));  // has them all, or says which is missing
}

std::vector<std::optional<ckks::Ciphertext>> Server::read(std::size_t operand,
                                                          std::span<const std::byte> file) const {
  const bool contributed = ckks::claimed_kind(file) == ckks::EnvelopeKind::contribution;
  const SharedKey key = contributed ? shared_.of_contributors() : shared_;
  return parse_tensor(engine_->context(), file,
                      key.authentication(contributed ? Sender::contributor : Sender::client,
                                         agreement_.session, 0, operand),
                      fmt::format("operand {}", operand));
}

std::vector<std::byte> Server::evaluate(const std::vector<Input>& inputs) {
  if (inputs.size() != plan_.inputs.size())
    throw Error(ErrorKind::invalid, "einsum " + plan_.expression,
                fmt::format("{} operands, planned for {}", inputs.size(), plan_.inputs.size()));
  std::vector<std::vector<Cipher>> ciphers(inputs.size());
  std::vector<TensorView> views;
  std::vector<std::span<const std::byte>> request;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    views.push_back(inputs[i].clear);
    if (!plan_.inputs[i].secret) continue;
    request.push_back(inputs[i].encrypted);
    for (auto& each : read(i, inputs[i].encrypted))
      ciphers[i].push_back(each ? engine_->hold(std::move(*each)) : nullptr);
  }
  for (const ProgramStep& step : plan_.program.steps)
    if (const auto* input = std::get_if<einsum::Input>(&step.action)) {
      const auto& of = ciphers[input->tensor];
      if (std::cmp_less(input->index, of.size()) && of[input->index])
        require_planned(engine_->context(), plan_, Engine::look(of[input->index]),
                        plan_.program.values[step.out[0]].level,
                        fmt::format("operand {}", input->tensor));
    }
  Watched watched(*engine_, watch_);
  const std::vector<Cipher> outputs = einsum::evaluate(plan_, watched, ciphers, views);
  std::vector<const ckks::Ciphertext*> ciphertexts;
  for (const Cipher& each : outputs) ciphertexts.push_back(&Engine::look(each));
  return serialize_tensor(
      engine_->context(), ciphertexts,
      shared_.authentication(Sender::server, agreement_.session, request_number(request), 0));
}

}  // namespace pliant::einsum
