// Text with images in it, as a session reads it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lm/session.h"
#include "lm/vision/encoder.h"
#include "machine/native/kv/choice/segment.h"

namespace pliant::lm {

using Images = std::vector<std::shared_ptr<const EncodedImage>>;

// What the vocabulary writes for the image token. Throws Error{invalid} for a tokenizer without it.
const std::string& image_marker(const Tokenizer& tokenizer, const VlmConfig& config);

// `text` with each `marker` in it as the processors of transformers write an image: the marker once
// for each of its rows, and for Idefics 3 the words around its frames. Throws Error{invalid} naming
// both numbers if there are not as many images as markers.
std::string with_images(std::string_view text, std::string_view marker, VlmFamily family,
                        const Images& images);

class ImagePrompt {
 public:
  // `tokens`: the image token for each row of each image, or once for each image. Throws
  // Error{invalid} for another number of them.
  ImagePrompt(const VlmConfig& config, std::span<const TokenId> tokens, Images images);

  std::vector<TokenId> tokens;  // all, an image's rows as the image token
  // What the session knows it by: tokens, and a name for each row of an image.
  const std::vector<TokenId>& known() const { return known_; }
  // Text from here on is of this segment, up to where another begins.
  void mark(std::int64_t first, const kv::Segment& segment);
  // What is behind the first `length`, but the last token. Tags, the segments of text and images,
  // are left out unless asked for. Valid while the prompt lives and is not changed.
  std::vector<Piece> behind(std::int64_t length, bool tagged) const;

 private:
  struct Run {  // of an image's rows
    std::int64_t first, count;
    std::size_t image;
  };
  std::vector<TokenId> known_;
  std::vector<std::int32_t> tags_;
  std::vector<Run> runs_;           // a frame at a time, where something stands between
  std::vector<const float*> rows_;  // of each run
  std::int64_t width_;
  Images images_;
};

}  // namespace pliant::lm
