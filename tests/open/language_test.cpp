#include "open/language/open_language.h"

#include <gtest/gtest.h>

#include "core/files.h"
#include "errors.h"
#include "open/language_model.h"

namespace pliant {
namespace {

TEST(OpenLanguage, GivesAModelWithoutATokenizerASessionAllTheSame) {
  ThreadPool pool(1);
  const OpenedLanguage language = open_language("golden/openelm/tiny_a", {.context = 16}, pool);
  EXPECT_EQ(language.session->config().context, 16);
  EXPECT_EQ(language.tokenizer, nullptr);
  const Error error = thrown_by([&] { language.need_tokenizer(); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_EQ(error.place(), "golden/openelm/tiny_a");
}

TEST(OpenLanguage, NamesTheFolderOfWeightsThatLieInOne) {
  const Error error =
      thrown_by([] { load_language_model("golden/openelm/tiny_a/model.safetensors"); });
  EXPECT_EQ(error.next_step(), "give the folder: golden/openelm/tiny_a");
  EXPECT_EQ(thrown_by([] { load_language_model("zoo:resnet50"); }).kind(), ErrorKind::format);
}

}  // namespace
}  // namespace pliant
