// pliant keys new, encrypt, einsum --keys, decrypt: client and server in processes of their own.
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "core/files.h"
#include "core/rng.h"
#include "formats/npy/npy.h"

namespace pliant::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

Tensor uniform(const Shape& shape, std::uint64_t seed) {
  Tensor values({DType::f64, shape});
  Rng rng(seed);
  fill_uniform(values.view(), rng, -1, 1);
  return values;
}

std::string written(const std::string& name, const Tensor& tensor) {
  return temporary(name, npy_bytes(tensor.view()));
}

json succeeded(const std::vector<std::string>& words) {
  std::vector<std::string> all = words;
  all.emplace_back("--json");
  const Outcome outcome = pliant(all);
  EXPECT_EQ(outcome.code, 0) << outcome.err << outcome.out;
  return outcome.code == 0 ? json::parse(outcome.out) : json();
}

void expect_failure(const std::vector<std::string>& words, int code, const std::string& part) {
  const Outcome outcome = pliant(words);
  EXPECT_EQ(outcome.code, code) << outcome.err;
  EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
}

// A client's and a server's files, for "ik,k->i" with weights in the clear.
struct Exchange {
  std::string folder, weights, x;
  Tensor w = uniform({16, 8}, 1), in = uniform({8}, 2);

  explicit Exchange(const std::string& name, const std::vector<std::string>& more = {})
      : folder(temporary(name)) {
    fs::remove_all(folder);
    weights = written(name + ".w.npy", w);
    x = written(name + ".x.npy", in);
    std::vector<std::string> words{"keys", "new",     "ik,k->i", "16x8",  "8",   "--encrypt",
                                   "1",    "--slots", "512",     "--out", folder};
    words.insert(words.end(), more.begin(), more.end());
    made = succeeded(words);
  }
  std::string path(const std::string& name) const { return (fs::path(folder) / name).string(); }
  std::vector<std::string> encrypt(const std::string& to,
                                   const std::string& with = "secret.key") const {
    return {"encrypt", x, "--keys", path(with), "--out", path(to)};
  }
  std::vector<std::string> evaluate(const std::string& from, const std::string& to) const {
    return {"einsum", "ik,k->i",         weights, path(from),
            "--keys", path("eval.keys"), "--out", path(to)};
  }
  std::vector<std::string> decrypt(const std::string& from, const std::string& request) const {
    return {"decrypt",   path(from),    "--keys", path("secret.key"),
            "--request", path(request), "--out",  path("y.npy")};
  }
  double error() const {
    const std::string bytes = read_file(path("y.npy"));
    const Tensor y = tensor_from_npy(std::as_bytes(std::span(bytes)), "y");
    EXPECT_EQ(y.type().shape, Shape({16}));
    double most = 0;
    for (std::int64_t i = 0; i < 16; ++i) {
      double sum = 0;
      for (std::int64_t k = 0; k < 8; ++k) sum += get(w.view(), i * 8 + k) * get(in.view(), k);
      most = std::max(most, std::abs(get(y.view(), i) - sum));
    }
    return most;
  }
  json made;
};

TEST(EncryptedFiles, ComputeInProcessesOfTheirOwn) {
  const Exchange exchange("flow");
  EXPECT_GT(exchange.made["key_bytes"], 0);
  EXPECT_EQ(fs::status(exchange.path("secret.key")).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(fs::status(exchange.path("eval.keys")).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  succeeded(exchange.encrypt("x.ct"));
  const json computed = succeeded(exchange.evaluate("x.ct", "y.ct"));
  for (const char* field : {"rotations", "key_switches", "plain_muls", "levels", "key_bytes",
                            "plaintext_bytes", "seconds", "error_bound"})
    EXPECT_TRUE(computed.contains(field)) << field;
  EXPECT_EQ(computed["key_bytes"], exchange.made["key_bytes"]);  // counted before
  EXPECT_LT(computed["key_bytes"], exchange.made["all_key_bytes"]);
  const json result = succeeded(exchange.decrypt("y.ct", "x.ct"));
  EXPECT_LE(exchange.error(), result["error_bound"]);
  EXPECT_EQ(computed["error_bound"], result["error_bound"]);
  EXPECT_LT(result["error_bound"], 1e-4);

  std::vector<std::string> flooded = exchange.decrypt("y.ct", "x.ct");
  flooded.insert(flooded.end(), {"--flood", "1", "--flood-bits", "10"});
  const json shown = succeeded(flooded);
  EXPECT_GT(shown["error_bound"], 2 * result["error_bound"].get<double>());
  EXPECT_LE(exchange.error(), shown["error_bound"]);
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(EncryptedFiles, OfTheServerHoldNoSecret) {
  const Exchange exchange("secret");
  succeeded(exchange.encrypt("x.ct"));
  succeeded(exchange.evaluate("x.ct", "y.ct"));
  const std::string secret = read_file(exchange.path("secret.key"));
  // the coefficients, one byte each, before the hashes of both envelopes
  const std::string coefficients = secret.substr(secret.size() - 64 - 4096, 4096);
  EXPECT_EQ(coefficients.find_first_not_of(std::string("\0\1\2", 3)), std::string::npos);
  for (const char* file : {"eval.keys", "x.ct", "y.ct"}) {
    const std::string bytes = read_file(exchange.path(file));
    for (std::size_t at = 0; at < coefficients.size(); at += 64)
      EXPECT_FALSE(holds(bytes, coefficients.substr(at, 32))) << file << " " << at;
  }
  std::vector<std::string> words = exchange.decrypt("y.ct", "x.ct");
  words[3] = exchange.path("eval.keys");
  expect_failure(words, 1, "eval.keys: ckks client's keys file, byte 12: holds a server's keys");
  words = exchange.encrypt("other.ct");
  words[3] = exchange.path("eval.keys");
  expect_failure(words, 1, "eval.keys: ckks client's keys file, byte 12: holds a server's keys");
  words = exchange.evaluate("x.ct", "z.ct");
  words[5] = exchange.path("secret.key");
  expect_failure(words, 1, "secret.key: ckks server's keys file, byte 12: holds a client's keys");
  EXPECT_FALSE(fs::exists(exchange.path("other.ct")));
}

TEST(EncryptedFiles, APublicKeyEncryptsAndDoesNothingElse) {
  const Exchange exchange("public", {"--public"});
  EXPECT_EQ(exchange.made["public_key"], exchange.path("public.key"));
  EXPECT_FALSE(Exchange("private").made.contains("public_key"));
  const std::string secret = read_file(exchange.path("secret.key")),
                    shared = read_file(exchange.path("public.key"));
  for (std::size_t at = secret.size() - 64 - 4096; at < secret.size() - 64; at += 64)
    EXPECT_FALSE(holds(shared, secret.substr(at, 32))) << at;
  succeeded(exchange.encrypt("x.ct", "public.key"));
  succeeded(exchange.encrypt("own.ct"));
  EXPECT_GT(fs::file_size(exchange.path("x.ct")), fs::file_size(exchange.path("own.ct")) * 3 / 2);
  for (const char* request : {"x.ct", "own.ct"}) {
    const json computed = succeeded(exchange.evaluate(request, "y.ct"));
    const json result = succeeded(exchange.decrypt("y.ct", request));
    EXPECT_EQ(computed["error_bound"], result["error_bound"]);
    EXPECT_LE(exchange.error(), result["error_bound"]);
    EXPECT_LT(result["error_bound"], 1e-4);
  }
  std::vector<std::string> words = exchange.decrypt("y.ct", "own.ct");
  words[3] = exchange.path("public.key");
  expect_failure(words, 1,
                 "public.key: ckks client's keys file, byte 12: holds a contributor's keys");
  words = exchange.evaluate("x.ct", "z.ct");
  words[5] = exchange.path("public.key");
  expect_failure(words, 1,
                 "public.key: ckks server's keys file, byte 12: holds a contributor's keys");
  fs::remove(exchange.path("secret.key"));
  fs::remove(exchange.path("eval.keys"));
  expect_failure({"keys", "new", "ik,k->i", "16x8", "8", "--out", exchange.folder}, 2,
                 "public.key: exists already");
}

TEST(EncryptedFiles, OfALyingServerAreRefused) {
  const Exchange exchange("lie"), other("lie2");
  for (const char* name : {"1.ct", "2.ct"}) succeeded(exchange.encrypt(name));
  succeeded(exchange.evaluate("1.ct", "y1.ct"));
  succeeded(exchange.evaluate("2.ct", "y2.ct"));
  const std::string purpose = "the authentication does not match";
  // an older answer, one to another request, one's own request handed back
  expect_failure(exchange.decrypt("y1.ct", "2.ct"), 1, purpose);
  expect_failure(exchange.decrypt("1.ct", "1.ct"), 1, purpose);
  // of another client's session and keys
  succeeded(other.encrypt("1.ct"));
  succeeded(other.evaluate("1.ct", "y1.ct"));
  fs::copy_file(other.path("y1.ct"), exchange.path("foreign.ct"));
  expect_failure(exchange.decrypt("foreign.ct", "1.ct"), 1, purpose);
  fs::copy_file(other.path("1.ct"), exchange.path("strange.ct"));
  expect_failure(exchange.evaluate("strange.ct", "z.ct"), 1, "operand 1");
  // an answer where a request belongs
  expect_failure(exchange.evaluate("y1.ct", "z.ct"), 1, purpose);
  // changed and cut
  std::string bytes = read_file(exchange.path("y1.ct"));
  write_file(exchange.path("cut.ct"), bytes.substr(0, bytes.size() - 8));
  expect_failure(exchange.decrypt("cut.ct", "1.ct"), 1, purpose);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_file(exchange.path("changed.ct"), bytes);
  expect_failure(exchange.decrypt("changed.ct", "1.ct"), 1, purpose);
  write_file(exchange.path("empty.ct"), "");
  expect_failure(exchange.decrypt("empty.ct", "1.ct"), 1, "too few");
  succeeded(exchange.decrypt("y1.ct", "1.ct"));  // which was right all along
}

TEST(EncryptedFiles, AreNotMadeOfWhatCannotBe) {
  const Exchange exchange("bad");
  succeeded(exchange.encrypt("x.ct"));
  expect_failure({"keys", "new", "ik,k->i", "16x8", "8", "--out", exchange.folder}, 2,
                 "exists already");
  expect_failure({"keys", "new", "ik,k->i", "16x8", "8"}, 2, "one of --dry-run and --out");
  expect_failure({"keys", "new", "ik,k->i", "16y8", "8", "--dry-run"}, 2, "'16y8' is not a shape");
  expect_failure({"keys", "new", "ik,k->i", "16x8", "9", "--dry-run"}, 1, "'k'");
  expect_failure({"keys", "new", "ik,k->i", "16x8", "8", "--encrypt", "2", "--dry-run"}, 2,
                 "operands 0 to 1");
  expect_failure({"keys", "new", "ik,k->i", "16x8", "8", "--levels", "0", "--dry-run"}, 1,
                 "levels");
  expect_failure({"keys", "new", "ik,k->i", "16x8", "8", "--memory", "64KiB", "--dry-run"}, 1,
                 "--memory allows 64 KiB");
  expect_failure({"keys", "new", "ik,k->i", "16x8", "8", "--out", "/proc/none"}, 1, "/proc/none");
  std::vector<std::string> words = exchange.encrypt("n.ct");
  words[1] = exchange.weights;
  expect_failure(words, 1, "shape [16,8], planned for [8]");
  words[1] = written("large.npy", [] {
    Tensor large = uniform({8}, 1);
    set(large.view(), 3, 2);
    return large;
  }());
  expect_failure(words, 1, "element 3 is 2, planned for at most 1");
  words[1] = written("nan.npy", [] {
    Tensor wrong = uniform({8}, 1);
    set(wrong.view(), 0, std::nan(""));
    return wrong;
  }());
  expect_failure(words, 1, "element 0 is nan");
  words = exchange.encrypt("n.ct");
  words.insert(words.end(), {"--operand", "0"});
  expect_failure(words, 2, "operand 0 is not one of those that are encrypted");
  words = exchange.encrypt("n.ct");
  words[5] = "/dev/full";
  expect_failure(words, 1, "No space left");
  words[5] = exchange.x;
  expect_failure(words, 2, "would be written over the input");
  words = exchange.evaluate("x.ct", "y.ct");
  words[1] = "ik,i->k";
  expect_failure(words, 1, "has keys for 'ik,k->i', not for 'ik,i->k'");
  words = exchange.evaluate("x.ct", "y.ct");
  words[2] = exchange.path("x.ct");
  expect_failure(words, 1, "is not a .npy file");
  words = exchange.evaluate("x.ct", "y.ct");
  words[3] = exchange.x;
  expect_failure(words, 1, "operand 1");
  words = exchange.evaluate("x.ct", "y.ct");
  words.insert(words.end(), {"--magnitude", "2"});
  expect_failure(words, 2, "--magnitude");
  words = exchange.evaluate("x.ct", "y.ct");
  words.resize(6);
  expect_failure(words, 2, "--out");
  EXPECT_FALSE(fs::exists(exchange.path("y.ct")));
}

TEST(EncryptedFiles, CtrlCLeavesNoHalfKeys) {
  const std::string folder = temporary("stopped");
  const Outcome outcome = pliant_interrupted(
      {"keys", "new", "ij->ji", "128x128", "--planner", "einhops", "--out", folder}, SIGINT, 1);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("stopped before"), std::string::npos) << outcome.err;
  EXPECT_TRUE(fs::is_empty(folder));
}

}  // namespace
}  // namespace pliant::test
