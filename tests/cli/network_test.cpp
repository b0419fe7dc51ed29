// pliant inspect, plan and run on an ONNX network that the test writes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "core/files.h"
#include "core/rng.h"
#include "formats/npy/npy.h"
#include "formats/onnx/export/write.h"
#include "formats/pliant/file.h"
#include "graph/builder.h"
#include "graph/reference/random_weights.h"
#include "graph/reference/reference.h"
#include "image/tiny_png.h"

namespace pliant::test {
namespace {

using nlohmann::json;

kind::Convolve same_size() {
  return {.stride = {1, 1}, .low = {1, 1}, .high = {1, 1}, .dilation = {1, 1}};
}

// Two branches of convolutions on a picture of 8 x 8, their sum, the mean over the picture, four
// classes.
Graph classifier() {
  Builder b;
  const ValueId x = b.input("picture", {DType::f32, {1, 3, 8, 8}});
  std::vector<ValueId> branches;
  for (const char* name : {"left", "right"}) {
    const ValueId w = b.weight(std::string(name) + ".w", {DType::f32, {4, 3, 3, 3}});
    branches.push_back(b.map(maximum(argument(0), constant(0)), {b.convolve(x, w, same_size())}));
  }
  const ValueId sum = b.map(argument(0) + argument(1), branches);
  const ValueId mean = b.reduce(kind::ReduceFn::mean, sum, {2, 3});
  b.output(b.einsum("nc,ck->nk", {mean, b.weight("head", {DType::f32, {4, 4}})}), "scores");
  return b.finish();
}

const std::string& network_file() {
  static const std::string path = [] {
    const Graph graph = classifier();
    const std::string file = temporary("net.onnx");
    write_onnx_file(file, graph, random_weights(graph, 5));
    return file;
  }();
  return path;
}

json answer(std::vector<std::string> words) {
  words.emplace_back("--json");
  const Outcome outcome = pliant(words);
  EXPECT_EQ(outcome.err, "");
  return json::parse(outcome.out);
}

TEST(Network, ConvertGoesToAPliantFileAndBack) {
  const std::string graph = temporary("converted.pliant"), back = temporary("converted.onnx");
  const json report = answer({"convert", network_file(), "--to", "pliant", "--out", graph});
  EXPECT_EQ(report["format"], "pliant");
  EXPECT_EQ(report["parameters"], 232);
  EXPECT_EQ(report["bytes"], std::filesystem::file_size(graph));
  answer({"convert", graph, "--to", "onnx", "--out", back});
  const auto scores = [](const std::string& file) {
    const std::string out = temporary("converted.npy");
    answer({"run", file, "--input", "picture=random", "--out", "scores=" + out});
    return read_file(out);
  };
  EXPECT_EQ(scores(graph), scores(network_file()));
  EXPECT_EQ(scores(back), scores(network_file()));
  EXPECT_EQ(pliant({"convert", graph, "--to", "onnx", "--out", back}).code, 2);  // exists
}

TEST(Network, InspectCountsWhatItHolds) {
  const json facts = answer({"inspect", network_file()});
  EXPECT_EQ(facts["kind"], "onnx");
  EXPECT_EQ(facts["parameters"], 2 * 4 * 3 * 9 + 16);
  EXPECT_EQ(facts["macs"], 2 * 4 * 3 * 9 * 64 + 16);
  EXPECT_EQ(facts["inputs"][0]["type"], "f32[1,3,8,8]");
  EXPECT_EQ(facts["outputs"][0]["name"], "scores");
  EXPECT_EQ(facts["operator_kinds"]["convolve"], 2);
  EXPECT_EQ(facts["m_r"], 3 * 1024);
  EXPECT_EQ(facts["m_p_exact"], true);
  EXPECT_GE(facts["m_p"], facts["m_r"]);
  const Outcome text = pliant({"inspect", network_file()});
  for (const char* part : {"network     net.onnx: ONNX, opset", "input       picture f32[1,3,8,8]",
                           "MACs        ", "M_P         "})
    EXPECT_NE(text.out.find(part), std::string::npos) << part << "\n" << text.out;
}

TEST(Network, InspectShowsTheGraphAsTextAndAsAPicture) {
  const std::string dot = temporary("net.dot");
  EXPECT_EQ(pliant({"inspect", network_file(), "--dot", dot}).code, 0);
  EXPECT_EQ(read_file(dot).rfind("digraph", 0), 0u);
  const Outcome text = pliant({"inspect", network_file(), "--text"});
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.out.find("convolve"), std::string::npos);
}

TEST(Network, PlansWithTheOptionsGiven) {
  const json plain = answer({"plan", network_file(), "--scratchpad", "MR"});
  EXPECT_EQ(plain["status"], "optimal");
  EXPECT_EQ(plain["scratchpad_bytes"], 3 * 1024);
  EXPECT_EQ(plain["compulsory_bytes"], 768 + 16);
  const json small = answer({"plan", network_file(), "--scratchpad", "MR", "--elem-bytes", "1"});
  EXPECT_EQ(small["scratchpad_bytes"], 3 * 256);
  EXPECT_EQ(small["traffic_bytes"].get<int>() * 4, plain["traffic_bytes"]);
  const json weights = answer({"plan", network_file(), "--scratchpad", "1MiB", "--weights"});
  EXPECT_EQ(weights["compulsory_bytes"], 768 + 16 + 4 * (2 * 4 * 3 * 9 + 16));
  EXPECT_GT(answer({"plan", network_file(), "--scratchpad", "1MiB", "--no-fuse"})["operators"],
            plain["operators"]);
}

TEST(Network, APlanIsCheckedWithTheOptionsItWasMadeWith) {
  const std::string plan = temporary("net-plan.json");
  answer({"plan", network_file(), "--scratchpad", "MR", "--elem-bytes", "1", "--out", plan});
  EXPECT_EQ(pliant({"plan", "check", network_file(), plan, "--elem-bytes", "1"}).code, 0);
  EXPECT_EQ(pliant({"plan", "check", network_file(), plan}).code, 1);
}

TEST(Network, ExecutesThePlan) {
  for (const char* bytes : {"1", "2"}) {
    const json plan =
        answer({"plan", network_file(), "--scratchpad", "MR", "--elem-bytes", bytes, "--execute"});
    EXPECT_EQ(plan["execution"]["kernels"], "hash");
    EXPECT_EQ(plan["execution"]["outputs_equal"], true);
    EXPECT_EQ(plan["execution"]["traffic_bytes"], plan["traffic_bytes"]);
  }
}

TEST(Network, ExecutesThePlanWithKernelsBitEqually) {
  for (const char* size : {"MR", "MP"})
    for (const char* more : {"--weights", "--no-fuse", "--random-weights"}) {
      const json plan = answer({"plan", network_file(), "--scratchpad", size, "--execute", more});
      EXPECT_EQ(plan["execution"]["kernels"], "native") << more;
      EXPECT_EQ(plan["execution"]["outputs_equal"], true) << more;
      EXPECT_EQ(plan["execution"]["traffic_bytes"], plan["traffic_bytes"]) << more;
      EXPECT_EQ(plan["execution"]["compulsory_bytes"], plan["compulsory_bytes"]) << more;
    }
}

TEST(Network, ExecutesThePublishedNetworks) {
  const char* data = std::getenv("PLIANT_DATA");
  if (data == nullptr) GTEST_SKIP() << "PLIANT_DATA is not set";
  const json plan = answer({"plan", std::string(data) + "/graphs/onnx-light/light_squeezenet.onnx",
                            "--scratchpad", "MR", "--execute", "--random-weights"});
  EXPECT_EQ(plan["execution"]["kernels"], "native");
  EXPECT_EQ(plan["execution"]["outputs_equal"], true);
}

TEST(Network, RefusesDamagedAndHostileFiles) {
  const std::string bytes = read_file(network_file());
  for (const std::size_t length : {bytes.size() / 2, bytes.size() - 1, std::size_t{10}}) {
    const std::string cut = temporary("cut.onnx", bytes.substr(0, length));
    for (const char* verb : {"inspect", "run"}) {
      const Outcome outcome = pliant({verb, cut});
      EXPECT_EQ(outcome.code, 1) << verb << " " << length;
      EXPECT_EQ(outcome.err.rfind("pliant: error: ", 0), 0u);
      EXPECT_NE(outcome.err.find("cut.onnx: "), std::string::npos) << outcome.err;
    }
  }
  const Outcome empty = pliant({"inspect", temporary("empty.onnx", "")});
  EXPECT_EQ(empty.code, 1);
  const Outcome shape =
      pliant({"plan", network_file(), "--scratchpad", "MR", "--shape", "pictures=1x3x8x8"});
  EXPECT_NE(shape.code, 0);
  EXPECT_NE(shape.err.find("pictures"), std::string::npos) << shape.err;
  const Outcome notation =
      pliant({"plan", network_file(), "--scratchpad", "MR", "--shape", "picture"});
  EXPECT_EQ(notation.code, 2);
  EXPECT_EQ(pliant({"plan", network_file(), "--scratchpad", "MR", "--elem-bytes", "65"}).code, 2);
}

Tensor reference_scores(const Tensor& picture) {
  const Graph graph = classifier();
  ThreadPool pool(1);
  const TensorView in = picture.view();
  return std::move(evaluate(graph, random_weights(graph, 5), std::span(&in, 1), pool)[0]);
}

void expect_scores(const std::string& file, const Tensor& wanted) {
  const std::string bytes = read_file(file);
  const Tensor scores = tensor_from_npy(std::as_bytes(std::span(bytes)), file);
  ASSERT_EQ(scores.type(), wanted.type());
  for (std::int64_t i = 0; i < 4; ++i)
    EXPECT_NEAR(get(scores.view(), i), get(wanted.view(), i), 1e-4);
}

TEST(Run, ComputesWhatTheReferenceComputes) {
  Tensor picture({DType::f32, {1, 3, 8, 8}});
  Rng rng(9);
  fill_normal(picture.view(), rng, 1);
  const std::string x = temporary("x.npy", npy_bytes(picture.view())), y = temporary("y.npy");
  const json run = answer({"run", network_file(), "--input", x, "--out", y});
  EXPECT_EQ(run["outputs"][0]["name"], "scores");
  EXPECT_EQ(run["outputs"][0]["not_finite"], 0);
  EXPECT_EQ(run["outputs"][0]["max"], answer({"run", network_file(), "-i", "picture=" + x,
                                              "--no-fuse"})["outputs"][0]["max"]);
  expect_scores(y, reference_scores(picture));
}

TEST(Network, APliantFileIsANetworkToo) {
  const Graph graph = classifier();
  const std::string file = temporary("net.pliant");
  write_model(file, graph, random_weights(graph, 5));
  EXPECT_EQ(answer({"inspect", file})["kind"], "pliant");
  EXPECT_EQ(answer({"inspect", file})["parameters"],
            answer({"inspect", network_file()})["parameters"]);
  EXPECT_EQ(answer({"plan", file, "--scratchpad", "MR", "--execute"})["execution"]["outputs_equal"],
            true);
  EXPECT_EQ(answer({"run", file, "--input", "random"})["outputs"][0]["type"], "f32[1,4]");
  const Outcome cut = pliant({"run", temporary("cut.pliant", read_file(file).substr(0, 300))});
  EXPECT_EQ(cut.code, 1);
  EXPECT_NE(cut.err.find("cut.pliant"), std::string::npos) << cut.err;
  EXPECT_EQ(pliant({"inspect", file, "--shape", "picture=1x3x9x9"}).code, 2);
}

TEST(Run, RandomWeightsFollowTheSeed) {
  const auto high = [](const char* seed) {
    return answer({"run", network_file(), "--input", "random:1", "--random-weights", "--seed",
                   seed})["outputs"][0]["max"];
  };
  EXPECT_EQ(high("5"), answer({"run", network_file(), "--input", "random:1"})["outputs"][0]["max"]);
  EXPECT_NE(high("6"), high("5"));
}

TEST(Run, RandomInputsFollowTheSeed) {
  const auto low = [](std::vector<std::string> more) {
    more.insert(more.begin(), {"run", network_file()});
    return answer(more)["outputs"][0]["min"].get<double>();
  };
  EXPECT_EQ(low({"--input", "random"}), low({"--input", "random:1"}));
  EXPECT_EQ(low({"--input", "random", "--seed", "7"}),
            low({"--input", "picture=random:7", "--threads", "2"}));
  EXPECT_NE(low({"--input", "random:1"}), low({"--input", "random:2"}));
}

TEST(Run, ClassifiesAPicture) {
  const std::string picture = temporary("p.png", png);
  const std::string labels = temporary("labels.txt", "cat\ndog\r\nfish\nbird\n"),
                    y = temporary("y.npy");
  const json run = answer({"run", network_file(), "--input", picture, "--mean", "0.5", "--std",
                           "0.5,0.25,1", "--labels", labels, "--top", "3", "--out", "scores=" + y});
  ASSERT_EQ(run["top"].size(), 3u);
  EXPECT_GE(run["top"][0]["value"], run["top"][1]["value"]);
  EXPECT_EQ(run["top"][0]["label"],
            (std::vector<std::string>{"cat", "dog", "fish",
                                      "bird"}[run["top"][0]["index"].get<std::size_t>()]));
  const Outcome text = pliant({"run", network_file(), "--input", picture, "--labels", labels});
  for (const char* label : {"cat", "dog", "fish", "bird"})
    EXPECT_NE(text.out.find(label), std::string::npos) << text.out;
}

TEST(Run, WritesATrace) {
  const std::string trace = temporary("trace.json");
  answer({"run", network_file(), "--input", "random", "--trace", trace});
  const json events = json::parse(read_file(trace))["traceEvents"];
  ASSERT_GE(events.size(), 4u);
  EXPECT_EQ(events[0]["name"], "thread_name");
  for (const json& event : events) {
    EXPECT_FALSE(event["name"].get<std::string>().empty());
    if (event["ph"] == "M") continue;
    EXPECT_EQ(event["ph"], "X");
    EXPECT_GE(event["dur"].get<double>(), 0);
  }
}

TEST(Run, RefusesInputsThatDoNotFit) {
  const std::string wrong =
      temporary("wrong.npy", npy_bytes(Tensor({DType::f32, {1, 3, 9, 8}}).view()));
  const std::string labels = temporary("few.txt", "cat\ndog\n"),
                    text = temporary("text.txt", "hello");
  const std::vector<std::tuple<std::vector<std::string>, int, std::string>> calls{
      {{},
       2,
       "--input: input 'picture' of type f32[1,3,8,8] is not given\n  try: --input picture=random"},
      {{"--input", "random", "--input", "random"}, 2, "--input random: one input too many"},
      {{"--input", "pictur=random"},
       2,
       "--input pictur=random: the network has no input 'pictur'\n  try: did you mean 'picture'?"},
      {{"--input", "random:x"}, 2, "--input random:x: 'x' is not a whole number"},
      {{"--input", wrong}, 1, wrong + ": is f32[1,3,9,8], the input is f32[1,3,8,8]"},
      {{"--input", text}, 1, text + ": is neither a .npy array nor an image"},
      {{"--input", "/no/such.npy"}, 1, "/no/such.npy: cannot open"},
      {{"--input", "random", "--out", "skores=" + temporary("z.npy")}, 2, "--out skores="},
      {{"--input", "random", "--labels", labels},
       1,
       labels + ": has 2 lines, the output has 4 values"},
      {{"--input", "random", "--top", "-1"}, 2, "--top: -1 is not 0 or more"},
      {{"--input", "random", "--layout", "chw"}, 2, "--layout: 'chw' is not one of: nchw, nhwc"}};
  for (const auto& [more, code, error] : calls) {
    std::vector<std::string> words{"run", network_file()};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = pliant(words);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_EQ(outcome.err.substr(0, error.size() + 15), "pliant: error: " + error);
  }
  const std::string picture = temporary("p.png", png);
  EXPECT_EQ(pliant({"run", network_file(), "--input", picture, "--std", "0"}).code, 2);
  EXPECT_EQ(pliant({"run", network_file(), "--input", picture, "--mean", "1,2"}).code, 2);
  EXPECT_EQ(pliant({"run", network_file(), "--input", picture, "--layout", "nhwc"}).code, 1);
}

}  // namespace
}  // namespace pliant::test
