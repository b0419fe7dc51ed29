// Randomness that must never be the same twice: over threads, over fork(), over objects.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "machine/encrypted/ckks/file.h"
#include "machine/encrypted/ckks/scheme.h"

namespace pliant::ckks {
namespace {

// What `action` returns in a child of this process; what it throws, after "threw: ".
std::string in_a_child(const std::function<std::string()>& action) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    std::string text;
    try {
      text = action();
    } catch (const std::exception& error) {
      text = std::string("threw: ") + error.what();
    }
    const bool whole =
        write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    _exit(whole ? 0 : 1);  // nothing of the parent is run again
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return text;
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string text_of(const Poly& poly) {
  return text_of(std::as_bytes(std::span(poly.limb(0), poly.limbs() * poly.n())));
}

// A second part that two encryptions share would let anybody subtract them and read the difference
// of the messages.
TEST(Randomness, ForkedEncryptorsShareNoMask) {
  Scheme s(small(4, 1));
  Encryptor by_public(s.context, s.public_key), by_secret(s.context, s.secret);
  const Plaintext plain = s.encoder.encode(std::vector<double>(8, 0.5));
  for (Encryptor* encryptor : {&by_public, &by_secret}) {
    const auto mask = [&] { return text_of(encryptor->encrypt(plain).part[1]); };
    std::set<std::string> masks;
    for (int i = 0; i < 3; ++i) masks.insert(in_a_child(mask));
    masks.insert(mask());
    EXPECT_EQ(masks.size(), 4u);
    for (const std::string& m : masks) EXPECT_EQ(m.find("threw"), std::string::npos) << m;
  }
}

TEST(Randomness, ForkedKeyGeneratorsShareNoKey) {
  Scheme s(small(4, 1));
  KeyGenerator generator(s.context);
  const std::function<std::string()> keys[] = {
      [&] { return text_of(generator.secret_key().poly()); },
      [&] { return text_of(generator.public_key(s.secret).b); },
      [&] { return text_of(generator.rotation_key(s.secret, 1).b[0].unpacked()); },
      [&] { return text_of(generator.relinearization_key(s.secret).a[0].unpacked()); }};
  for (const auto& key : keys) {
    const std::string first = in_a_child(key), second = in_a_child(key), own = key();
    EXPECT_FALSE(first.empty());
    EXPECT_TRUE(first != second);
    EXPECT_TRUE(first != own);
    EXPECT_TRUE(second != own);
  }
}

// A given seed leads to the same streams again, so a child that goes on with it must not get any.
TEST(Randomness, AGivenSeedIsRefusedInAForkedChild) {
  Scheme s(small(4, 1));
  const Plaintext plain = s.encoder.encode(std::vector<double>(8, 0.5));
  const std::function<std::string()> uses[] = {
      [&] { return text_of(s.encryptor.encrypt(plain).part[1]); },
      [&] { return text_of(s.symmetric.encrypt(plain).part[1]); },
      [&] { return text_of(s.generator.secret_key().poly()); }};
  for (const auto& use : uses) {
    const std::string said = in_a_child(use);
    EXPECT_NE(said.find("threw: "), std::string::npos);
    EXPECT_NE(said.find("given the seed"), std::string::npos);
    EXPECT_EQ(use().find("threw: "), std::string::npos);
  }
}

// Runs `make` in threads at once and collects what they made.
template <typename T>
std::vector<T> from_threads(int each, const std::function<T()>& make) {
  constexpr int kThreads = 4;
  std::vector<std::vector<T>> made(kThreads);
  std::vector<std::thread> threads;
  for (auto& mine : made)
    threads.emplace_back([&mine, &make, each] {
      for (int i = 0; i < each; ++i) mine.push_back(make());
    });
  std::vector<T> all;
  for (int t = 0; t < kThreads; ++t) {
    threads[t].join();
    all.insert(all.end(), made[t].begin(), made[t].end());
  }
  return all;
}

template <typename T>
std::size_t different(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values.size();
}

TEST(Randomness, ThreadsShareNoStream) {
  Randomness given(Seed{1}), fresh;
  for (Randomness* random : {&given, &fresh}) {
    const auto streams = from_threads<u64>(20000, [&] { return random->stream().bits(); });
    EXPECT_EQ(different(streams), streams.size());
    const auto seeds = from_threads<Seed>(5000, [&] { return random->seed(); });
    EXPECT_EQ(different(seeds), seeds.size());
  }
}

TEST(Randomness, ThreadsThatShareAnEncryptorOrGeneratorShareNoMask) {
  Scheme s(small(4, 0));
  Encryptor fresh(s.context, s.secret);
  const Plaintext plain = s.encoder.encode(std::vector<double>(8, 0.5));
  for (Encryptor* encryptor : {&s.encryptor, &s.symmetric, &fresh}) {
    const auto masks =
        from_threads<std::string>(1000, [&] { return text_of(encryptor->encrypt(plain).part[1]); });
    EXPECT_EQ(different(masks), masks.size());
  }
  const auto keys = from_threads<std::string>(
      500, [&] { return text_of(s.generator.rotation_key(s.secret, 1).b[0].unpacked()); });
  EXPECT_EQ(different(keys), keys.size());
}

}  // namespace
}  // namespace pliant::ckks
