// Which tokenizer made ids.
#pragma once

#include "data/shards/shard.h"
#include "text/tokenizer.h"

namespace pliant::data {

// By its pieces, its special tokens and what it makes of a text with many kinds of words, so that
// one tokenizer from two kinds of files is one.
TokenizerIdentity identify(const Tokenizer& tokenizer);

}  // namespace pliant::data
