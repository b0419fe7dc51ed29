#include "formats/torch/torch.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/files.h"
#include "core/rng.h"
#include "errors.h"
#include "formats/torch/torch_file.h"

namespace pliant {
namespace {

using namespace torch_file;

std::span<const std::byte> bytes_of(const std::string& file) {
  return std::as_bytes(std::span(file.data(), file.size()));
}
std::vector<TorchTensor> read(const std::string& file) { return read_torch(bytes_of(file), "f"); }
std::string refusal(const std::string& file) {
  return error_of([&] { read(file); });
}
void expect_refusal(const std::string& file, ErrorKind kind, const std::string& part) {
  const Error error = thrown_by([&] { read(file); });
  EXPECT_EQ(name(error.kind()), name(kind)) << error.what();
  EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
      << error.what() << "\nwithout: " << part;
}

const std::string six(6 * sizeof(float), '\1');

std::vector<Entry> entries_of(const std::string& value, const std::string& data = six) {
  return {{"a/data.pkl", pickle(value)}, {"a/data/0", data}};
}
std::string file_of(const std::string& value, const std::string& data = six) {
  return zip(entries_of(value, data));
}
std::string file_of(const View& view, const std::string& data = six) {
  return file_of(dictionary({{"w", tensor(view)}}), data);
}

TEST(Torch, ReadsTensorsOfNestedDictionaries) {
  const std::string inner = dictionary({{"w", tensor({"FloatStorage", "0", 6, 0, {2, 3}, {3, 1}})},
                                        {"rows", tensor({"FloatStorage", "0", 6, 3, {3}, {1}})}});
  const std::string value =
      dictionary({{"epoch", number(3)}, {"model", inner}, {"rate", "G" + std::string(8, '\0')}});
  const std::string file = file_of(value);
  EXPECT_TRUE(is_torch(bytes_of(file)));
  const std::vector<TorchTensor> all = read(file);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "model.w");
  EXPECT_EQ(all[0].type, (TensorType{DType::f32, {2, 3}}));
  EXPECT_EQ(all[0].bytes.size(), 24u);
  EXPECT_EQ(all[1].name, "model.rows");
  EXPECT_EQ(all[1].bytes.data(), all[0].bytes.data() + 12);
}

TEST(Torch, ReadsEveryStorage) {
  const std::pair<const char*, DType> storages[] = {
      {"FloatStorage", DType::f32},   {"HalfStorage", DType::f16}, {"BFloat16Storage", DType::bf16},
      {"DoubleStorage", DType::f64},  {"CharStorage", DType::i8},  {"ByteStorage", DType::u8},
      {"ShortStorage", DType::i16},   {"IntStorage", DType::i32},  {"LongStorage", DType::i64},
      {"BoolStorage", DType::boolean}};
  for (const auto& [storage, dtype] : storages) {
    const std::string data(5 * size_of(dtype), '\1');
    const auto all = read(file_of(View{storage, "0", 5, 1, {4}, {1}}, data));
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].type, (TensorType{dtype, {4}})) << storage;
    EXPECT_EQ(std::ssize(all[0].bytes), 4 * size_of(dtype));
  }
}

TEST(Torch, Reads64BitRecordsAndComments) {
  const auto entries =
      entries_of(dictionary({{"w", tensor({"FloatStorage", "0", 6, 0, {6}, {1}})}}));
  for (const bool wide : {false, true})
    for (const std::string comment : {"", "made by hand PK\5\6"}) {
      const auto all = read(zip(entries, wide, comment));
      ASSERT_EQ(all.size(), 1u);
      EXPECT_EQ(all[0].bytes.size(), six.size());
    }
}

TEST(Torch, StridesOfOneElementMeanNothing) {
  EXPECT_EQ(read(file_of(View{"FloatStorage", "0", 6, 0, {1, 6}, {99, 1}})).size(), 1u);
  EXPECT_EQ(read(file_of(View{"FloatStorage", "0", 6, 2, {}, {}})).at(0).bytes.size(), 4u);
  EXPECT_EQ(read(file_of(View{"FloatStorage", "0", 6, 6, {0, 3}, {5, 7}})).at(0).bytes.size(), 0u);
}

TEST(Torch, AttributesAndParametersAreWhatTheyHold) {
  const std::string w = tensor({"FloatStorage", "0", 6, 0, {6}, {1}});
  const std::string parameter = global("torch._utils", "_rebuild_parameter") + w + "\x88" +
                                global("collections", "OrderedDict") + ")R\x87R";
  const std::string ordered = global("collections", "OrderedDict") + ")Rq\1" + text("w") +
                              parameter + "s" + dictionary({{"_metadata", "h\1"}}) + "b";
  const auto all = read(file_of(ordered));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].name, "w");
}

TEST(Torch, ViewsStayInsideTheirStorage) {
  const auto refused = [](const View& view, const std::string& part,
                          ErrorKind kind = ErrorKind::format) {
    expect_refusal(file_of(view), kind, part);
  };
  refused({"FloatStorage", "0", 6, 0, {3, 2}, {1, 3}}, "'w': is [3,2] with strides [1,3]",
          ErrorKind::unsupported);
  refused({"FloatStorage", "0", 6, 0, {6}, {0}}, "strides [0]", ErrorKind::unsupported);
  refused({"FloatStorage", "0", 6, 1, {6}, {1}}, "is [6] from element 1 on, in a storage of 6");
  refused({"FloatStorage", "0", 6, 7, {0}, {1}}, "from element 7 on");
  refused({"FloatStorage", "0", 6, std::int64_t{1} << 62, {1}, {1}}, "in a storage of 6 elements");
  refused({"FloatStorage", "0", 7, 0, {6}, {1}}, "a storage of 28 bytes, 'a/data/0' has 24");
  refused({"DoubleStorage", "0", 6, 0, {6}, {1}}, "a storage of 48 bytes");
  refused({"FloatStorage", "1", 6, 0, {6}, {1}}, "there is no entry 'a/data/1'");
  refused({"FloatStorage", "0", std::int64_t{1} << 62, 0, {6}, {1}}, "'w': ");
  refused({"FloatStorage", "0", 6, 0, {std::int64_t{1} << 33, std::int64_t{1} << 33}, {1, 1}},
          "'w': ");
  refused({"FloatStorage", "0", 6, 0, {6, 1}, {1}}, "2 sizes and 1 strides");
  refused({"FloatStorage", "0", 6, -1, {6}, {1}}, "a tensor at offset -1");
  refused({"FloatStorage", "0", 6, 0, {-6}, {1}}, "a size or stride of -6");
  refused({"FloatStorage", "0", -6, 0, {6}, {1}}, "a storage of -6 elements");
  refused({"FloatStorage", "0", 6, 0, std::vector<std::int64_t>(65, 1), {}}, "65 axes");
}

TEST(Torch, NothingIsImportedOrCalled) {
  const std::string call = global("os", "system") + text("true") + "\x85R";
  expect_refusal(file_of(call), ErrorKind::unsupported,
                 "a/data.pkl: byte 2: the global 'os.system' is not one");
  expect_refusal(file_of(View{"ComplexFloatStorage", "0", 3, 0, {3}, {1}}), ErrorKind::unsupported,
                 "the global 'torch.ComplexFloatStorage'");
  for (const char opcode : {'i', 'o', '\x81', '\x82', 'P', 'I', '\x8c', '\x93', '0', '\x0a'})
    expect_refusal(file_of(std::string(1, opcode)), ErrorKind::unsupported,
                   "byte 2: the opcode 0x");
  expect_refusal(zip({{"a/data.pkl", "\x80\x04}."}}), ErrorKind::unsupported,
                 "pickle protocol 4; 2 is read");
}

TEST(Torch, PicklesThatDoNotFitTogetherAreRefused) {
  const std::string ordered = global("collections", "OrderedDict");
  const std::pair<std::string, const char*> cases[] = {
      {"", "takes a value from an empty stack"},
      {"}}", "values are left on the stack"},
      {"(}", "values are left on the stack"},
      {"t", "goes back to a mark that is not there"},
      {"K\1", "holds no dictionary"},
      {"X" + little(99, 4), "the pickle is cut"},
      {"cos", "the pickle is cut"},
      {"h\1", "takes the value number 1, which was not kept"},
      {"q\1", "keeps a value of an empty stack"},
      {"}r" + little(1u << 31, 4), "keeps a value as number 2147483648"},
      {"}K\1s", "a dictionary expected on an empty stack"},
      {"}(K\1u", "a key without a value"},
      {"}NK\1s", "a key that is neither text nor a whole number"},
      {"K\1K\1K\1s", "a dictionary expected"},
      {")K\1a", "a list expected, not a tuple"},
      {"}}b}", "values are left on the stack"},
      {"}K\1b", "a dictionary expected"},
      {"K\1)R", "a function expected"},
      {ordered + "K\1R", "arguments expected"},
      {ordered + "K\1\x85R", "an OrderedDict with arguments"},
      {global("torch", "FloatStorage") + ")R", "calls a type of storage"},
      {global("torch._utils", "_rebuild_tensor_v2") + ")R", "a tensor of 0 arguments"},
      {global("torch._utils", "_rebuild_parameter") + ")R", "a parameter without a tensor"},
      {")Q", "a storage is ('storage', type, key, device, elements)"},
      {"\x8a\x09" + std::string(9, '\1'), "a number of 9 bytes"},
  };
  for (const auto& [value, part] : cases) {
    const std::string said = refusal(file_of(value));
    EXPECT_NE(said.find(part), std::string::npos) << said << "\nwithout: " << part;
  }
  EXPECT_NE(refusal(zip({{"a/data.pkl", "}."}})).find("no pickle"), std::string::npos);
  EXPECT_NE(refusal(zip({{"a/data.pkl", ""}})).find("the pickle is cut"), std::string::npos);
}

TEST(Torch, DictionariesThatHoldThemselvesEnd) {
  EXPECT_TRUE(read(file_of("}q\1" + text("self") + "h\1s")).empty());
  // thirty values, 2^30 paths
  std::string shared = "}q\1";
  for (int i = 0; i < 40; ++i) shared += text(std::to_string(i)) + "h\1s";
  expect_refusal(file_of(shared), ErrorKind::capacity, "too many entries");
}

TEST(Torch, LimitsAreErrors) {
  std::string many(std::size_t{1} << 20, 'N');
  expect_refusal(file_of("(" + many + "Nt"), ErrorKind::capacity, "more than 1048576 values");
  expect_refusal(file_of(std::string((std::size_t{1} << 20) + 1, '(')), ErrorKind::capacity,
                 "too many marks");
  expect_refusal(file_of(std::string(std::size_t{1} << 24, 'N')), ErrorKind::capacity,
                 "at most 16777216 are read");
}

TEST(Torch, NamesStandOnce) {
  const std::string w = tensor({"FloatStorage", "0", 6, 0, {6}, {1}});
  expect_refusal(file_of(dictionary({{"w", w}, {"w", w}})), ErrorKind::format,
                 "'w': stands there twice");
}

TEST(Torch, ArchivesOfOtherThingsAreRefused) {
  expect_refusal(zip({{"a/model.txt", "x"}}), ErrorKind::format, "no PyTorch checkpoint");
  expect_refusal(zip({{"a/data.pkl", "x"}, {"b/data.pkl", "x"}}), ErrorKind::format,
                 "data.pkl in two folders");
  auto entries = entries_of("}");
  entries.push_back({"a/byteorder", "big"});
  expect_refusal(zip(entries), ErrorKind::unsupported, "byte order 'big'");
  const std::string old("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.", 15);
  EXPECT_TRUE(is_torch(bytes_of(old)));
  expect_refusal(old, ErrorKind::unsupported, "before version 1.6");
  EXPECT_FALSE(is_torch(bytes_of(zip({{"word/document.xml", "x"}}))));
}

TEST(Torch, EveryCutIsAnError) {
  const std::string file = file_of(View{"FloatStorage", "0", 6, 0, {2, 3}, {3, 1}});
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_NE(refusal(file.substr(0, size)), "accepted") << size;
}

TEST(Torch, WrongBytesNeverHarm) {
  const auto entries =
      entries_of(dictionary({{"w", tensor({"FloatStorage", "0", 6, 0, {6}, {1}})}}));
  Rng rng(7);
  for (const bool wide : {false, true}) {
    const std::string file = zip(entries, wide);
    for (int round = 0; round < 4000; ++round) {
      std::string broken = file;
      for (int i = 0; i < 2; ++i)
        broken[rng.below(broken.size())] = static_cast<char>(rng.below(256));
      try {
        for (const TorchTensor& each : read(broken)) {
          EXPECT_GE(reinterpret_cast<const char*>(each.bytes.data()), broken.data());
          EXPECT_LE(reinterpret_cast<const char*>(each.bytes.data()) + each.bytes.size(),
                    broken.data() + broken.size());
        }
      } catch (const Error&) {
      }
    }
  }
}

TEST(Torch, ReadsWhatPyTorchWrites) {
  const MappedFile file("golden/corenet/checkpoint.pt");
  EXPECT_TRUE(is_torch(file.bytes()));
  const auto all = read_torch(file.bytes(), "checkpoint.pt");
  ASSERT_EQ(all.size(), 2u + 2u * 8u);
  for (const TorchTensor& each : all) {
    EXPECT_EQ(each.type.dtype, DType::f32);
    EXPECT_EQ((each.bytes.data() - file.bytes().data()) % 64, 0);
  }
}

}  // namespace
}  // namespace pliant
