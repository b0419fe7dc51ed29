#include "report/style.h"

#include <fmt/format.h>

#include <array>

namespace pliant::report {
namespace {

struct Rule {
  std::string_view selector, property, light, dark;
};

// Boxes carry dark text in the light scheme and light text in the dark one.
constexpr std::array rules{
    Rule{".bg", "fill", "#ffffff", "#14181f"},
    Rule{".a0", "fill", "#8fbbe8", "#2f6299"},
    Rule{".a1", "fill", "#b9d4f1", "#3f7db8"},
    Rule{".a2", "fill", "#6fa3dc", "#254c7d"},
    Rule{".a3", "fill", "#9fd0e6", "#2d7391"},
    Rule{".a4", "fill", "#a9b8ec", "#4a5cab"},
    Rule{".a5", "fill", "#7cc0d8", "#226077"},
    Rule{".a6", "fill", "#cfdff0", "#4c6f99"},
    Rule{".a7", "fill", "#8aa4dd", "#36478a"},
    Rule{".w0", "fill", "#f7e3a1", "#8a7423"},
    Rule{".w1", "fill", "#efd174", "#a58c33"},
    Rule{".w2", "fill", "#fbeec4", "#74611c"},
    Rule{".w3", "fill", "#e6c35c", "#978040"},
    Rule{".i0", "fill", "#57bd96", "#1d8262"},
    Rule{".i1", "fill", "#7fd0b0", "#2a9a77"},
    Rule{".o0", "fill", "#dd7a52", "#b4522b"},
    Rule{".o1", "fill", "#e89374", "#c96540"},
    Rule{".hl", "stroke", "#5b6470", "#aab4c2"},
    Rule{".hb", "fill", "#e9ecf0", "#2a313b"},
    Rule{".b>*", "stroke", "#22385a", "#05080d"},
    Rule{".b>.i0,.b>.i1,.b>.o0,.b>.o1", "stroke", "#1d2430", "#e3e8ef"},
    Rule{".t", "fill", "#1d2430", "#e3e8ef"},
    Rule{".q", "fill", "#5a6472", "#9aa5b4"},
    Rule{".bl", "fill", "#0f1a2b", "#f2f6fb"},
    Rule{".g", "stroke", "#e3e7ec", "#262d37"},
    Rule{".x", "stroke", "#8b95a3", "#6b7685"},
    Rule{".rs", "fill", "#a9c6e6", "#2d5783"},
    Rule{".dm", "stroke", "#1d2430", "#e3e8ef"},
    Rule{".ml", "stroke", "#5a6472", "#9aa5b4"},
    Rule{".cp", "fill", "#b8c0ca", "#56606e"},
    Rule{".ld", "fill", "#c2185b", "#ff6f9f"},
    Rule{".st", "fill", "#5e2a9b", "#c49bff"},
    Rule{".mv", "fill", "#111111", "#ffffff"},
    Rule{".k", "stroke", "#ffffff", "#14181f"},
    Rule{".kc", "fill", "#ffffff", "#14181f"},
    Rule{".kc", "stroke", "#5a6472", "#9aa5b4"},
    Rule{".hc,.hs", "fill", "#f2b705", "#ffd24a"},
    Rule{".c0", "stroke", "#0072b2", "#56b4e9"},
    Rule{".c1", "stroke", "#d55e00", "#e8703a"},
    Rule{".c2", "stroke", "#e69f00", "#ffd27a"},
    Rule{".c3", "stroke", "#005c45", "#2fa37c"},
    Rule{".c4", "stroke", "#cc79a7", "#f0b8d8"},
    Rule{".c5", "stroke", "#5a6472", "#9aa5b4"},
    Rule{".p0", "fill", "#0072b2", "#56b4e9"},
    Rule{".p1", "fill", "#d55e00", "#e8703a"},
    Rule{".p2", "fill", "#e69f00", "#ffd27a"},
    Rule{".p3", "fill", "#005c45", "#2fa37c"},
    Rule{".p4", "fill", "#cc79a7", "#f0b8d8"},
    Rule{".p5", "fill", "#5a6472", "#9aa5b4"},
};

constexpr std::string_view shapes =
    R"(text{font:11px system-ui,"Segoe UI","Helvetica Neue",Arial,"DejaVu Sans",sans-serif}
text.h{font-size:13px;font-weight:600}
text.bl{font-size:10px;pointer-events:none}
.g,.x{stroke-width:1;fill:none;shape-rendering:crispEdges}
.b>*{stroke-width:.5;stroke-opacity:.55;vector-effect:non-scaling-stroke}
.b.fine>*{stroke-width:.12}
.b>.i0,.b>.i1,.b>.o0,.b>.o1{stroke-width:1.2;stroke-opacity:1}
@media print{.b>*,.dm,.ml{vector-effect:none}.b.fine>*{stroke:none}}
.hl{stroke-width:1.2;fill:none}
.dm,.ml{fill:none;stroke-width:1.2;vector-effect:non-scaling-stroke}
.ml.cap{stroke-width:1.8}
.k{stroke-width:.8}
.kc{stroke-width:.8}
.hc{opacity:0;vector-effect:non-scaling-stroke}
.hs>*{opacity:0}.hs>*:hover{opacity:.5}.hc.on{opacity:.3}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.hollow{stroke-width:1.6}
.vm{stroke-width:1;stroke-dasharray:3 3}
)";

}  // namespace

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::activation: return "activation";
    case Kind::input: return "input";
    case Kind::output: return "output";
    case Kind::weight: return "weight";
    case Kind::workspace: return "workspace";
    case Kind::buffer: return "buffer";
  }
  return "";
}

std::string shade_class(Kind kind, std::string_view name) {
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  hash ^= hash >> 15;
  switch (kind) {
    case Kind::activation:
    case Kind::buffer: return fmt::format("a{}", hash % 8);
    case Kind::weight: return fmt::format("w{}", hash % 4);
    case Kind::input: return fmt::format("i{}", hash % 2);
    case Kind::output: return fmt::format("o{}", hash % 2);
    case Kind::workspace: break;
  }
  return "s";
}

std::string middle_shade_class(Kind kind) {
  switch (kind) {
    case Kind::activation:
    case Kind::buffer: return "a0";
    case Kind::weight: return "w1";
    case Kind::input: return "i0";
    case Kind::output: return "o0";
    case Kind::workspace: break;
  }
  return "s";
}

std::string_view series_dashes(int series) {
  constexpr std::array<std::string_view, series_count> dashes{"", "7 3", "2 3", "7 3 2 3", "10 4", "3 2"};
  return dashes[series % series_count];
}

std::string picture_style() {
  std::string light(shapes), dark;
  for (const Rule& rule : rules) {
    light += fmt::format("{}{{{}:{}}}\n", rule.selector, rule.property, rule.light);
    dark += fmt::format("{}{{{}:{}}}\n", rule.selector, rule.property, rule.dark);
  }
  // Paper is light whatever the screen is.
  return light + ".s{fill:url(#hatch)}\n@media screen and (prefers-color-scheme:dark){\n" + dark + "}\n";
}

std::string page_style() {
  return R"(:root{color-scheme:light dark;--bg:#ffffff;--fg:#1d2430;--mute:#5a6472;--line:#dde2e8;--card:#f5f7fa;--accent:#0072b2;--good:#00734f;--warn:#9a4400;--tip:#fffdf5}
@media screen and (prefers-color-scheme:dark){:root{--bg:#14181f;--fg:#e3e8ef;--mute:#9aa5b4;--line:#2c343f;--card:#1b212a;--accent:#56b4e9;--good:#3ccf9f;--warn:#ffae6b;--tip:#232b36}}
*{box-sizing:border-box}
body{margin:0 auto;padding:28px 24px 60px;max-width:1240px;background:var(--bg);color:var(--fg);font:14px/1.5 system-ui,"Segoe UI","Helvetica Neue",Arial,"DejaVu Sans",sans-serif}
h1{font-size:24px;line-height:1.25;margin:0 0 2px;overflow-wrap:anywhere}
h2{font-size:18px;margin:40px 0 6px;padding-top:14px;border-top:1px solid var(--line)}
h3{font-size:14px;margin:22px 0 6px}
p{margin:4px 0 12px;max-width:82ch}
.mute{color:var(--mute)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:12px;margin:18px 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px}
.card b{display:block;font-size:20px;line-height:1.3;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.card .k{color:var(--mute);font-size:12px}
.card.good b{color:var(--good)}.card.warn b{color:var(--warn)}
svg.pic{display:block;width:100%;height:auto}
.two{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));gap:18px 28px}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:6px 0 14px;min-width:min(100%,560px)}
th{font-weight:600;color:var(--mute);text-align:left;font-size:12px;border-bottom:1px solid var(--line);padding:4px 10px;vertical-align:bottom}
td{padding:3px 10px;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
.num{text-align:right;white-space:nowrap;overflow-wrap:normal}
tr.us td{font-weight:600}
tr.total td{font-weight:600;border-top:2px solid var(--line)}
details{margin:6px 0 14px}summary{cursor:pointer;color:var(--accent)}
.bar{display:flex;align-items:center;gap:10px;margin:8px 0 4px}
.bar button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:2px 12px;cursor:pointer}
.bar button:hover{border-color:var(--accent)}
.slide{overflow-x:scroll;overflow-y:hidden;height:16px}.slide div{height:1px}
.map{outline-offset:2px;touch-action:pan-y;cursor:crosshair}
.map .hi{stroke-width:2.4;stroke-opacity:1;stroke:var(--fg)}
.map .on{stroke-width:1.6;stroke-opacity:1;stroke:var(--fg)}
#tip{position:fixed;z-index:9;pointer-events:none;max-width:420px;background:var(--tip);border:1px solid var(--mute);border-radius:6px;padding:6px 10px;font-size:12px;line-height:1.4;white-space:pre-line;overflow-wrap:anywhere;display:none;box-shadow:0 2px 10px rgba(0,0,0,.25)}
#tip b{display:block}
@media print{body{max-width:none;padding:0;font-size:11px}.cards{grid-template-columns:repeat(4,1fr)}.two{grid-template-columns:1fr 1fr}h2,h3,.mute{break-after:avoid}.hint{display:none}.bar,.slide,#tip{display:none!important}h2{break-after:avoid}svg.pic,.card,tr{break-inside:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
)";
}

}  // namespace pliant::report
