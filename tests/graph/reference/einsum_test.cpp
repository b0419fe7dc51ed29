#include <map>

#include "graph/one_operator.h"

namespace pliant {
namespace {

using namespace oracle;

struct Naive {  // all labels in nested loops, by an odometer
  kind::Einsum einsum;
  std::map<char, std::int64_t> sizes, at;

  std::int64_t offset(const std::string& labels) const {
    std::int64_t result = 0;
    for (const char label : labels) result = result * sizes.at(label) + at.at(label);
    return result;
  }
  bool next() {
    for (auto& [label, index] : at) {
      if (++index < sizes[label]) return true;
      index = 0;
    }
    return false;
  }
  std::vector<double> run(const std::vector<Tensor>& operands) {
    std::int64_t count = 1;
    for (const char label : einsum.out) count *= sizes[label];
    std::vector<double> result(static_cast<std::size_t>(count), 0);
    for (const auto& [label, size] : sizes) at[label] = 0;
    do {
      double product = 1;
      for (std::size_t i = 0; i < operands.size(); ++i)
        product *= get(operands[i].view(), offset(einsum.in[i]));
      result[offset(einsum.out)] += product;
    } while (next());
    return result;
  }
};

const std::vector<kind::Einsum> notations{
    {{"ij"}, "ji"},
    {{"ii"}, "i"},
    {{"ijk"}, "j"},
    {{"iji"}, ""},
    {{"ij", "jk"}, "ik"},
    {{"ij", "kj"}, "ki"},
    {{"bij", "bjk"}, "bik"},
    {{"ibj", "jbk"}, "kbi"},
    {{"i", "j"}, "ij"},
    {{"i", "i"}, ""},
    {{"i", "i"}, "i"},
    {{"ij", "ij"}, "ji"},
    {{"iij", "jk"}, "ki"},
    {{"ijx", "jky"}, "ik"},
    {{"", "ij"}, "ij"},
    {{"ij", "jk", "kl"}, "il"},
    {{"ij", "jk", "ki"}, ""},
    {{"abi", "acj", "bcij", "a"}, "cba"},
    {{"ihgd", "jhd"}, "hgij"},
};

TEST(ReferenceEinsum, EqualsNestedLoops) {
  Rng rng(1);
  for (const kind::Einsum& einsum : notations)
    for (const DType dtype : {DType::f64, DType::f32, DType::i32, DType::i8}) {
      Naive naive{einsum, {}, {}};
      std::vector<Tensor> operands;
      for (const std::string& labels : einsum.in) {
        Shape shape;
        for (const char label : labels)
          shape.push_back(naive.sizes.try_emplace(label, rng.between(1, 5)).first->second);
        operands.push_back(is_float(dtype) ? normal(rng, shape, dtype)
                                           : integers(rng, shape, -1, 1, dtype));
      }
      SCOPED_TRACE(einsum.in[0] + (einsum.in.size() > 1 ? "," + einsum.in[1] : "") + "->" +
                   einsum.out);
      const auto wanted = naive.run(operands);
      expect_close(values(run(einsum, operands)[0]), wanted,
                   dtype == DType::f64   ? 1e-14
                   : dtype == DType::f32 ? 1e-6
                                         : 0);
    }
}

TEST(ReferenceEinsum, LargeProductsCrossEveryBlockBoundary) {
  Rng rng(2);
  for (const Shape& s :
       std::vector<Shape>{{129, 257, 130}, {1, 600, 300}, {300, 513, 1}, {5, 3, 7}}) {
    const Tensor a = normal(rng, {s[0], s[1]}, DType::f64),
                 b = normal(rng, {s[1], s[2]}, DType::f64);
    std::vector<double> wanted(static_cast<std::size_t>(s[0] * s[2]), 0);
    for (std::int64_t i = 0; i < s[0]; ++i)
      for (std::int64_t k = 0; k < s[1]; ++k)
        for (std::int64_t j = 0; j < s[2]; ++j)
          wanted[i * s[2] + j] += get(a.view(), i * s[1] + k) * get(b.view(), k * s[2] + j);
    expect_close(values(run(kind::Einsum{{"ik", "kj"}, "ij"}, list(a.copy(), b.copy()))[0]), wanted,
                 1e-13);
  }
}

TEST(ReferenceEinsum, IntegersAreExactBeyondTheReachOfDoubles) {
  const std::int64_t big = (std::int64_t{1} << 53) + 1;
  Tensor a(TensorType{DType::i64, {1, 2}}), b(TensorType{DType::i64, {2, 1}});
  set_int(a.view(), 0, big);
  set_int(a.view(), 1, 1);
  set_int(b.view(), 0, 3);
  set_int(b.view(), 1, 1);
  EXPECT_EQ(get_int(run(kind::Einsum{{"ij", "jk"}, "ik"}, list(a.copy(), b.copy()))[0].view(), 0),
            3 * big + 1);
  EXPECT_EQ(get_int(run(kind::Einsum{{"ij"}, "ji"}, list(a.copy()))[0].view(), 0), big);
  EXPECT_EQ(get_int(run(kind::Einsum{{"ij"}, ""}, list(a.copy()))[0].view(), 0), big + 1);
}

TEST(ReferenceEinsum, SumsOfManySmallTermsKeepF64Precision) {
  Tensor x(TensorType{DType::f32, {1, 1 << 20}});
  for (float& each : x.span<float>()) each = 0.1F;
  const double sum =
      get(run(kind::Einsum{{"ij", "kj"}, "ik"}, list(x.copy(), x.copy()))[0].view(), 0);
  const double exact = double(0.1F) * double(0.1F) * (1 << 20);
  EXPECT_NEAR(sum, exact, exact * 1e-7);  // one rounding to f32
}

TEST(ReferenceEinsum, EmptySumsAreZero) {
  const auto out =
      run(kind::Einsum{{"ij", "jk"}, "ik"},
          list(Tensor(TensorType{DType::f32, {2, 0}}), Tensor(TensorType{DType::f32, {0, 3}})));
  EXPECT_EQ(values(out[0]), std::vector<double>(6, 0));
}

TEST(ReferenceEinsum, ThreadsDoNotChangeABit) {
  Rng rng(3);
  const auto operands = list(normal(rng, {3, 70, 301}), normal(rng, {3, 301, 150}));
  const auto one = run(kind::Einsum{{"bik", "bkj"}, "bij"}, operands, 1, 1);
  for (const int threads : {2, 3, 7}) {
    const auto many = run(kind::Einsum{{"bik", "bkj"}, "bij"}, operands, 1, threads);
    EXPECT_TRUE(std::ranges::equal(one[0].raw(), many[0].raw())) << threads;
  }
}

}  // namespace
}  // namespace pliant
