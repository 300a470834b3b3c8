#include "apps/plot/report_page.hpp"

#include "apps/plot/figure/text.hpp"

namespace bdh::app {
namespace {

using figure::escaped;

constexpr const char* style = R"css(
:root { color-scheme: light; }
body { font: 16px/1.5 sans-serif; color: #222; background: #fff; margin: 0 auto; padding: 1rem;
  max-width: 60rem; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; border-bottom: 1px solid #ddd; margin-top: 2rem; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0 1.2rem; }
a { color: #0072b2; }
.skip { position: absolute; left: -99rem; }
.skip:focus { position: static; }
:focus-visible { outline: 3px solid #d55e00; outline-offset: 1px; }
figure { margin: 1rem 0; }
figure svg { max-width: 100%; height: auto; }
.tokens { font: 15px/1.9 monospace; white-space: pre-wrap; overflow-wrap: anywhere;
  padding: .5rem; border: 1px solid #ddd; max-height: 24rem; overflow-y: auto; }
.tokens span { padding: 2px 0; }
.generated { border-bottom: 2px dotted #222; }
.key { font-size: .9rem; display: flex; flex-wrap: wrap; align-items: center; gap: .2rem .6rem;
  list-style: none; padding: 0; }
.key span { display: inline-block; padding: 0 .4rem; border: 1px solid #ddd; }
table { border-collapse: collapse; font-size: .95rem; }
caption { text-align: left; padding: .3rem 0; }
th, td { border-bottom: 1px solid #ddd; padding: .2rem .8rem .2rem 0; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
th[scope=row] { white-space: nowrap; padding-right: 1rem; }
td.number, th.number { text-align: right; }
pre { overflow: auto; background: #f5f5f5; padding: .5rem; max-height: 24rem; }
#tip { position: absolute; z-index: 1; background: #222; color: #fff;
  font: 14px/1.4 sans-serif; padding: .3rem .6rem; max-width: 22rem; white-space: pre-line;
  pointer-events: none; }
#tip[hidden] { display: none; }
@media print { .tokens, pre { max-height: none; } nav, .skip { display: none; } }
)css";

// Values of what the pointer rests on or the keyboard has reached. In a group with data-rove one
// element can be reached by Tab, the others from there by the arrow keys.
constexpr const char* script = R"js(
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const tip = document.getElementById('tip');
  const percent = share => (100 * share).toPrecision(3) + ' %';
  const mean = list => list.reduce((sum, v) => sum + v, 0) / list.length;
  const about = element => {
    if (element.dataset.tip) return element.dataset.tip;
    const k = Number(element.dataset.k), s = data.surprisal[k];
    const generated = data.generated[k] ? ', generated' : '';
    let text = `position ${data.first + k}, token ${data.tokens[k]}${generated}\n`;
    text += s === null ? 'surprisal not known\n' :
      `surprisal ${s.toFixed(3)} nats (probability ${Math.exp(-s).toPrecision(3)})\n`;
    if (data.x[k]) text += `active X ${percent(mean(data.x[k]))}, ` +
      `Y ${percent(mean(data.y[k]))} (mean of the layers)`;
    return text;
  };
  const hide = () => { tip.hidden = true; };
  const show = element => {
    tip.textContent = about(element);
    tip.hidden = false;
    const at = element.getBoundingClientRect(), page = document.documentElement;
    const left = Math.min(at.left, page.clientWidth - tip.offsetWidth - 8);
    const below = at.bottom + 6 + tip.offsetHeight < page.clientHeight;
    tip.style.left = Math.max(0, left) + scrollX + 'px';
    tip.style.top = (below ? at.bottom + 6 : at.top - tip.offsetHeight - 6) + scrollY + 'px';
  };
  const target = event =>
    event.target instanceof Element ? event.target.closest('[data-k],[data-tip]') : null;
  for (const name of ['pointerover', 'focusin'])
    document.addEventListener(name, event => {
      const element = target(event);
      element ? show(element) : hide();
    });
  document.addEventListener('focusout', hide);
  document.addEventListener('keydown', event => { if (event.key === 'Escape') hide(); });
  for (const group of document.querySelectorAll('[data-rove]')) {
    // The browser's own tip would hide ours.
    for (const shape of group.querySelectorAll('svg [tabindex]')) {
      const title = shape.querySelector('title');
      shape.dataset.tip = title.textContent;
      shape.setAttribute('aria-label', title.textContent);
      title.remove();
    }
    const all = [...group.querySelectorAll('[data-k],[data-tip]')];
    let now = 0;
    all.forEach((element, k) => { element.setAttribute('tabindex', k === 0 ? '0' : '-1'); });
    const reach = k => {
      all[now].setAttribute('tabindex', '-1');
      now = Math.max(0, Math.min(all.length - 1, k));
      all[now].setAttribute('tabindex', '0');
      all[now].focus();
    };
    group.addEventListener('keydown', event => {
      const k = all.indexOf(event.target);
      const to = { ArrowRight: k + 1, ArrowLeft: k - 1, ArrowDown: k + 10, ArrowUp: k - 10,
                   Home: 0, End: all.length - 1 }[event.key];
      if (k < 0 || to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      reach(to);
    });
  }
})();
)js";

}  // namespace

std::string in_html(const page& p) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; script-src 'unsafe-inline'; "
      "img-src data:\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>" +
      escaped(p.title) + "</title>\n<style>" + style +
      "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the "
      "contents</a>\n<header>\n<h1>" +
      escaped(p.title) + "</h1>\n<p>" + escaped(p.summary) +
      "</p>\n</header>\n<nav aria-label=\"Parts\"><ul>\n";
  for (const page_section& s : p.sections)
    html += "<li><a href=\"#" + s.name + "\">" + escaped(s.heading) + "</a></li>\n";
  html += "</ul></nav>\n<main id=\"main\">\n";
  for (const page_section& s : p.sections)
    html += "<section aria-labelledby=\"" + s.name + "\">\n<h2 id=\"" + s.name + "\">" +
            escaped(s.heading) + "</h2>\n" + s.body + "</section>\n";
  html +=
      "</main>\n<div id=\"tip\" role=\"status\" hidden></div>\n<script type=\"application/json\" "
      "id=\"data\">";
  for (char c : p.data) html += c == '<' ? "\\u003c" : std::string(1, c);
  return html + "</script>\n<script>" + script + "</script>\n</body>\n</html>\n";
}

}  // namespace bdh::app
