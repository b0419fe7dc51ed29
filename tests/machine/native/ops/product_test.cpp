#include <map>

#include "machine/native/check.h"

namespace pliant::native {
namespace {

using oracle::list;
using oracle::normal;

struct Spec {
  std::vector<std::string> in;
  std::string out;
};

// Random sizes for the labels of a notation.
void check_einsum(const Spec& spec, std::int64_t largest, std::uint64_t seed) {
  Rng rng(seed);
  std::map<char, std::int64_t> sizes;
  std::vector<Tensor> operands;
  for (const std::string& labels : spec.in) {
    Shape shape;
    for (const char label : labels) {
      if (!sizes.contains(label)) sizes[label] = rng.between(1, largest);
      shape.push_back(sizes[label]);
    }
    operands.push_back(normal(rng, shape));
  }
  SCOPED_TRACE(spec.out);
  check(kind::Einsum{spec.in, spec.out}, operands, 2e-6, 1, 1);
}

TEST(NativeProduct, AgreesForEveryLayout) {
  const std::vector<Spec> specs{
      {{"mk", "kn"}, "mn"},     {{"mk", "nk"}, "mn"},     {{"km", "kn"}, "mn"},
      {{"km", "nk"}, "nm"},     {{"bmk", "bkn"}, "bmn"},  {{"rhd", "shd"}, "hrs"},
      {{"hrs", "shd"}, "rhd"},  {{"k", "kn"}, "n"},       {{"mk", "k"}, "m"},
      {{"k", "k"}, ""},         {{"m", "n"}, "mn"},       {{"mn", "mn"}, "mn"},
      {{"mn", "m"}, "mn"},      {{"abk", "kcd"}, "abcd"}, {{"akb", "ckd"}, "acdb"},
      {{"akbl", "lkc"}, "abc"}, {{"ijk", "kji"}, "i"},    {{"iik", "kn"}, "in"},
      {{"mkz", "kn"}, "mn"},    {{"cpq", "dpq"}, "cd"},   {{"bchw", "oc"}, "bohw"},
      {{"bhwc", "co"}, "bhwo"}};
  for (std::size_t i = 0; i < specs.size(); ++i) {
    check_einsum(specs[i], 4, i);
    check_einsum(specs[i], 23, i + 100);
    check_einsum(specs[i], 11, i + 200);
  }
}

TEST(NativeProduct, AgreesForLargeMatrices) {
  Rng rng(1);
  check(kind::Einsum{{"mk", "kn"}, "mn"}, list(normal(rng, {70, 530}), normal(rng, {530, 401})),
        1e-5);
  check(kind::Einsum{{"mk", "nk"}, "mn"}, list(normal(rng, {1, 1030}), normal(rng, {333, 1030})),
        1e-5);
  check(kind::Einsum{{"mk", "nk"}, "mn"}, list(normal(rng, {16, 100}), normal(rng, {65, 100})),
        1e-5);
  check(kind::Einsum{{"mk", "nk"}, "mn"}, list(normal(rng, {17, 100}), normal(rng, {65, 100})),
        1e-5);
  check(kind::Einsum{{"mk", "kn"}, "mn"}, list(normal(rng, {3, 90}), normal(rng, {90, 3203})),
        1e-5);
  check(kind::Einsum{{"ab"}, "ba"}, list(normal(rng, {133, 270})), 0);
  check(kind::Einsum{{"abc"}, "acb"}, list(normal(rng, {3, 133, 70})), 0);
  check(kind::Einsum{{"k", "kn"}, "n"}, list(normal(rng, {1500}), normal(rng, {1500, 77})), 1e-5);
}

TEST(NativeProduct, OneOperandIsACopyOrASum) {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    for (const Spec& spec :
         {Spec{{"abc"}, "cab"}, Spec{{"abc"}, "bac"}, Spec{{"aab"}, "ba"}, Spec{{"abc"}, "b"},
          Spec{{"abc"}, ""}, Spec{{"abcd"}, "db"}, Spec{{"aa"}, ""}, Spec{{"abc"}, "ca"}})
      check_einsum(spec, seed == 0 ? 3 : 29, seed);
  }
  Rng rng(2);
  for (const DType dtype : {DType::i8, DType::f16, DType::i64, DType::f64, DType::boolean})
    check(kind::Einsum{{"abc"}, "bca"}, list(oracle::integers(rng, {4, 5, 6}, 0, 1, dtype)));
  check(kind::Einsum{{"ab"}, "b"}, list(oracle::integers(rng, {4, 5}, -100, 100, DType::i32)));
}

TEST(NativeProduct, ManyOperands) {
  for (const Spec& spec :
       {Spec{{"ab", "bc", "cd"}, "ad"}, Spec{{"a", "b", "c"}, "abc"}, Spec{{"ab", "ab", "ab"}, ""}})
    check_einsum(spec, 7, 3);
}

TEST(NativeProduct, EmptySumIsZero) {
  check(kind::Einsum{{"mk", "kn"}, "mn"},
        list(Tensor(TensorType{DType::f32, {3, 0}}), Tensor(TensorType{DType::f32, {0, 4}})));
}

}  // namespace
}  // namespace pliant::native
