// Latency of one network on the CPU, for comparison with a peer (bench/peers). Asserts no times.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/rng.h"
#include "formats/npy/npy.h"
#include "formats/onnx/onnx.h"
#include "graph/passes/passes.h"
#include "machine/native/native.h"

namespace {

using namespace pliant;

constexpr const char* usage =
    R"(bench-latency NET.onnx [--threads N] [--seconds S] [--input X.npy] [--out Y.npy] [--groups]

Runs the network again and again for S seconds (2) after a warm-up and prints one JSON object: median and least
milliseconds, number of runs, arena bytes, multiply-accumulates. --input is its first input (else seeded random numbers),
--out gets its first output. --groups also prints the least milliseconds and the GFLOP/s of every group of operators.

Example: build/release/bench-latency net.onnx --threads 2
)";

struct Settings {
  std::string file, input, out;
  int threads = 1;
  double seconds = 2;
  bool groups = false;
};

Settings read_settings(int count, char** values) {
  Settings settings;
  for (int i = 1; i < count; ++i) {
    const std::string_view option = values[i];
    const bool dashed = option.starts_with("--");
    if (!dashed && settings.file.empty()) settings.file = option;
    else if (option == "--groups") settings.groups = true;
    else if (option == "--threads" && i + 1 < count) settings.threads = std::atoi(values[++i]);
    else if (option == "--seconds" && i + 1 < count) settings.seconds = std::atof(values[++i]);
    else if (option == "--input" && i + 1 < count) settings.input = values[++i];
    else if (option == "--out" && i + 1 < count) settings.out = values[++i];
    else
      throw Error(ErrorKind::usage, std::string(option), "unknown option, or one without its value",
                  "see --help");
  }
  if (settings.file.empty()) throw Error(ErrorKind::usage, "NET.onnx", "is missing", "see --help");
  return settings;
}

std::vector<Tensor> inputs_of(const Graph& graph, const std::string& first) {
  std::vector<Tensor> inputs;
  Rng rng(1);
  for (const ValueId id : graph.inputs()) {
    const TensorType& type = graph.value(id).type;
    const bool given = inputs.empty() && !first.empty();
    inputs.push_back(given ? tensor_from_npy(MappedFile(first).bytes(), first) : Tensor(type));
    if (!given && is_float(type.dtype)) fill_normal(inputs.back().view(), rng, 1);
  }
  return inputs;
}

std::vector<double> times_of(const Program& program, const Bindings& bindings, Workspace& workspace,
                             double limit) {
  std::vector<double> times;
  for (int warm = 0; warm < 3; ++warm) program.run(bindings, workspace);
  for (double total = 0; total < limit || times.size() < 5; total += times.back()) {
    const auto start = std::chrono::steady_clock::now();
    program.run(bindings, workspace);
    times.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  return times;
}

// The least seconds of every group over many runs.
class Groups : public Trace {
 public:
  explicit Groups(std::size_t count) : least_(count, 1e9) {}
  void step(const Step& step) override {
    double& least = least_[step.group];
    least = std::min(least, step.end - step.begin);
  }
  void span(std::string_view, std::int64_t, double, double) override {}
  void print(const Graph& graph) const {
    const std::vector<Group> all = groups(graph);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (least_[i] == 1e9) continue;  // a view: nothing runs
      const Op& op = graph.op(all[i].ops.front());
      double flops = 0;
      for (const OpId id : all[i].ops) flops += 2 * static_cast<double>(macs(graph, graph.op(id)));
      fmt::print("{:9.4f} ms {:7.1f} GFLOP/s  {:<12}{:<20}{:<24}{}\n", 1e3 * least_[i],
                 1e-9 * flops / least_[i], name(op.kind), to_string(graph.value(op.in[0]).type),
                 op.in.size() > 1 ? to_string(graph.value(op.in[1]).type) : "", op.name);
    }
  }

 private:
  std::vector<double> least_;
};

void run(const Settings& settings) {
  ThreadPool pool(settings.threads);
  const OnnxModel model = read_onnx(settings.file);
  Folded folded = fold(model.graph, model.weights, pool);
  const auto graph = std::make_shared<const Graph>(std::move(folded.graph));
  const auto program = native::Machine(pool).prepare(
      graph, std::make_shared<const WeightStore>(std::move(folded.weights)));
  const std::vector<Tensor> inputs = inputs_of(*graph, settings.input);
  std::vector<Tensor> outputs;
  std::vector<TensorView> in, out;
  for (const Tensor& each : inputs) in.push_back(each.view());
  for (const ValueId id : graph->outputs()) outputs.emplace_back(graph->value(id).type);
  for (const Tensor& each : outputs) out.push_back(each.view());
  Workspace workspace(program->need(), pool);
  const std::vector<double> times =
      times_of(*program, {.inputs = in, .outputs = out}, workspace, settings.seconds);
  if (!settings.out.empty()) write_file(settings.out, npy_bytes(outputs.at(0).view()));
  if (settings.groups) {
    Groups profile(groups(*graph).size());
    for (int i = 0; i < 30; ++i)
      program->run({.inputs = in, .outputs = out, .trace = &profile}, workspace);
    profile.print(*graph);
  }
  double work = 0;
  for (const Op& op : graph->ops()) work += static_cast<double>(macs(*graph, op));
  fmt::print(
      "{{\"threads\":{},\"median_ms\":{:.4f},\"least_ms\":{:.4f},\"runs\":{},\"arena_bytes\":{},"
      "\"macs\":{:.0f}}}\n",
      settings.threads, times[times.size() / 2] * 1e3, times.front() * 1e3, times.size(),
      program->need().arena_bytes, work);
}

}  // namespace

int main(int count, char** values) {
  try {
    if (count == 2 &&
        (std::string_view(values[1]) == "--help" || std::string_view(values[1]) == "-h"))
      std::fputs(usage, stdout);
    else run(read_settings(count, values));
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "bench-latency: %s\n", error.what());
    return error.kind() == ErrorKind::usage ? 2 : 1;
  }
}
