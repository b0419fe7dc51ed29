#include "image/image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/error.h"
#include "core/files.h"
#include "core/rng.h"
#include "errors.h"
#include "image/encode.h"
#include "image/tiny_png.h"

namespace pliant {
namespace {

Image decode(const std::string& bytes) {
  return decode_image(std::as_bytes(std::span(bytes)), "a.png");
}

Image checkerboard(int width, int height) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height; ++i)
    image.pixels.insert(image.pixels.end(), 3, (i % width + i / width) % 2 == 0 ? 0 : 200);
  return image;
}

TEST(Image, DecodesPngDroppingTransparency) {
  EXPECT_EQ(decode(png), (Image{2, 1, {255, 0, 0, 0, 0, 255}}));
  EXPECT_TRUE(looks_like_image(std::as_bytes(std::span(png))));
  EXPECT_FALSE(looks_like_image({}));
}

TEST(Image, EncodesPngThatReadsBack) {
  const Image image = checkerboard(7, 5);
  EXPECT_EQ(decode(encode_png(image)), image);
  EXPECT_EQ(decode(encode_png(Image{1, 1, {1, 2, 3}})), (Image{1, 1, {1, 2, 3}}));
  EXPECT_THROW(encode_png(Image{}), Error);
}

// Lossless: red, then blue.
const std::string webp{
    "RIFF\x1e\0\0\0WEBPVP8L\x11\0\0\0\x2f\x01\0\0\0\x0f\x10\xf3\xbf\xff\xf3\x1f\x0e\x32\xa2\xff\x01"
    "\0",
    38};

TEST(Image, DecodesWebp) {
  EXPECT_EQ(decode(webp), (Image{2, 1, {255, 0, 0, 0, 0, 255}}));
  EXPECT_TRUE(looks_like_image(std::as_bytes(std::span(webp))));
  EXPECT_THROW(decode_image(std::as_bytes(std::span(webp)), "a.webp", 1), Error);
}

TEST(Image, RefusesDamagedWebpByPlace) {
  for (std::size_t size = 12; size < webp.size() - 1; ++size) {
    const std::string cut = webp.substr(0, size);
    EXPECT_NE(error_of([&] { decode(cut); }).find("WebP"), std::string::npos) << size;
  }
  std::string huge = webp;
  huge[21] = huge[22] = huge[23] = '\xff';  // width and height, 14 bits each: 2^28 pixels
  huge[24] = '\x0f';
  EXPECT_THROW(decode(huge), Error);
  Rng rng(5);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = webp;
    for (int k = 0; k < 3; ++k)
      bytes[12 + rng.below(std::ssize(webp) - 12)] = static_cast<char>(rng.bits());
    try {
      const Image image = decode_image(std::as_bytes(std::span(bytes)), "a.webp", 1 << 16);
      EXPECT_EQ(std::ssize(image.pixels), std::int64_t{3} * image.width * image.height);
    } catch (const Error& error) {
      EXPECT_EQ(error.place(), "a.webp");
    }
  }
}

TEST(Image, RefusesWhatCannotBeDecoded) {
  for (const std::string& bytes :
       {std::string(), std::string("hello"), png.substr(0, 40), png.substr(0, 20)})
    EXPECT_THROW(decode(bytes), Error) << bytes.size();
}

TEST(Image, RefusesHugeImagesBeforeAllocating) {
  std::string tall = png;
  tall[16] = tall[20] = 0x7f;  // the high bytes of width and height
  EXPECT_THROW(decode(tall), Error);
  tall[16] = tall[20] = 0;
  tall[18] = tall[22] = 0x40;  // 16386 x 16385 pixels
  EXPECT_THROW(decode(tall), Error);
}

TEST(Image, RefusesMorePixelsThanTheCallerAllows) {
  EXPECT_EQ(decode_image(std::as_bytes(std::span(png)), "a.png", 2).width, 2);
  EXPECT_THROW(decode_image(std::as_bytes(std::span(png)), "a.png", 1), Error);
}

// One grey block of 8 x 8; `tables` is the body of the segment of Huffman tables.
std::string jpeg(const std::string& tables) {
  const auto segment = [](char marker, const std::string& body) {
    const std::size_t size = body.size() + 2;
    return std::string("\xff") + marker + static_cast<char>(size >> 8) + static_cast<char>(size) +
           body;
  };
  const std::string frame{8, 0, 8, 0, 8, 1, 1, 0x11, 0}, scan{1, 1, 0, 0, 63, 0};
  return "\xff\xd8" + segment('\xdb', std::string(1, '\0') + std::string(64, 16)) +
         segment('\xc4', tables) + segment('\xc0', frame) + segment('\xda', scan) + "\x3f\xff\xd9";
}

std::string table(char id, const std::string& counts, std::size_t codes) {
  return id + counts + std::string(16 - counts.size(), '\0') + std::string(codes, '\0');
}
const std::string good_tables = table(0, "\1", 1) + table(0x10, "\1", 1);

TEST(Image, DecodesJpeg) {
  EXPECT_EQ(decode(jpeg(good_tables)), (Image{8, 8, std::vector<std::uint8_t>(8 * 8 * 3, 128)}));
}

TEST(Image, RefusesACutJpeg) {
  const std::string whole = jpeg(good_tables);
  EXPECT_THROW(decode(whole.substr(0, whole.size() - 3)), Error);
}

// The two below were found by the image_file fuzz target in an earlier decoder, which wrote past
// its arrays.
TEST(Image, RefusesHuffmanTablesOfTooManyCodes) {
  const std::string eight(8, '\0');
  for (const std::string& counts : {eight + "\xff\x02", eight + std::string(8, '\xff')})
    for (const std::string& before : {std::string(), good_tables})
      EXPECT_THROW(decode(jpeg(before + table(0, counts, 257))), Error);
}

TEST(Image, RefusesWhatBrokeTheEarlierDecoder) {
  for (const char* name : {"empty_data_chunk.png", "many_codes.jpg"})
    EXPECT_THROW(decode(read_file(std::string("../fuzz/seeds/image_file/") + name)), Error) << name;
}

TEST(Image, MutatedFilesAreDecodedWholeOrRefusedByPlace) {
  Rng rng(3);
  for (int i = 0; i < 5000; ++i) {
    std::string bytes = png;
    for (int k = 0; k < 3; ++k)
      bytes[rng.below(static_cast<std::int64_t>(bytes.size()))] = static_cast<char>(rng.bits());
    try {
      const Image image = decode(bytes);
      EXPECT_EQ(std::ssize(image.pixels), std::int64_t{3} * image.width * image.height);
    } catch (const Error& error) {
      EXPECT_EQ(error.place().substr(0, 5), "a.png");
    }
  }
}

TEST(Image, ShrinkingAveragesAndGrowingInterpolates) {
  const Image small = resize(checkerboard(8, 8), 4, 4);
  for (const std::uint8_t value : small.pixels) EXPECT_NEAR(value, 100, 15);
  const Image two{2, 1, {0, 0, 0, 100, 100, 100}};
  // samples at -0.25, 0.25, 0.75, 1.25 of the source, clamped
  const Image four = resize(two, 4, 1);
  EXPECT_EQ(four.pixels,
            (std::vector<std::uint8_t>{0, 0, 0, 25, 25, 25, 75, 75, 75, 100, 100, 100}));
  EXPECT_EQ(resize(two, 2, 1), two);
  EXPECT_THROW(resize(two, 0, 1), Error);
}

// Sums of all values, each times its number, and the first ones, as Pillow 13 gives them.
TEST(Image, FiltersArePillowsBitForBit) {
  Image image{7, 5, {}};
  for (int i = 0; i < 7 * 5 * 3; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i * 37));
  const struct {
    Filter filter;
    int width, height;
    std::vector<std::uint8_t> first;
    std::int64_t sum;
  } cases[] = {{Filter::triangle, 4, 3, {62, 87, 124, 163, 67, 104}, 86613},
               {Filter::triangle, 9, 8, {0, 37, 74, 74, 111, 148}, 3005397},
               {Filter::cubic, 4, 3, {57, 87, 124, 169, 64, 105}, 86985},
               {Filter::cubic, 9, 8, {0, 31, 68, 66, 122, 159}, 2992369},
               {Filter::lanczos, 4, 3, {60, 87, 122, 172, 68, 113}, 86973},
               {Filter::lanczos, 9, 8, {0, 26, 63, 55, 126, 163}, 2987430}};
  for (const auto& each : cases) {
    const Image got = resize(image, each.width, each.height, each.filter);
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < got.pixels.size(); ++i)
      sum += got.pixels[i] * static_cast<std::int64_t>(i + 1);
    EXPECT_EQ(sum, each.sum);
    EXPECT_TRUE(std::ranges::equal(each.first, std::span(got.pixels).first(6)));
  }
}

TEST(Image, CroppingKeepsTheMiddle) {
  const Image wide{4, 2, {1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8}};
  EXPECT_EQ(resize_and_crop(wide, 2, 2), (Image{2, 2, {2, 2, 2, 3, 3, 3, 6, 6, 6, 7, 7, 7}}));
}

TEST(Image, NormalizesIntoEitherLayout) {
  const Image image{2, 1, {0, 51, 255, 255, 51, 0}};
  const Normalization unit{{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}};
  const Tensor nchw = to_tensor(image, ImageLayout::nchw, unit),
               nhwc = to_tensor(image, ImageLayout::nhwc);
  EXPECT_EQ(to_string(nchw.type()), "f32[1,3,1,2]");
  EXPECT_EQ(to_string(nhwc.type()), "f32[1,1,2,3]");
  EXPECT_FLOAT_EQ(nchw.span<float>()[0], -1);
  EXPECT_FLOAT_EQ(nchw.span<float>()[1], 1);
  EXPECT_FLOAT_EQ(nhwc.span<float>()[1], 0.2f);
}

}  // namespace
}  // namespace pliant
