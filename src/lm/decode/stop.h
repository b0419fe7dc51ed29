// Stop strings over streamed text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pliant::lm {

// Takes the bytes of tokens as they come and gives back text that is safe to show: whole UTF-8
// characters (what can become none is U+FFFD), and nothing that belongs to a stop string or still
// might. How the bytes are cut into calls makes no difference. Of several stop strings the one that
// is complete first ends the text, of equals the longest.
class StopMatcher {
 public:
  // throws Error{usage} for one that is empty or not UTF-8
  explicit StopMatcher(std::vector<std::string> stops);

  std::string push(std::string_view bytes);  // what may be shown now; empty once stopped
  std::string finish();                      // the generation has ended: what was still held back
  bool stopped() const { return !found_.empty(); }
  const std::string& found() const { return found_; }  // the stop string; empty if none was met

 private:
  struct Stop {
    std::string text;
    // longest proper prefix of text[0, i) that also ends it (Knuth, Morris, Pratt)
    std::vector<std::size_t> border;
    std::size_t matched = 0;  // bytes of `text` that end what was taken so far
  };
  void advance(Stop& stop, char byte) const;
  std::string release(std::size_t bytes, bool last);

  std::vector<Stop> stops_;
  std::string held_;
  std::string found_;
};

}  // namespace pliant::lm
