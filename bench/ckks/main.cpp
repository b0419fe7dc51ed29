// What the CKKS engine's operations cost: CPU time of one thread (medians), then wall time on more
// threads.
//
//   bench-ckks [--json] [--set LOG_N,LEVELS]... [--digits N] [--rounds N] [--threads N] [--kernels
//   scalar|avx2|ifma] [--linear]
//
// --linear times a transform by 128 diagonals instead, double hoisted and by one hoisted rotation
// per diagonal. The sets 2^13 L5, 2^14 L10 and 2^15 L20 are beyond 128-bit security and are here
// because others are timed on them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/rng.h"
#include "machine/encrypted/ckks/evaluator.h"
#include "machine/encrypted/ckks/keys/decryptor.h"
#include "machine/encrypted/ckks/linear.h"

namespace {

using namespace pliant;
using namespace pliant::ckks;

double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
}
double wall_ms() {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct Options {
  bool json = false, linear = false;
  int rounds = 15, threads = 1, digits = 3;
  const Kernels* kernels = &best_kernels();
  std::vector<std::pair<int, int>> sets;
};

const Kernels& kernels_named(std::string_view name) {
  for (const Kernels* kernels : usable_kernels())
    if (kernels->name == name) return *kernels;
  throw std::runtime_error(fmt::format("--kernels {} are not for this processor", name));
}

class Bench {
 public:
  Bench(const Options& options, int log_n, int levels)
      : options_(options), log_n_(log_n), levels_(levels) {}

  void row(const std::string& op, double ms) const {
    if (options_.json)
      fmt::print("{{\"op\": \"{}\", \"log_n\": {}, \"levels\": {}, \"ms\": {:.4f}}}\n", op, log_n_,
                 levels_, ms);
    else fmt::print("{:<28} 2^{} L{:<3} {:10.4f}\n", op, log_n_, levels_, ms);
  }

  double time(const std::string& op, const std::function<void()>& body) const {
    body();
    std::vector<double> times;
    const bool alone = options_.threads == 1;
    for (int i = 0; i < options_.rounds; ++i) {
      const double start = alone ? cpu_ms() : wall_ms();
      body();
      times.push_back((alone ? cpu_ms() : wall_ms()) - start);
    }
    std::nth_element(times.begin(), times.begin() + options_.rounds / 2, times.end());
    const double median = times[options_.rounds / 2];
    row(alone ? op : fmt::format("{} x{}", op, options_.threads), median);
    return median;
  }

  void run() const {
    const Params params = parameters();
    const Context context(params, *options_.kernels);
    if (!options_.json)
      fmt::print("\n{}; log2(QP) {:.0f}, {} special primes, {}, kernels {}\n", describe(params),
                 context.modulus_bits(), context.special(),
                 context.secure() ? "128-bit secure" : "NOT secure: timing only",
                 context.kernels().name);
    ThreadPool pool(options_.threads);
    KeyGenerator generator(context);
    const SecretKey secret = generator.secret_key();
    const PublicKey public_key = generator.public_key(secret);
    KeySet keys;
    keys.add(generator.relinearization_key(secret));
    keys.add(generator.rotation_key(secret, 1));
    Encoder encoder(context);
    Encryptor encryptor(context, public_key);
    Decryptor decryptor(context, secret);
    Evaluator evaluator(context, &pool);

    Rng rng(1);
    std::vector<double> values(context.slots());
    for (double& v : values) v = 2 * rng.uniform() - 1;
    Plaintext plain;
    Ciphertext a, b, c, product;
    time("encode", [&] { encoder.encode(values, {}, plain); });
    time("encrypt", [&] { encryptor.encrypt(plain, a); });
    encryptor.encrypt(plain, b);
    time("decrypt", [&] { decryptor.decrypt(a); });
    const Plaintext decrypted = decryptor.decrypt(a);
    time("decode", [&] { encoder.decode(decrypted); });

    Poly limb(1, context.n());
    std::copy(a.part[0].limb(0), a.part[0].limb(0) + context.n(), limb.limb(0));
    const NttTable& table = context.table(0);
    time("forward NTT of a limb", [&] { context.kernels().forward(limb.limb(0), table); });
    time("inverse NTT of a limb", [&] {
      context.kernels().inverse(limb.limb(0), table, factor(table.n_inverse, table.mod));
    });

    Raised raised;
    std::array<Poly, 2> sum;
    Poly down;
    const SwitchKey& key = keys.find(context, context.galois(1), levels_);
    time("mod-up", [&] { evaluator.stages().mod_up(a.part[1], levels_, raised); });
    time("inner product", [&] { evaluator.stages().inner(raised, key, nullptr, {}, sum); });
    time("mod-down of both", [&] {
      for (Poly& poly : sum) evaluator.stages().mod_down(poly, levels_, down);
    });

    time("add", [&] { evaluator.add(a, b, c); });
    time("multiply by plaintext", [&] { evaluator.multiply(a, plain, c); });
    time("multiply", [&] { evaluator.multiply(a, b, product); });
    const double both = time("multiply + relinearize", [&] {
      evaluator.multiply(a, b, product);
      evaluator.relinearize(product, keys, c);
    });
    time("multiply + relin + rescale", [&] {
      evaluator.multiply(a, b, product);
      evaluator.relinearize_rescale(product, keys, c);
    });
    evaluator.multiply(a, plain, product);
    time("rescale", [&] { evaluator.rescale(product, c); });
    const double rotation = time("rotate", [&] { evaluator.rotate(a, 1, keys, c); });
    evaluator.raise(a, raised);
    time("hoisted rotation", [&] { evaluator.rotate_raised(a, raised, 1, keys, c); });
    Extended extended;
    const double undivided = time("hoisted, no mod-down",
                                  [&] { evaluator.rotate_extended(a, raised, 1, keys, extended); });
    if (!options_.json) {
      fmt::print("{:<28} {:10.2f}\n", "multiply+relin / rotate", both / rotation);
      fmt::print("{:<28} {:10.2f}\n", "no mod-down / rotate", undivided / rotation);
      fmt::print("{:<28} {:10.2f} MiB\n", "one rotation key in memory",
                 static_cast<double>(key.bytes()) / 1048576);
    }
  }

  void linear() const {
    const Context context(parameters(), *options_.kernels);
    ThreadPool pool(options_.threads);
    KeyGenerator generator(context);
    const SecretKey secret = generator.secret_key();
    Encoder encoder(context);
    Encryptor encryptor(context, secret);
    Evaluator evaluator(context, &pool);
    Rng rng(1);
    Diagonals diagonals;
    for (int d = 0; d < 128; ++d)
      for (std::size_t k = 0; k < context.slots(); ++k) diagonals[d].push_back(rng.uniform() / 128);
    const LinearTransform transform(context, encoder, diagonals);
    const LinearTransform flat(context, encoder, diagonals, {.babies = 128});
    KeySet few, all;
    for (const int steps : transform.rotations()) few.add(generator.rotation_key(secret, steps));
    for (const int steps : transform.offsets())
      if (steps != 0) all.add(generator.rotation_key(secret, steps));
    const Ciphertext in = encryptor.encrypt(encoder, std::vector<double>(context.slots(), 0.5));
    Ciphertext out;
    LinearWorkspace work;
    const double twice =
        time("128 diagonals, double", [&] { transform.apply(in, evaluator, few, work, out); });
    const double once =
        time("128 diagonals, single", [&] { flat.apply_single_hoisted(in, evaluator, all, out); });
    if (!options_.json)
      fmt::print("{} rotations instead of {}; single / double {:.2f}\n", few.all().size(),
                 all.all().size(), once / twice);
  }

 private:
  Params parameters() const {
    Params params;
    params.log_n = log_n_;
    params.levels = levels_;
    params.digits = options_.digits;
    params.scale_bits = 45;
    params.insecure_for_tests = true;
    return params;
  }

  const Options& options_;
  int log_n_, levels_;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    const auto value = [&]() -> const char* {
      if (i + 1 == argc) throw std::runtime_error(fmt::format("{} wants a value", arg));
      return argv[++i];
    };
    if (arg == "--json") options.json = true;
    else if (arg == "--linear") options.linear = true;
    else if (arg == "--rounds") options.rounds = std::max(1, std::atoi(value()));
    else if (arg == "--digits") options.digits = std::atoi(value());
    else if (arg == "--threads") options.threads = std::max(1, std::atoi(value()));
    else if (arg == "--kernels") options.kernels = &kernels_named(value());
    else if (arg == "--set") {
      int log_n = 0, levels = 0;
      if (std::sscanf(value(), "%d,%d", &log_n, &levels) != 2)
        throw std::runtime_error("--set wants LOG_N,LEVELS");
      options.sets.emplace_back(log_n, levels);
    } else throw std::runtime_error(fmt::format("unknown option {}", arg));
  }
  if (options.sets.empty() && options.linear) options.sets = {{14, 5}};
  if (options.sets.empty()) options.sets = {{13, 5}, {14, 10}, {15, 10}, {15, 20}, {16, 20}};
  return options;
}

}  // namespace

int main(int argc, char** argv) try {
  const Options options = parse(argc, argv);
  for (const auto& [log_n, levels] : options.sets) {
    const Bench bench(options, log_n, levels);
    options.linear ? bench.linear() : bench.run();
  }
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "bench-ckks: {}\n", error.what());
  return 1;
}
