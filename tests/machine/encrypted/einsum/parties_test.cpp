// Client and server: what each holds, and what a server that has the shared key can still not do.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>

#include "errors.h"
#include "machine/encrypted/einsum/parties/contributor.h"
#include "machine/encrypted/einsum/parties/server.h"
#include "machine/encrypted/einsum/parties/tensor_file.h"
#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

using ckks::Ciphertext;
using ckks::Sender;

const std::vector<Shape> kShapes{{16, 8}, {8}};

Agreement agreement(std::size_t secret) {
  Agreement result{.expression = "ik,k->i", .options = {.slots = 512}};
  result.operands = {{kShapes[0], secret > 1}, {kShapes[1]}};
  result.params = {.log_n = 10, .levels = 3, .insecure_for_tests = true};
  return result;
}

void expect_says(const Error& error, ErrorKind kind, const char* part) {
  EXPECT_EQ(error.kind(), kind) << error.what();
  EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
}

// A session with one request and its honest answer, and all that the server knows.
struct Session {
  Client client;
  SecretBytes secret = client.secret_file(), keys = client.server_file();
  Server server{keys.get(), {.accept_insecure = true}};
  std::vector<Tensor> tensors = random_tensors(kShapes, 1);
  std::vector<std::byte> request = client.encrypt(1, tensors[1].view());
  std::vector<std::byte> answer =
      server.evaluate({{.clear = tensors[0].view()}, {.encrypted = request}});
  ckks::Context context{client.agreement().params};
  SharedKey shared = shared_key();

  Session() : client(agreement(1)) {}

  SharedKey shared_key() const {
    ckks::Reader in(keys.get(), ckks::EnvelopeKind::server_keys, nullptr, {});
    get_agreement(in, true);
    ckks::Seed seed;
    in.read(seed, "the shared key");
    return SharedKey(seed);
  }
  std::vector<std::byte> signed_as(Sender from, ckks::u64 request, std::size_t item,
                                   const std::vector<const Ciphertext*>& ciphertexts) const {
    return serialize_tensor(context, ciphertexts,
                            shared.authentication(from, client.agreement().session, request, item));
  }
  // The answer with `change` made to it, authenticated as only the server can.
  template <typename Change>
  std::vector<std::byte> lie(const Change& change) const {
    const auto purpose = shared.authentication(Sender::server, client.agreement().session,
                                               request_number({request}), 0);
    auto honest = parse_tensor(context, answer, purpose, "answer");
    change(*honest[0]);
    return signed_as(Sender::server, request_number({request}), 0, {&*honest[0]});
  }
  Decrypted decrypt(std::span<const std::byte> file) { return client.decrypt(file, {request}); }
};

// What a contributor has, and a server that takes what it encrypts.
struct Contributed {
  Client maker{agreement(2), {.contributors = true}};
  SecretBytes secret = maker.secret_file(), keys = maker.server_file(),
              file = maker.contributor_file();
  Client client{secret.get(), {.accept_insecure = true}};
  Server server{keys.get(), {.accept_insecure = true}};
  Contributor contributor{file.get(), {.accept_insecure = true}};
  std::vector<Tensor> tensors = random_tensors(kShapes, 3);
};

TEST(Parties, ContributorsEncryptWithoutTheSecretKey) {
  Contributed s;
  const auto first = s.client.encrypt(0, s.tensors[0].view());
  const auto second = s.contributor.encrypt(1, s.tensors[1].view());
  EXPECT_GT(second.size(), first.size());  // no half of it is a seed
  ThreadPool pool(1);
  const Tensor wanted = in_the_clear("ik,k->i", views(s.tensors), pool);
  const double without = Client(agreement(2)).error_bound();
  EXPECT_GT(s.client.error_bound(), without);
  EXPECT_EQ(s.contributor.error_bound(), s.client.error_bound());
  for (const auto& both : {std::pair(first, second),
                           std::pair(s.contributor.encrypt(0, s.tensors[0].view()), second)}) {
    const auto answer = s.server.evaluate({{.encrypted = both.first}, {.encrypted = both.second}});
    const Decrypted result = s.client.decrypt(answer, {both.first, both.second});
    EXPECT_EQ(result.error_bound, s.client.error_bound());
    for (std::int64_t i = 0; i < 16; ++i)
      EXPECT_NEAR(get(result.outputs[0].view(), i), get(wanted.view(), i), result.error_bound);
  }
}

TEST(Parties, ContributorsAreNoClientsOrServers) {
  Contributed s;
  const auto own = s.contributor.encrypt(1, s.tensors[1].view());
  const auto first = s.client.encrypt(0, s.tensors[0].view());
  const auto evaluate = [&](std::span<const std::byte> file) {
    return thrown_by([&] { s.server.evaluate({{.encrypted = first}, {.encrypted = file}}); });
  };
  // of another operand; as what it is not
  const char* part = "authentication does not match";
  expect_says(thrown_by([&] {
                s.server.evaluate({{.encrypted = own}, {.encrypted = own}});
              }),
              ErrorKind::format, part);
  ckks::Reader in(s.file.get(), ckks::EnvelopeKind::contributor_keys, nullptr, {});
  get_agreement(in, true);
  ckks::Seed seed;
  in.read(seed, "its key");
  const SharedKey shared(seed);
  const ckks::Context context(s.client.agreement().params);
  const ckks::u64 session = s.client.agreement().session, request = request_number({first, own});
  const auto held =
      parse_tensor(context, own, shared.authentication(Sender::contributor, session, 0, 1), "own");
  const auto signed_as = [&](Sender from, ckks::u64 request, std::size_t item) {
    return serialize_tensor(context, {&*held[0]},
                            shared.authentication(from, session, request, item));
  };
  expect_says(evaluate(signed_as(Sender::client, 0, 1)), ErrorKind::format, part);
  expect_says(thrown_by([&] {
                s.client.decrypt(signed_as(Sender::server, request, 0), {first, own});
              }),
              ErrorKind::format, part);
  expect_says(thrown_by([&] { s.client.decrypt(own, {first, own}); }), ErrorKind::format, part);
  // files of one kind where another belongs
  const PartyOptions options{.accept_insecure = true};
  expect_says(thrown_by([&] { Client(s.file.get(), options); }), ErrorKind::format,
              "holds a contributor's keys");
  expect_says(thrown_by([&] { Server(s.file.get(), options); }), ErrorKind::format,
              "holds a contributor's keys");
  expect_says(thrown_by([&] { Contributor(s.keys.get(), options); }), ErrorKind::format,
              "holds a server's keys");
  expect_says(thrown_by([&] { Client(agreement(1)).contributor_file(); }), ErrorKind::usage,
              "has no public key");
  expect_says(thrown_by([&] { s.contributor.encrypt(2, s.tensors[1].view()); }), ErrorKind::usage,
              "operand 2 is not one of those that are encrypted");
}

TEST(Parties, ComputeTogetherWithinTheClientsBound) {
  for (const std::size_t secret : {1, 2}) {
    Client maker(agreement(secret));
    const SecretBytes secret_file = maker.secret_file(), keys = maker.server_file();
    Client client(secret_file.get(), {.accept_insecure = true});
    Server server(keys.get(), {.accept_insecure = true});
    EXPECT_EQ(server.key_bytes(), maker.key_bytes());
    EXPECT_EQ(digest(server.plan()), digest(client.plan()));
    for (const int kind : {0, 1, 2}) {
      std::vector<Tensor> tensors = random_tensors(kShapes, 7);
      for (const Tensor& tensor : tensors) {  // one-hot, then the bound itself
        const auto values = tensor.span<double>();
        for (std::size_t i = 0; i < values.size() && kind > 0; ++i)
          values[i] = kind == 2 || i == 3 ? 1 : -0.0;
      }
      std::vector<std::vector<std::byte>> files(2);
      std::vector<std::span<const std::byte>> request;
      std::vector<Server::Input> inputs(2);
      for (std::size_t i = 0; i < 2; ++i) {
        inputs[i].clear = tensors[i].view();
        if (!client.plan().inputs[i].secret) continue;
        files[i] = client.encrypt(i, tensors[i].view());
        inputs[i] = {.encrypted = files[i]};
        request.emplace_back(files[i]);
      }
      const Decrypted result = client.decrypt(server.evaluate(inputs), request);
      EXPECT_LE(difference(result.outputs[0], reference("ik,k->i", views(tensors))),
                result.error_bound);
      EXPECT_LT(result.error_bound, 1e-4);
      EXPECT_EQ(result.error_bound, maker.error_bound());
      EXPECT_EQ(result.error_bound, server.error_bound());
    }
  }
}

TEST(Parties, LiesOfTheServerAreRefused) {
  Session s;
  EXPECT_NO_THROW(s.decrypt(s.lie([](Ciphertext&) {})));
  const auto refused = [&](const std::vector<std::byte>& file, const char* part) {
    expect_says(thrown_by([&] { s.decrypt(file); }), ErrorKind::invalid, part);
  };
  refused(s.lie([](Ciphertext& c) { c.scale *= 2; }), "scale");
  refused(s.lie([](Ciphertext& c) { c.noise *= 1e3; }), "noise");
  refused(s.lie([](Ciphertext& c) { c.magnitude *= 1e3; }), "magnitude");
  refused(s.lie([](Ciphertext& c) { c.slots /= 2; }), "slots");
  // Claims of less change nothing: the plan's bounds are stated.
  const double bound = s.decrypt(s.answer).error_bound;
  EXPECT_EQ(s.decrypt(s.lie([](Ciphertext& c) { c.noise = c.magnitude = 0; })).error_bound, bound);
  // the request as its own answer: at another level
  const auto purpose = s.shared.authentication(Sender::client, s.client.agreement().session, 0, 1);
  const auto own = parse_tensor(s.context, s.request, purpose, "request");
  refused(s.signed_as(Sender::server, request_number({s.request}), 0, {&*own[0]}), "level");
  refused(s.signed_as(Sender::server, request_number({s.request}), 0, {nullptr}), "missing");
  refused(s.signed_as(Sender::server, request_number({s.request}), 0, {&*own[0], &*own[0]}),
          "2 ciphertexts");
  // another request, sender, item
  for (const auto& file : {s.signed_as(Sender::server, 1, 0, {&*own[0]}),
                           s.signed_as(Sender::client, request_number({s.request}), 0, {&*own[0]}),
                           s.signed_as(Sender::server, request_number({s.request}), 1, {&*own[0]})})
    expect_says(thrown_by([&] { s.decrypt(file); }), ErrorKind::format, "authentication");
}

TEST(Parties, ServersCheckWhatClientsSend) {
  Session s;
  const auto evaluate = [&](const std::vector<std::byte>& file) {
    return thrown_by([&] {
      s.server.evaluate({{.clear = s.tensors[0].view()}, {.encrypted = file}});
    });
  };
  const auto purpose = s.shared.authentication(Sender::client, s.client.agreement().session, 0, 1);
  auto own = parse_tensor(s.context, s.request, purpose, "request");
  own[0]->scale *= 2;
  expect_says(evaluate(s.signed_as(Sender::client, 0, 1, {&*own[0]})), ErrorKind::invalid, "scale");
  expect_says(evaluate(s.signed_as(Sender::client, 0, 1, {nullptr})), ErrorKind::invalid,
              "ciphertext 0 is missing");
  expect_says(evaluate(s.signed_as(Sender::client, 0, 0, {&*own[0]})), ErrorKind::format,
              "operand 1");
  expect_says(evaluate({}), ErrorKind::format, "operand 1");
  const std::vector<Tensor> large = random_tensors({{16, 8}}, 1);
  large[0].span<double>()[5] = 1.5;
  expect_says(thrown_by([&] {
                s.server.evaluate({{.clear = large[0].view()}, {.encrypted = s.request}});
              }),
              ErrorKind::invalid, "element 5 is 1.5");
  expect_says(thrown_by([&] { s.server.evaluate({{.encrypted = s.request}}); }), ErrorKind::invalid,
              "1 operands");
}

// The same bytes again, one of them other, with a right hash.
std::vector<std::byte> changed(std::span<const std::byte> file, std::size_t at, std::uint8_t by) {
  std::vector<std::byte> result(file.begin(), file.end() - sizeof(ckks::Hash));
  result[at] ^= static_cast<std::byte>(by);
  const ckks::Hash hash = ckks::blake2b(result);
  for (const std::uint8_t each : hash) result.push_back(static_cast<std::byte>(each));
  return result;
}

TEST(Parties, KeyFilesAreChecked) {
  Session s;
  const auto server = [](std::span<const std::byte> file) {
    return thrown_by([&] { Server(file, {.accept_insecure = true}); });
  };
  expect_says(server(s.secret.get()), ErrorKind::format, "holds a client's keys");
  expect_says(thrown_by([&] { Client(s.keys.get(), {.accept_insecure = true}); }),
              ErrorKind::format, "holds a server's keys");
  expect_says(thrown_by([&] { Server(s.keys.get()); }), ErrorKind::unsupported, "insecure");
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, s.keys.get().size() - 1})
    EXPECT_EQ(server(s.keys.get().first(size)).kind(), ErrorKind::format);
  // the expression, and so another plan
  const std::string text = "ik,k->i";
  const auto at =
      std::search(s.keys.get().begin(), s.keys.get().end(), std::as_bytes(std::span(text)).begin(),
                  std::as_bytes(std::span(text)).end());
  ASSERT_NE(at, s.keys.get().end());
  const auto place = static_cast<std::size_t>(at - s.keys.get().begin());
  expect_says(server(changed(s.keys.get(), place + 6, 'i' ^ 'k')), ErrorKind::invalid, "");
  EXPECT_NE(server(changed(s.keys.get(), place + 2, ',' ^ ' ')).kind(), ErrorKind::internal);
  // fewer keys than the plan needs
  ckks::Reader in(s.keys.get(), ckks::EnvelopeKind::server_keys, nullptr, {});
  const Agreed agreed = get_agreement(in, true);
  ckks::Writer out;
  out.begin(ckks::EnvelopeKind::server_keys, {});
  put(out, agreed.agreement, agreed_plan(agreed));
  out.put(s.shared.bytes());
  out.put(s.server.error_bound());
  out.put(std::uint32_t{0});
  expect_says(server(out.seal({})), ErrorKind::not_found, "no key for");
}

// With the version in its header set to `version`, and the right hash.
SecretBytes of_version(std::uint8_t version, std::span<const std::byte> file) {
  std::vector<std::byte> bytes(file.begin(), file.end() - sizeof(ckks::Hash));
  bytes[12] = std::byte{version};
  for (const std::uint8_t byte : ckks::blake2b(bytes)) bytes.push_back(std::byte{byte});
  return SecretBytes(std::move(bytes));
}

// They gained a field once while the version stayed: read as the next one, or as a plan's hash.
TEST(Parties, KeysOfAnOlderVersionAreRefusedAsSuch) {
  Contributed s;
  const PartyOptions options{.accept_insecure = true};
  const auto refused = [&](const auto& open) {
    for (const char* older : {"2", "3"})
      expect_says(
          thrown_by([&] { open(static_cast<std::uint8_t>(*older - '0')); }), ErrorKind::format,
          fmt::format("version {} is not 4: written by an older Pliant (make it anew)", older)
              .c_str());
    expect_says(thrown_by([&] { open(std::uint8_t{5}); }), ErrorKind::format,
                "version 5 is not 4: written by a newer Pliant (use the Pliant that wrote it)");
    open(std::uint8_t{4});
  };
  refused([&](std::uint8_t v) { Client(of_version(v, s.secret.get()).get(), options); });
  refused([&](std::uint8_t v) { Server(of_version(v, s.keys.get()).get(), options); });
  refused([&](std::uint8_t v) { Contributor(of_version(v, s.file.get()).get(), options); });
}

TEST(Parties, ServersMayLeaveKeysInTheFile) {
  Session s;
  Server server(s.keys.get(), {.accept_insecure = true, .keys_stay_in_file = true});
  EXPECT_EQ(server.key_bytes(), 0u);
  for (int again = 0; again < 2; ++again) {
    const auto answer = server.evaluate({{.clear = s.tensors[0].view()}, {.encrypted = s.request}});
    EXPECT_EQ(answer, s.answer);
    EXPECT_EQ(server.key_bytes(), resident_key_bytes(s.context, server.plan().program));
    EXPECT_LT(server.key_bytes(), s.server.key_bytes());
  }
  // a key that has changed, in a file of the right hash, before anything is computed
  for (const bool stay : {false, true})
    expect_says(thrown_by([&] {
                  Server(changed(s.keys.get(), s.keys.get().size() - 100, 1),
                         {.accept_insecure = true, .keys_stay_in_file = stay});
                }),
                ErrorKind::format, "ckks switching key file");
}

TEST(Parties, KeysOfTwoSessionsAreNotMixed) {
  Session s, other;
  EXPECT_NE(s.client.agreement().session, other.client.agreement().session);
  expect_says(thrown_by([&] {
                s.server.evaluate({{.clear = s.tensors[0].view()}, {.encrypted = other.request}});
              }),
              ErrorKind::format, "authentication");
  expect_says(thrown_by([&] { s.decrypt(other.answer); }), ErrorKind::format, "authentication");
  // the same client's request, encrypted again
  const auto again = s.client.encrypt(1, s.tensors[1].view());
  EXPECT_NE(again, s.request);
  expect_says(thrown_by([&] { s.client.decrypt(s.answer, {again}); }), ErrorKind::format,
              "authentication");
}

}  // namespace
}  // namespace pliant::einsum
