// Markers, names, segments and what sessions know of prompts with images.
#include "lm/vision/prompt.h"

#include "errors.h"
#include "lm/generate.h"
#include "lm/greedy.h"
#include "machine/native/kv/policies/compression.h"
#include "models/vlm/files/load.h"
#include "models/vlm/golden.h"

namespace pliant::lm {
namespace {

// So many rows of the width 4, all of one value.
std::shared_ptr<const EncodedImage> image_of(std::int64_t count, float value, int rows = 0,
                                             int columns = 0) {
  EncodedImage image;
  image.rows.assign(count * 4, value);
  image.count = count;
  image.frame_rows = rows;
  image.columns = columns;
  image.key = static_cast<std::uint64_t>(value * 1000);
  return std::make_shared<const EncodedImage>(std::move(image));
}

VlmConfig config_of_width_4() {
  VlmConfig config;
  config.text_width = 4;
  config.image_token = 9;
  return config;
}

TEST(WithImages, RepeatsLlavasMarkerForEachRow) {
  EXPECT_EQ(with_images("a<i>b<i>", "<i>", VlmFamily::llava, {image_of(2, 1), image_of(1, 2)}),
            "a<i><i>b<i>");
  EXPECT_EQ(with_images("none", "<i>", VlmFamily::llava, {}), "none");
}

// What Idefics3Processor of transformers 5.24 writes.
TEST(WithImages, FramesIdeficsImages) {
  EXPECT_EQ(with_images("<i>?", "<i>", VlmFamily::idefics3, {image_of(2, 1)}),
            "<fake_token_around_image><global-img><i><i><fake_token_around_image>?");
  EXPECT_EQ(with_images("<i>?", "<i>", VlmFamily::idefics3, {image_of(3, 1, 2, 1)}),
            "<fake_token_around_image><row_1_col_1><i>\n<fake_token_around_image><row_2_col_1><i>\n"
            "\n<fake_token_around_image><global-img><i><fake_token_around_image>?");
}

TEST(WithImages, TakesTheMarkerFromTheVocabulary) {
  VlmConfig config;
  config.image_token = 65;
  const ListTokenizer tokenizer = vocabulary();
  EXPECT_EQ(image_marker(tokenizer, config), tokenizer.piece(65));
  config.image_token = 600;
  EXPECT_NE(error_of([&] { (void)image_marker(tokenizer, config); }).find("the image token is 600"),
            std::string::npos);
}

TEST(WithImages, OtherNumbersOfMarkersAreRefused) {
  const Images one{image_of(2, 1)};
  EXPECT_NE(error_of([&] {
              with_images("no", "<i>", VlmFamily::llava, one);
            }).find("has 0 image markers (<i>) for 1 image"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              with_images("<i><i>", "<i>", VlmFamily::idefics3, one);
            }).find("has 2 image markers (<i>) for 1 image"),
            std::string::npos);
  const std::vector<TokenId> three{1, 9, 9, 9, 2}, last{1, 9};
  EXPECT_NE(error_of([&] {
              ImagePrompt(config_of_width_4(), three, one);
            }).find("has 3 image markers (token 9) for 1 image"),
            std::string::npos);
  EXPECT_NE(
      error_of([&] { ImagePrompt(config_of_width_4(), last, one); }).find("ends with an image"),
      std::string::npos);
}

TEST(ImagePrompt, RowsStandWhereTheMarkersStood) {
  const Images images{image_of(2, 1), image_of(3, 2)};
  const std::vector<TokenId> markers{5, 9, 6, 9, 7}, whole{5, 9, 9, 6, 9, 9, 9, 7};
  ImagePrompt prompt(config_of_width_4(), markers, images);
  EXPECT_EQ(prompt.tokens, whole);
  EXPECT_EQ(ImagePrompt(config_of_width_4(), whole, images).known(), prompt.known());
  const std::vector<Piece> pieces = prompt.behind(2, true);  // within the first image
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[0].rows.size(), 4u);
  EXPECT_EQ(pieces[0].rows[0], 1);
  EXPECT_EQ(pieces[0].tags[0], kv::tag_of({kv::SegmentKind::image, 0}));
  EXPECT_EQ(pieces[1].tokens[0], 6);
  EXPECT_TRUE(pieces[1].rows.empty());
  EXPECT_EQ(pieces[2].rows.size(), 12u);
  EXPECT_EQ(pieces[2].tags[2], kv::tag_of({kv::SegmentKind::image, 1}));
  EXPECT_TRUE(prompt.behind(0, false)[1].tags.empty());
  EXPECT_TRUE(prompt.behind(7, false).empty());
}

TEST(ImagePrompt, NamesTellRowsAndImagesApart) {
  const std::vector<TokenId> ids{9, 9, 7};
  const ImagePrompt one(config_of_width_4(), ids, {image_of(2, 1)}),
      same(config_of_width_4(), ids, {image_of(2, 1)}),
      other(config_of_width_4(), ids, {image_of(2, 3)});
  EXPECT_EQ(one.known(), same.known());
  EXPECT_NE(one.known()[0], one.known()[1]);
  EXPECT_NE(one.known()[0], other.known()[0]);
  EXPECT_LT(one.known()[0], 0);
}

TEST(ImagePrompt, MarksTextAndLeavesImages) {
  const std::vector<TokenId> ids{5, 9, 9, 6, 7};
  ImagePrompt prompt(config_of_width_4(), ids, {image_of(2, 1)});
  prompt.mark(0, {kv::SegmentKind::system, 0});
  prompt.mark(3, {kv::SegmentKind::text, 2});
  const std::vector<Piece> pieces = prompt.behind(0, true);
  EXPECT_EQ(pieces[0].tags[0], kv::tag_of({kv::SegmentKind::system, 0}));
  EXPECT_EQ(pieces[1].tags[0], kv::tag_of({kv::SegmentKind::image, 0}));
  EXPECT_EQ(pieces[2].tags[0], kv::tag_of({kv::SegmentKind::text, 2}));
}

struct Llava {
  vlm::Golden golden{"llava"};
  VisionLanguageModel model = vlm_folder_model(golden.folder);
  ThreadPool pool{1};
  ImageEncoder encoder{model, vlm_folder_pixels(golden.folder, model.config), pool};
  Images images() {
    Images result;
    for (const int i : {0, 1})
      result.push_back(std::make_shared<EncodedImage>(encoder.encode(golden.image(i))));
    return result;
  }
};

TEST(ImagePrompt, BeginningsWithImagesAreTakenOver) {
  Llava llava;
  const Images images = llava.images();
  const std::vector<TokenId> ids = llava.golden.ids("ids");
  Session session(llava.model.language, llava.pool,
                  {.context = 128, .sequences = 2, .prefix_bytes = 1 << 20});
  const ImagePrompt prompt(llava.model.config, ids, images),
      swapped(llava.model.config, ids, {images[1], images[0]});
  const SeqId first = session.open();
  session.feed(first, prompt.behind(0, false));
  const SeqId second = session.open(kv::full(), prompt.known());
  EXPECT_EQ(session.length(second), std::ssize(ids) - 1);
  session.close(second);
  // The same ids with other pictures have only the text before them in common: too little to adopt.
  EXPECT_EQ(session.length(session.open(kv::full(), swapped.known())), 0);
}

TEST(ImagePrompt, SavedSequencesKeepWhatHasIds) {
  Llava llava;
  const ImagePrompt prompt(llava.model.config, llava.golden.ids("ids"), llava.images());
  Session session(llava.model.language, llava.pool, {.context = 128, .sequences = 2});
  const SeqId id = session.open();
  session.feed(id, prompt.behind(0, false));
  const SeqId restored = session.restore(session.save(id));
  EXPECT_EQ(session.length(restored), session.length(id));
  EXPECT_EQ(session.tokens(restored).size(), 7u);  // before the first image
}

TEST(ImagePrompt, PoliciesRunOnImagesAndKeepingAllChangesNothing) {
  Llava llava;
  const ImagePrompt prompt(llava.model.config, llava.golden.ids("ids"), llava.images());
  const std::vector<TokenId> wanted = llava.golden.ids("greedy");
  for (const bool by_layer : {false, true}) {
    Session session(llava.model.language, llava.pool, {.context = 128, .by_layer = by_layer});
    for (const double keep : {1.0, 0.5})
      for (const kv::Policy& policy : {kv::elastic(keep), kv::heavy_hitters(keep),
                                       kv::last_rows(keep), kv::prefix_layers(keep)}) {
        const SeqId id = session.open(policy);
        std::vector<TokenId> tokens = prompt.tokens;
        generate(session, id, nullptr, tokens, prompt.behind(0, session.edits(id)), greedy(8));
        EXPECT_EQ(session.length(id), std::ssize(wanted) - 1);
        if (keep == 1) {
          EXPECT_EQ(tokens, wanted);
          EXPECT_EQ(session.kept(id), session.length(id));
        } else {
          EXPECT_LT(session.kept(id), 0.95 * session.length(id));
        }
        session.close(id);
      }
  }
}

TEST(ImageEncoder, GivesTheSameForEveryNumberOfThreadsAndStops) {
  Llava llava;
  const Image image = llava.golden.image(0);
  ThreadPool pool(3);
  ImageEncoder other(llava.model, vlm_folder_pixels(llava.golden.folder, llava.model.config), pool);
  EXPECT_EQ(llava.encoder.encode(image).rows, other.encode(image).rows);
  EXPECT_NE(llava.encoder.encode(image).key, other.encode(llava.golden.image(1)).key);
  const std::atomic<bool> stop = true;
  EXPECT_EQ(thrown_by([&] { other.encode(image, &stop); }).kind(), ErrorKind::cancelled);
}

}  // namespace
}  // namespace pliant::lm
