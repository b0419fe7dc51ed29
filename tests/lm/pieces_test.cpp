// Prompts of several pieces: tokens, and rows in place of their embeddings.
#include <map>

#include "lm/talk.h"
#include "machine/native/program.h"

namespace pliant::lm {
namespace {

// What the model's first graph gives for tokens: [tokens, width].
std::vector<float> embedded(const LanguageModel& model, Talk& talk, const Ids& ids) {
  const std::int64_t rows = std::ssize(ids);
  native::Machine machine(talk.pool);
  const auto program = machine.compile(
      std::make_shared<const Graph>(embed_graph(model.config, rows)), model.weights);
  Workspace workspace(program->need(), talk.pool);
  Tensor tokens({DType::i32, {rows}}), positions({DType::i32, {rows}}),
      hidden({DType::f32, {rows, model.config.width}});
  std::ranges::copy(ids, tokens.span<std::int32_t>().begin());
  for (std::int64_t r = 0; r < rows; ++r)
    positions.span<std::int32_t>()[r] = static_cast<std::int32_t>(r);
  std::vector<TensorView> inputs, outputs{hidden.view()};
  for (const ValueId id : program->graph().inputs())
    inputs.push_back(program->graph().value(id).name == "ids" ? tokens.view() : positions.view());
  program->run({inputs, outputs, rows, nullptr}, workspace);
  return {hidden.span<float>().begin(), hidden.span<float>().end()};
}

std::vector<Logits> fed(Talk& talk, SeqId id, const std::vector<Piece>& pieces, std::int64_t rows) {
  const Tensor logits(TensorType{DType::f32, {rows, talk.vocabulary()}});
  const TensorView view = logits.view();
  EXPECT_EQ(talk.session.feed(id, pieces, &view), rows);
  return talk.split(logits);
}

TEST(Pieces, TheEmbeddingsOfTokensAreTheTokensBitForBit) {
  for (const char* name :
       {"openelm/tiny_a", "language/llama", "language/gemma2", "language/gpt2"}) {
    const LanguageModel model = load_language_model(std::string("golden/") + name);
    const std::int64_t width = model.config.width;
    Talk talk(model, {.sequences = 3, .prompt_rows = 16});
    const Ids ids = some_ids(40, model.config.vocabulary),
              more = some_ids(5, model.config.vocabulary, 1);
    const std::vector<float> rows = embedded(model, talk, ids);
    const SeqId first = talk.session.open(), second = talk.session.open(),
                third = talk.session.open();
    const auto wanted = talk.feed(first, ids), wanted_more = talk.steps(first, more);
    EXPECT_TRUE(same_bits(fed(talk, second, {{.rows = rows}}, 40), wanted)) << name;
    EXPECT_TRUE(same_bits(talk.steps(second, more), wanted_more)) << name;
    // An image after 7 tokens, cut where runs are not.
    const std::span all(ids);
    const auto image = std::span(rows).subspan(7 * width, 15 * width);
    EXPECT_TRUE(same_bits(
        fed(talk, third,
            {{.tokens = all.first(7)}, {.rows = image}, {}, {.tokens = all.subspan(22)}}, 40),
        wanted))
        << name;
    EXPECT_TRUE(same_bits(talk.steps(third, more), wanted_more)) << name;
    EXPECT_TRUE(std::ranges::equal(talk.session.tokens(third), all.first(7)));
    EXPECT_TRUE(talk.session.tokens(second).empty());
    EXPECT_EQ(talk.session.length(second), 45);
  }
}

// Keeps all; remembers the tags that it saw.
class Tags : public kv::Editor {
 public:
  std::string_view name() const override { return "tags"; }
  void edit(std::span<const kv::Chain> chains,
            std::span<const std::span<kv::Fate>>) const override {
    for (const kv::Chain& chain : chains)
      for (std::int64_t i = 0; i < chain.size(); ++i)
        (*seen)[chain.entry(i).position] = chain.entry(i).tag;
  }
  std::shared_ptr<std::map<std::int32_t, std::int32_t>> seen =
      std::make_shared<std::map<std::int32_t, std::int32_t>>();
};

TEST(Pieces, TagsReachTheCacheAndAnswersAreOfTheirTurn) {
  const LanguageModel model = tiny();
  Talk talk(model, {.prompt_rows = 4});
  const auto editor = std::make_shared<Tags>();
  const SeqId id = talk.session.open(kv::edited(editor));
  const std::vector<float> rows(3 * model.config.width, 0.25f);
  const std::vector<std::int32_t> tags{7, 8, -9};
  const Ids ids{1, 2};
  const std::vector<std::int32_t> text{4, 5};
  talk.session.feed(
      id, std::vector<Piece>{
              {.tokens = ids}, {.rows = rows, .tags = tags}, {.tokens = ids, .tags = text}});
  talk.step({{id, {3}}});
  const std::map<std::int32_t, std::int32_t> wanted{{0, 0},  {1, 0}, {2, 7}, {3, 8},
                                                    {4, -9}, {5, 4}, {6, 5}, {7, 5}};
  EXPECT_EQ(*editor->seen, wanted);
  talk.session.truncate(id, 4);
  talk.step({{id, {3}}});  // goes on with what is left
  EXPECT_EQ(editor->seen->at(4), 8);
}

TEST(Pieces, WrongOnesAreRefusedAndChangeNothing) {
  const LanguageModel model = tiny();
  Talk talk(model, {.context = 4});
  const SeqId id = talk.session.open();
  const Ids ids{1, 2}, strange{1, 512};
  const std::vector<float> rows(5 * model.config.width, 0.25f);
  const std::vector<std::int32_t> tags{1};
  const auto refused = [&](const Piece& piece) {
    const std::vector<Piece> pieces{{.tokens = ids}, piece};
    return thrown_by([&] { talk.session.feed(id, pieces); });
  };
  EXPECT_EQ(refused({.tokens = ids, .rows = std::span(rows).first(model.config.width)}).problem(),
            "2 names for 1 rows");
  EXPECT_EQ(
      refused({.tokens = ids, .rows = std::span(rows).first(2 * model.config.width)}).problem(),
      "a row is named 1, below 0 expected");
  EXPECT_EQ(refused({.rows = std::span(rows).first(3)}).problem(),
            "3 elements are no rows of " + std::to_string(model.config.width));
  EXPECT_EQ(refused({.tokens = ids, .tags = tags}).problem(), "1 tags for 2 rows");
  EXPECT_EQ(refused({.tokens = strange}).kind(), ErrorKind::invalid);
  EXPECT_EQ(refused({.rows = rows}).kind(), ErrorKind::capacity);
  EXPECT_EQ(talk.session.length(id), 0);
}

}  // namespace
}  // namespace pliant::lm
