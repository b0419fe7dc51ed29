#include "report/markup.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "report/strict_xml.h"

namespace pliant::report {
namespace {

TEST(Markup, EscapesWhatMarkupWouldRead) {
  EXPECT_EQ(escaped("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
  EXPECT_EQ(escaped("grün\n\t"), "grün\n\t");
}

TEST(Markup, ReplacesWhatXmlForbids) {
  const std::string replaced = "\xEF\xBF\xBD";
  EXPECT_EQ(escaped(std::string("a\0b", 3)), "a" + replaced + "b");
  EXPECT_EQ(escaped("\x1b[31m"), replaced + "[31m");
  EXPECT_EQ(escaped("\xff"), replaced);                                // no UTF-8
  EXPECT_EQ(escaped("\xc3"), replaced);                                // cut
  EXPECT_EQ(escaped("\xED\xA0\x80").find('\xED'), std::string::npos);  // a surrogate
  EXPECT_EQ(escaped("\xEF\xBF\xBF"), replaced);                        // U+FFFF
}

TEST(Markup, AStringOfAScriptNeverEndsTheScript) {
  EXPECT_EQ(script_string("</script><!--\"\\\n"),
            "\"\\u003c/script\\u003e\\u003c!--\\u0022\\u005c\\u000a\"");
  EXPECT_EQ(script_string("a\xE2\x80\xA8z&"), "\"a\\u2028z\\u0026\"");
}

TEST(Markup, WritesNumbersShortly) {
  EXPECT_EQ(number_text(0), "0");
  EXPECT_EQ(number_text(-0.001), "0");
  EXPECT_EQ(number_text(1.5), "1.5");
  EXPECT_EQ(number_text(1.239), "1.24");
  EXPECT_EQ(number_text(-2), "-2");
  EXPECT_EQ(number_text(1e12), "1000000000000");
}

TEST(Markup, ClosesInOrderAndEscapesAttributes) {
  Markup out;
  out.open("g", {{"id", "a\"b"}, {"x", 1.25}, {"n", std::int64_t{7}}});
  out.leaf("title", {}, "<&>");
  out.lone("rect", {{"y", 2}});
  const std::string text = out.finish();
  EXPECT_EQ(
      text,
      "<g id=\"a&quot;b\" x=\"1.25\" n=\"7\"><title>&lt;&amp;&gt;</title><rect y=\"2\"/>\n</g>\n");
  const test::Element root = test::parse_xml(text);
  EXPECT_EQ(root.attributes.at("id"), "a\"b");
  EXPECT_EQ(root.children[0].text, "<&>");
}

TEST(Markup, TheTestsReaderIsStrict) {
  for (const char* text :
       {"<a>", "<a></b>", "<a><b></a></b>", "<a x=1/>", "<a x=\"1\" x=\"2\"/>", "<a>&</a>", "<a/>b",
        "<a>\x01</a>", "<a x=\"<\"/>", "", "<a x=\"1\"y=\"2\"/>"})
    EXPECT_THROW(test::parse_xml(text), std::runtime_error) << text;
}

}  // namespace
}  // namespace pliant::report
