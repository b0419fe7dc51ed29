// 3: from a plan to firmware.
//
//   example-03_ship_a_plan [FOLDER [COMPILER]]
//
// Plans a small network for less memory than it would like, writes the plan as a C header into
// FOLDER (build/example-03), beside it a firmware of some forty lines that includes the header,
// compiles that with COMPILER (cc) and runs it. What the firmware computes and copies is printed
// beside what is expected.
#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "core/files.h"
#include "plan/export/c_header.h"
#include "plan/solve.h"

namespace {

using namespace pliant;

// Vectors of floats on two ways that meet: l = x + 1; w = l twice over; s = sums of w's halves; y =
// l * s. While w lives there is no room for l.
plan::Problem network() {
  constexpr std::int64_t n = 256 * sizeof(float);
  return {{{"x", n, plan::Role::input},
           {"l", n, plan::Role::activation},
           {"w", 2 * n, plan::Role::activation},
           {"s", n, plan::Role::activation},
           {"y", n, plan::Role::output}},
          {{"increment", {0}, {1}},
           {"widen", {1}, {2}},
           {"fold", {2}, {3}},
           {"multiply", {1, 3}, {4}}}};
}

// The kernels get addresses in the scratchpad and know their shapes. Nothing here depends on the
// plan: another scratchpad size needs a new header and no other change.
constexpr const char* firmware = R"(#include <stdio.h>
#include "two_ways.h"

enum { n = 256 };

static int increment(const void *const *in, void *const *out, void *workspace, void *context) {
  const float *x = (const float *)in[0];
  float *l = (float *)out[0];
  for (int i = 0; i < n; ++i) l[i] = x[i] + 1;
  return (void)workspace, (void)context, 0;
}
static int widen(const void *const *in, void *const *out, void *workspace, void *context) {
  const float *l = (const float *)in[0];
  float *w = (float *)out[0];
  for (int i = 0; i < 2 * n; ++i) w[i] = l[i % n];
  return (void)workspace, (void)context, 0;
}
static int fold(const void *const *in, void *const *out, void *workspace, void *context) {
  const float *w = (const float *)in[0];
  float *s = (float *)out[0];
  for (int i = 0; i < n; ++i) s[i] = w[i] + w[i + n];
  return (void)workspace, (void)context, 0;
}
static int multiply(const void *const *in, void *const *out, void *workspace, void *context) {
  const float *l = (const float *)in[0], *s = (const float *)in[1];
  float *y = (float *)out[0];
  for (int i = 0; i < n; ++i) y[i] = l[i] * s[i];
  return (void)workspace, (void)context, 0;
}

/* In a device the first would be its fast memory; unions align them. */
static union { float align; unsigned char bytes[TWO_WAYS_SCRATCHPAD_BYTES]; } scratchpad;
static union { float align; unsigned char bytes[TWO_WAYS_SPILL_BYTES + 1]; } spill;
static float x[n], y[n];

int main(void) {
  two_ways_kernel kernels[TWO_WAYS_OPERATORS];
  two_ways_memory memory = {scratchpad.bytes, spill.bytes, {(const unsigned char *)x}, {(unsigned char *)y}};
  float sum = 0;
  kernels[two_ways_op_increment] = increment;
  kernels[two_ways_op_widen] = widen;
  kernels[two_ways_op_fold] = fold;
  kernels[two_ways_op_multiply] = multiply;
  for (int i = 0; i < n; ++i) x[i] = (float)(i % 4);
  if (two_ways_run(&memory, kernels, 0) != 0) return 1;
  for (int i = 0; i < n; ++i) sum += y[i];
  printf("sum %.0f, %u bytes beyond the compulsory\n", sum, (unsigned)TWO_WAYS_TRAFFIC_BYTES);
  return sum == 3840 ? 0 : 1;
}
)";

void run(const std::string& command) {
  fmt::print("$ {}\n", command);
  std::fflush(stdout);
  if (std::system(command.c_str()) != 0) throw std::runtime_error("'" + command + "' failed");
}

void ship(const std::string& folder, const std::string& compiler) {
  std::filesystem::create_directories(folder);
  ThreadPool pool(1);
  const plan::Problem problem = network();
  plan::SolveOptions options;
  options.alignment = sizeof(float);
  const plan::Plan plan =
      plan::solve(problem, plan::required_size(problem, options.alignment).bytes, options, pool);
  fmt::print("planned for {} bytes: {}, {} bytes of traffic\n", plan.scratchpad_bytes,
             plan::name(plan.status), plan.traffic_bytes);
  write_file(folder + "/two_ways.h", plan::plan_to_c(problem, plan, "two_ways"));
  write_file(folder + "/firmware.c", firmware);
  const std::string program = folder + "/firmware";
  run(fmt::format("{} -std=c99 -Wall -Wextra -pedantic -O2 -o {} {}.c", compiler, program,
                  program));
  run(program);
  // (x + 1) * 2 (x + 1) over x = 0, 1, 2, 3 in turn: 64 * 2 * (1 + 4 + 9 + 16).
  fmt::print("expected: sum 3840, {} bytes; the tables are in {}/two_ways.h\n", plan.traffic_bytes,
             folder);
}

}  // namespace

int main(int argc, char** argv) try {
  ship(argc > 1 ? argv[1] : "build/example-03", argc > 2 ? argv[2] : "cc");
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
