#include "measure.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "core/log/progress.h"
#include "core/rng.h"
#include "machine/encrypted/einsum/backend/in_the_clear.h"
#include "machine/encrypted/einsum/backend/run.h"
#include "machine/encrypted/einsum/backend/watched.h"

namespace pliant::bench {
namespace {

using einsum::Backend;

// Of a plan whose diagonals are encoded ahead: each takes 256 KiB, beside those held transformed.
constexpr std::int64_t kAhead = 1024;

constexpr int kRepeats = 5;  // of an operation that is timed by itself

// Times whatever encodes.
class Apart : public einsum::Watched {
  template <typename Work>
  auto timed(const Work& work) {
    const double begin = cpu_ms();
    auto result = work();
    encode_ms_ += cpu_ms() - begin;
    return result;
  }

 public:
  explicit Apart(Backend& backend) : Watched(backend, [] {}) {}
  double encode_ms() const { return encode_ms_; }

  Plaintext encode(std::span<const double> values, int level, double bound) override {
    return timed([&] { return Watched::encode(values, level, bound); });
  }
  std::vector<Cipher> transform(std::span<const Cipher> of, const einsum::Transform& how,
                                const Values& values, int level, double magnitude) override {
    const Ready ready = timed([&] { return Watched::prepare(how, values, level); });
    return Watched::transform(of, ready, magnitude);
  }

 private:
  double encode_ms_ = 0;
};

double difference(const Tensor& a, const Tensor& b) {
  double worst = 0;
  for (std::int64_t i = 0; i < elements(a.type().shape); ++i)
    worst = std::max(worst, std::abs(get(a.view(), i) - get(b.view(), i)));
  return worst;
}

}  // namespace

double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
}

ckks::Params parameters(int levels) {
  einsum::Plan plan;
  plan.program.slots = kSlots;
  plan.program.values = ById<einsum::CipherId, einsum::State>(1, einsum::State{.level = levels});
  plan.program.steps.push_back({einsum::Input{}, {einsum::CipherId{0}}});
  return einsum::choose_parameters(plan);
}

Timed::Timed(int levels)
    : engine(parameters(levels), kSlots), times(engine, processor_clock(), kRepeats) {}

std::vector<Tensor> answers(const std::string& expression, const std::vector<Tensor>& tensors) {
  ThreadPool pool(1);
  std::vector<Tensor> result;
  result.push_back(einsum::in_the_clear(expression, views(tensors), pool));
  return result;
}

std::vector<Tensor> random_tensors(const std::vector<Shape>& shapes) {
  Rng rng(1);
  std::vector<Tensor> result;
  for (const Shape& shape : shapes)
    fill_uniform(result.emplace_back(TensorType{DType::f64, shape}).view(), rng, -1, 1);
  return result;
}

std::vector<TensorView> views(const std::vector<Tensor>& tensors) {
  std::vector<TensorView> result;
  for (const Tensor& each : tensors) result.push_back(each.view());
  return result;
}

Measured measure(einsum::Engine& engine, const einsum::Plan& plan,
                 const std::vector<Tensor>& tensors, const std::vector<Tensor>& expected) {
  Measured result;
  const std::vector<TensorView> in = views(tensors);
  const double begin = cpu_ms();
  engine.make_keys(einsum::keys(plan.program));
  result.key_ms = cpu_ms() - begin;
  const auto inputs = einsum::encrypt(plan, engine, in);
  std::vector<double> times, encoding;
  std::vector<Backend::Cipher> outputs;
  const auto repeat = [&](const auto& evaluate) {
    for (double spent = 0; times.size() < 3 && spent < 1000; spent += times.back()) {
      const double start = cpu_ms();
      const double encoded = evaluate();
      times.push_back(cpu_ms() - start - encoded);
    }
  };
  if (einsum::counts(plan.program).diagonals <= kAhead) {
    const double start = cpu_ms();
    const einsum::Prepared prepared = einsum::prepare(plan, engine, in);
    encoding.push_back(cpu_ms() - start);
    repeat([&] {
      outputs = einsum::evaluate(plan, engine, inputs, prepared);
      return 0.0;
    });
  } else {
    repeat([&] {
      Apart apart(engine);
      outputs = einsum::evaluate(plan, apart, inputs, in);
      encoding.push_back(apart.encode_ms());
      return encoding.back();
    });
  }
  result.ms = median(times);
  result.encode_ms = median(encoding);
  const einsum::Decrypted decrypted = einsum::decrypt(plan, engine, outputs);
  result.bound = decrypted.error_bound;
  for (std::size_t i = 0; i < expected.size(); ++i)
    result.error = std::max(result.error, difference(decrypted.outputs[i], expected[i]));
  return result;
}

einsum::Plan at_level(einsum::Plan plan, int level) {
  const int by = level - plan.levels();
  einsum::raise_levels(plan.program, by);
  plan.last_level += by;
  return plan;
}

double median(std::vector<double> times) {
  std::ranges::sort(times);
  return times[times.size() / 2];
}

double geometric_mean(const std::vector<double>& ratios) {
  double sum = 0;
  for (const double ratio : ratios) sum += std::log(ratio);
  return ratios.empty() ? 0 : std::exp(sum / static_cast<double>(ratios.size()));
}

}  // namespace pliant::bench
