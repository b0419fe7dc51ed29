// OpenELM on libtorch against CoreNet: tests/golden/openelm/README.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/files.h"
#include "core/json.h"
#include "formats/safetensors/safetensors.h"
#include "machine/torch/learner.h"
#include "machine/torch/one_thread.h"
#include "machine/torch/torch.h"
#include "models/language/files/load.h"

namespace pliant::aten {
namespace {

using nlohmann::json;

constexpr std::int64_t rows = 64, length = 32;  // two sequences, packed

std::vector<double> doubles(const TensorView& view) {
  std::vector<double> result;
  for (std::int64_t i = 0; i < elements(view.type.shape); ++i) result.push_back(get(view, i));
  return result;
}

// CoreNet's tensor that holds the weight, and which of its two halves if it holds two weights.
struct Place {
  std::string name;
  int half = -1;
};

Place place_of(const std::string& weight) {
  static const std::map<std::string, Place> names{
      {"attention.norm.weight", {"attn_norm.weight"}},
      {"attention.qkv.weight", {"attn.qkv_proj.weight"}},
      {"attention.q_norm.weight", {"attn.q_norm.weight"}},
      {"attention.k_norm.weight", {"attn.k_norm.weight"}},
      {"attention.output.weight", {"attn.out_proj.weight"}},
      {"ffn.norm.weight", {"ffn_norm.weight"}},
      {"ffn.gate.weight", {"ffn.proj_1.weight", 0}},
      {"ffn.up.weight", {"ffn.proj_1.weight", 1}},
      {"ffn.down.weight", {"ffn.proj_2.weight"}}};
  if (weight == "embedding.weight") return {"transformer.token_embeddings.weight"};
  if (weight == "norm.weight") return {"transformer.norm.weight"};
  if (weight == "head.weight") return {"lm_head.weight"};
  const std::size_t behind = weight.find('.', std::string("layers.").size()) + 1;
  const Place inner = names.at(weight.substr(behind));
  return {"transformer." + weight.substr(0, behind) + inner.name, inner.half};
}

std::vector<double> golden_values(const WeightStore& golden, const std::string& prefix,
                                  const std::string& weight) {
  const Place place = place_of(weight);
  std::vector<double> all = doubles(decode(golden.at(prefix + place.name)).view());
  if (place.half < 0) return all;
  const auto middle = all.begin() + std::ssize(all) / 2;
  return place.half == 0 ? std::vector<double>(all.begin(), middle)
                         : std::vector<double>(middle, all.end());
}

double norm_of(const Tensor& tensor) {
  double squares = 0;
  for (const double each : doubles(tensor.view())) squares += each * each;
  return std::sqrt(squares);
}

void expect_near(const Tensor& found, const std::vector<double>& wanted, double tolerance,
                 const std::string& what) {
  const std::vector<double> got = doubles(found.view());
  ASSERT_EQ(got.size(), wanted.size()) << what;
  double most = 0;
  for (std::size_t i = 0; i < got.size(); ++i) most = std::max(most, std::abs(got[i] - wanted[i]));
  EXPECT_LE(most, tolerance) << what;
}

class Golden {
 public:
  Golden(const std::string& name, bool fused)
      : folder_("golden/openelm/" + name + "/"),
        train(json::parse(read_file(folder_ + "train.json"))),
        model(folder_model("golden/openelm/" + name)),
        batches_(load_safetensors(folder_ + "batches.safetensors")),
        options_(one_thread()),
        learner_((options_.fused = fused, options_), model.weights, groups()),
        pass_(
            learner_.prepare(std::make_shared<const Graph>(loss_graph(model.config, rows, 1e-4)))) {
  }

  WeightStore file(const std::string& name) const {
    return load_safetensors(folder_ + name + ".safetensors");
  }
  Learner& learner() { return learner_; }
  const Options& options() const { return options_; }
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    model.weights->for_each(
        [&](const std::string& name, const Stored&) { result.push_back(name); });
    return result;
  }

  // Gradients of the mean loss of step `i`; gives loss, nll and z, means too.
  std::vector<double> accumulate(std::size_t i) {
    learner_.clear_gradients();
    const json& step = train["steps"][i];
    const std::vector<Tensor> inputs = batch(i);
    std::vector<TensorView> in, out;
    std::vector<Tensor> outputs;
    for (const Tensor& each : inputs) in.push_back(each.view());
    for (int k = 0; k < 3; ++k) outputs.emplace_back(TensorType{DType::f32, {}});
    for (const Tensor& each : outputs) out.push_back(each.view());
    const double valid = step["valid_tokens"];
    learner_.accumulate(*pass_, in, out, 1 / valid);
    std::vector<double> means;
    for (const Tensor& each : outputs) means.push_back(get(each.view(), 0) / valid);
    return means;
  }

  std::vector<double> integers(const WeightStore& store, const std::string& name) const {
    return doubles(decode(store.at(name)).view());
  }

 private:
  std::vector<Group> groups() const {
    Group decaying, plain;
    decaying.decay = 0.1;
    model.weights->for_each([&](const std::string& name, const Stored& stored) {
      (stored.type.shape.size() == 2 ? decaying : plain).parameters.push_back({name, {}});
    });
    return {decaying, plain};
  }

  std::vector<Tensor> batch(std::size_t i) const {
    const std::string number = std::to_string(i);
    std::map<std::string, std::vector<double>> named{
        {"ids", integers(batches_, "samples." + number)},
        {"target", integers(batches_, "targets." + number)},
        {"tag", std::vector<double>(rows, 0)}};
    for (double& each : named["target"])
      if (each == train["ignore_index"].get<double>()) each = -1;
    for (std::int64_t row = 0; row < rows; ++row) {
      named["seq"].push_back(static_cast<double>(row / length));
      named["pos"].push_back(static_cast<double>(row % length));
    }
    std::vector<Tensor> inputs;
    for (const ValueId id : pass_->graph().inputs())
      inputs.push_back(Tensor::of(DType::i32, {rows}, named.at(pass_->graph().value(id).name)));
    return inputs;
  }

  std::string folder_;

 public:
  json train;
  LanguageModel model;

 private:
  WeightStore batches_;
  Options options_;
  Learner learner_;
  std::unique_ptr<Pass> pass_;
};

class TorchGolden : public testing::TestWithParam<std::tuple<const char*, bool>> {};

TEST_P(TorchGolden, LossesAndGradientNormsAreCoreNets) {
  Golden golden(std::get<0>(GetParam()), std::get<1>(GetParam()));
  const auto losses = golden.accumulate(0);
  const json& step = golden.train["steps"][0];
  const double ce = step["ce_loss"], total = step["grad_norm_total"];
  EXPECT_NEAR(losses[1], ce, 1e-6 * ce);
  const double ignored = static_cast<double>(rows) - step["valid_tokens"].get<double>();
  const double quirk = corenet_logged_z_loss(golden.model.config, 1e-4) * ignored /
                       step["valid_tokens"].get<double>();
  EXPECT_NEAR(losses[0] + quirk, step["total_loss"], 1e-6 * step["total_loss"].get<double>());
  EXPECT_NEAR(golden.learner().gradient_norm(), total, 1e-4 * total);
  std::map<std::string, double> squares;
  for (const std::string& name : golden.names())
    squares[place_of(name).name] += std::pow(norm_of(golden.learner().gradient(name)), 2);
  EXPECT_EQ(squares.size(), step["grad_norm"].size());
  for (const auto& [name, square] : squares) {
    const double wanted = step["grad_norm"][name];
    EXPECT_NEAR(std::sqrt(square), wanted, 1e-4 * wanted) << name;
  }
}

TEST_P(TorchGolden, LogitsAreCoreNets) {
  Golden golden(std::get<0>(GetParam()), std::get<1>(GetParam()));
  const LanguageConfig& config = golden.model.config;
  const WeightStore io = golden.file("io");
  Machine machine(golden.options());
  ThreadPool pool(1);
  std::vector<double> seq, pos;
  for (std::int64_t row = 0; row < rows; ++row) {
    seq.push_back(static_cast<double>(row / length));
    pos.push_back(static_cast<double>(row % length));
  }
  const Tensor ids = Tensor::of(DType::i32, {rows}, golden.integers(io, "input_ids")),
               sequence = Tensor::of(DType::i32, {rows}, seq),
               position = Tensor::of(DType::i32, {rows}, pos), tag({DType::i32, {rows}});
  const auto run = [&](Graph graph, const std::vector<TensorView>& inputs) {
    const auto shared = std::make_shared<const Graph>(std::move(graph));
    const auto program = machine.prepare(shared, golden.model.weights);
    Workspace workspace(program->need(), pool);
    Tensor out(shared->value(shared->outputs()[0]).type);
    const TensorView view = out.view();
    program->run({inputs, {&view, 1}, 0, nullptr}, workspace);
    return out;
  };
  const int layers = static_cast<int>(config.layers.size());
  Tensor hidden = run(embed_graph(config, rows), {ids.view()});
  hidden = run(layers_graph(config, 0, layers, rows, false),
               {hidden.view(), sequence.view(), position.view(), tag.view()});
  const Tensor logits = run(head_graph(config, rows), {hidden.view()});
  expect_near(logits, golden.integers(io, "logits"), 2e-5, "logits");
}

INSTANTIATE_TEST_SUITE_P(All, TorchGolden,
                         testing::Combine(testing::Values("tiny_a", "tiny_b", "tiny_c"),
                                          testing::Bool()));

class TorchGoldenSteps : public testing::TestWithParam<bool> {};

TEST_P(TorchGoldenSteps, GradientsWeightsAndMomentsAreCoreNets) {
  Golden golden("tiny_a", GetParam());
  Learner& learner = golden.learner();
  for (std::size_t i = 0; i < 3; ++i) {
    const json& step = golden.train["steps"][i];
    golden.accumulate(i);
    const double norm = learner.gradient_norm(), wanted = step["grad_norm_total"];
    EXPECT_NEAR(norm, wanted, 1e-4 * wanted);
    if (i == 0) {
      const WeightStore gradients = golden.file("grads_step0");
      for (const std::string& name : golden.names())
        expect_near(learner.gradient(name), golden_values(gradients, "", name), 2e-5, name);
    }
    learner.scale_gradients(std::min(1.0, 1 / (norm + 1e-6)));
    learner.update(step["lr"]);
  }
  const WeightStore weights = golden.file("weights_after3"), adam = golden.file("adam_after3"),
                    state = learner.state();
  for (const std::string& name : golden.names()) {
    expect_near(learner.parameter(name), golden_values(weights, "", name), 2e-5, name);
    expect_near(decode(state.at("first." + name)), golden_values(adam, "exp_avg.", name), 2e-5,
                name);
    expect_near(decode(state.at("second." + name)), golden_values(adam, "exp_avg_sq.", name), 2e-5,
                name);
  }
}

INSTANTIATE_TEST_SUITE_P(FusedOrNot, TorchGoldenSteps, testing::Bool());

}  // namespace
}  // namespace pliant::aten
