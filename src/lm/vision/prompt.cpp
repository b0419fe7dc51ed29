#include "lm/vision/prompt.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/rng.h"

namespace pliant::lm {
namespace {

std::string repeated(std::string_view text, std::int64_t count) {
  std::string result;
  for (std::int64_t i = 0; i < count; ++i) result += text;
  return result;
}

// As Idefics3Processor writes an image.
std::string framed(const EncodedImage& image, std::string_view marker) {
  constexpr std::string_view edge = "<fake_token_around_image>";
  const std::int64_t frames = std::int64_t{image.frame_rows} * image.columns + 1;
  const std::string rows = repeated(marker, image.count / frames);
  std::string result;
  for (int r = 1; r <= image.frame_rows; ++r) {
    for (int c = 1; c <= image.columns; ++c)
      result += fmt::format("{}<row_{}_col_{}>{}", edge, r, c, rows);
    result += '\n';
  }
  if (frames > 1) result += '\n';
  return result + fmt::format("{0}<global-img>{1}{0}", edge, rows);
}

[[noreturn]] void mismatched(std::int64_t markers, std::string_view marker, std::size_t images) {
  throw Error(ErrorKind::invalid, "prompt",
              fmt::format("has {} image marker{} ({}) for {} image{}", markers,
                          markers == 1 ? "" : "s", marker, images, images == 1 ? "" : "s"),
              "give one --image for each marker, or leave the markers out");
}

TokenId name_of(const EncodedImage& image, std::int64_t row) {
  const char* bytes = reinterpret_cast<const char*>(&row);
  return -1 - static_cast<TokenId>(hash64({bytes, sizeof row}, image.key) & 0x7ffffffe);
}

}  // namespace

const std::string& image_marker(const Tokenizer& tokenizer, const VlmConfig& config) {
  if (config.image_token < tokenizer.size()) return tokenizer.piece(config.image_token);
  throw Error(
      ErrorKind::invalid, "tokenizer",
      fmt::format("has {} tokens, the image token is {}", tokenizer.size(), config.image_token),
      "put the tokenizer of the vision-language model into its folder");
}

std::string with_images(std::string_view text, std::string_view marker, VlmFamily family,
                        const Images& images) {
  std::string result;
  std::size_t from = 0, count = 0;
  for (std::size_t at; (at = text.find(marker, from)) != std::string_view::npos; ++count) {
    result += text.substr(from, at - from);
    if (count < images.size())
      result += family == VlmFamily::idefics3 ? framed(*images[count], marker)
                                              : repeated(marker, images[count]->count);
    from = at + marker.size();
  }
  if (count != images.size()) mismatched(static_cast<std::int64_t>(count), marker, images.size());
  return result + std::string(text.substr(from));
}

ImagePrompt::ImagePrompt(const VlmConfig& config, std::span<const TokenId> given, Images images)
    : width_(config.text_width), images_(std::move(images)) {
  const std::int64_t places = std::ranges::count(given, config.image_token);
  std::int64_t rows = 0;
  for (const auto& each : images_) rows += each->count;
  const bool whole = places == rows;
  if (!whole && places != std::ssize(images_))
    mismatched(places, fmt::format("token {}", config.image_token), images_.size());
  std::size_t image = 0;
  std::int64_t row = 0;  // of it
  const auto add_rows = [&](std::int64_t count) {
    const EncodedImage& one = *images_[image];
    if (runs_.empty() || runs_.back().image != image ||
        runs_.back().first + runs_.back().count != std::ssize(tokens)) {
      runs_.push_back({std::ssize(tokens), 0, image});
      rows_.push_back(one.rows.data() + row * width_);
    }
    runs_.back().count += count;
    for (std::int64_t i = 0; i < count; ++i, ++row) {
      tokens.push_back(config.image_token);
      known_.push_back(name_of(one, row));
      tags_.push_back(kv::tag_of({kv::SegmentKind::image, static_cast<std::int32_t>(image)}));
    }
    if (row == one.count) {
      ++image;
      row = 0;
    }
  };
  for (const TokenId each : given)
    if (each != config.image_token) {
      tokens.push_back(each);
      known_.push_back(each);
      tags_.push_back(0);
    } else {
      add_rows(whole ? 1 : images_[image]->count);
    }
  if (!known_.empty() && known_.back() < 0)
    throw Error(ErrorKind::invalid, "prompt", "ends with an image",
                "let words follow it: what is asked about the picture");
}

void ImagePrompt::mark(std::int64_t first, const kv::Segment& segment) {
  for (std::int64_t i = first; i < std::ssize(tags_); ++i)
    if (known_[i] >= 0) tags_[i] = kv::tag_of(segment);
}

std::vector<Piece> ImagePrompt::behind(std::int64_t length, bool tagged) const {
  std::vector<Piece> pieces;
  const std::int64_t end = std::ssize(known_) - 1;
  const auto add = [&](std::int64_t first, std::int64_t last, const float* rows) {
    first = std::max(first, length);
    last = std::min(last, end);
    if (first >= last) return;
    const std::size_t from = first, count = last - first;
    Piece piece;
    piece.tokens = std::span(known_).subspan(from, count);
    if (rows != nullptr) piece.rows = {rows, count * width_};
    if (tagged) piece.tags = std::span(tags_).subspan(from, count);
    pieces.push_back(piece);
  };
  std::int64_t at = 0;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Run& run = runs_[i];
    add(at, run.first, nullptr);
    const std::int64_t skipped = std::max<std::int64_t>(length - run.first, 0);
    add(run.first, run.first + run.count, rows_[i] + skipped * width_);
    at = run.first + run.count;
  }
  add(at, end, nullptr);
  return pieces;
}

}  // namespace pliant::lm
