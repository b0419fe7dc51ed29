#include "core/log/log.h"

#include <gtest/gtest.h>

#include <sstream>

#include "core/log/progress.h"

namespace pliant {
namespace {

TEST(Log, WritesOnlyWantedLevels) {
  std::ostringstream out;
  Log log(out, LogLevel::warning, false);
  log.info("quiet");
  log.debug("quieter");
  log.warning("careful");
  log.error("broken");
  EXPECT_EQ(out.str(), "pliant: warning: careful\npliant: error: broken\n");
}

TEST(Log, AStatusLineStaysBelowMessagesAndGoesAway) {
  std::ostringstream out;
  {
    Log log(out, LogLevel::info, true);
    log.status("50 %");
    log.info("half");
  }
  EXPECT_EQ(out.str(), "\r\x1b[K50 %\r\x1b[Kpliant: half\n50 %\r\x1b[K");
}

TEST(Progress, IsQuietInAPipe) {
  std::ostringstream out;
  Log log(out, LogLevel::info, false);
  Progress progress(log, steady_clock());
  progress.show([]() -> std::string {
    ADD_FAILURE() << "asked for a line nobody sees";
    return "";
  });
  EXPECT_EQ(out.str(), "");
}

TEST(Progress, IsRateLimited) {
  std::ostringstream out;
  Log log(out, LogLevel::info, true);
  double now = 10;
  int lines = 0;
  Progress progress(
      log, [&now] { return now; }, 0.1);
  for (int i = 0; i < 100; ++i, now += 0.01)
    progress.show([&lines] { return std::to_string(++lines); });
  EXPECT_GE(lines, 9);
  EXPECT_LE(lines, 11);
}

TEST(Progress, ASearchShowsIncumbentBoundAndGap) {
  EXPECT_EQ(search_line("plan", 413952, 206976, 3.2),
            "plan: best 413,952 B, bound 206,976 B, gap 50.0 %, 3.2 s");
  EXPECT_EQ(search_line("plan", -1, 0, 3.2), "plan: no plan yet, bound 0 B, 3.2 s");
  EXPECT_EQ(gap(0, 0), 0);
  EXPECT_EQ(gap(100, 100), 0);
}

}  // namespace
}  // namespace pliant
