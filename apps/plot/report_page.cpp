#include "apps/plot/report_page.hpp"

#include <bdh/error.hpp>

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
figure { margin: 1rem 0; display: flex; flex-direction: column; max-height: 96vh; }
.picture { overflow: auto; flex: 0 1 auto; min-height: 0; }
.picture svg { display: block; }
.picture rect:focus { outline: none; stroke: #d55e00; stroke-width: 3px; }
.cursor { fill: none; stroke: #d55e00; stroke-width: 2px; pointer-events: none; }
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
.tip { flex: none; margin: .3rem 0; padding: .2rem .6rem; min-height: 4.2em; background: #f5f5f5;
  border-left: 3px solid #d55e00; font: 14px/1.4 sans-serif; white-space: pre-line;
  overflow-wrap: anywhere; }
@media print { .tokens, pre, figure { max-height: none; } nav, .skip, .tip { display: none; } }
)css";

// Values of what the pointer rests on or the keyboard has reached, in a line of the page that is
// kept free for them. Of the tokens one can be reached by Tab, the others from there by the arrow
// keys; of a picture each panel can, and its values from there.
constexpr const char* token_script = R"js(
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const percent = share => (100 * share).toPrecision(3) + ' %';
  const mean = list => list.reduce((sum, v) => sum + v, 0) / list.length;
  const about = element => {
    const k = Number(element.dataset.k), s = data.surprisal[k];
    const generated = data.generated[k] ? ', generated' : '';
    const shown = element.textContent.replace(/\n/g, '');
    let text = `position ${data.first + k}, token ${data.tokens[k]} '${shown}'${generated}: `;
    text += s === null ? 'surprisal not known\n' :
      `surprisal ${s.toFixed(3)} nats (probability ${Math.exp(-s).toPrecision(3)})\n`;
    if (data.x[k]) text += `active X ${percent(mean(data.x[k]))}, ` +
      `Y ${percent(mean(data.y[k]))} (mean of the layers)`;
    return text;
  };
  for (const group of document.querySelectorAll('[data-rove]')) {
    const tip = group.parentElement.querySelector('.tip');
    const all = [...group.querySelectorAll('[data-k]')];
    const show = event => {
      const element = event.target.closest('[data-k]');
      tip.textContent = element ? about(element) : '';
    };
    for (const name of ['pointerover', 'focusin']) group.addEventListener(name, show);
    for (const name of ['pointerleave', 'focusout'])
      group.addEventListener(name, () => { tip.textContent = ''; });
    let now = 0;
    all.forEach((element, k) => { element.setAttribute('tabindex', k === 0 ? '0' : '-1'); });
    const reach = k => {
      all[now].setAttribute('tabindex', '-1');
      now = Math.max(0, Math.min(all.length - 1, k));
      all[now].setAttribute('tabindex', '0');
      all[now].focus();
    };
    group.addEventListener('keydown', event => {
      if (event.key === 'Escape') tip.textContent = '';
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

// A panel is read track by track: the rows of its cells from below, then its series.
constexpr const char* panel_script = R"js(
(() => {
  const near = 15;  // px
  const range = (names, k) => names.what + ' ' + names.first[k] +
    (names.last[k] === names.first[k] ? '' : ' to ' + names.last[k]);
  const tracksOf = v => {
    const all = [], c = v.cells;
    for (let r = 0; c && r < c.rows; ++r)
      all.push({ size: c.columns, cells: true,
        at: k => ({ x: c.box[0] + (k + 0.5) * (c.box[2] - c.box[0]) / c.columns,
                    y: c.box[3] - (r + 0.5) * (c.box[3] - c.box[1]) / c.rows }),
        text: k => {
          const value = c.values[r * c.columns + k];
          return `${range(c.row, r)}, ${range(c.column, k)}: ` +
            (value === null ? 'no value' : `${c.label} ${value}`);
        } });
    const x = value => {
      const name = v.x.names[(value - v.x.from) / v.x.step];
      return name === undefined ? `${v.x.label} ${value}` : `position ${name}`;
    };
    for (const s of v.series)
      all.push({ size: s.px.length, at: k => ({ x: s.px[k], y: s.py[k] }),
        text: k => s.tips ? s.tips[k] :
          (s.name ? s.name + ', ' : '') + `${x(s.x[k])}: ${v.y} ${s.y[k]}` });
    return all;
  };
  for (const group of document.querySelectorAll('g.values')) {
    const area = group.querySelector('rect'), svg = group.ownerSVGElement;
    const tip = group.closest('figure').querySelector('.tip');
    const title = area.getAttribute('aria-label').replace(/: arrow keys.*$/, '');
    const cursor = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
    cursor.setAttribute('class', 'cursor');
    cursor.setAttribute('r', '5');
    let parsed = null, now = { track: 0, k: 0 };
    const tracks = () =>
      parsed ||= tracksOf(JSON.parse(group.querySelector('metadata').textContent));
    const hide = () => { tip.textContent = ''; cursor.remove(); };
    const show = place => {
      const track = tracks()[place.track], at = track.at(place.k);
      tip.textContent = (title ? title + '\n' : '') + track.text(place.k);
      cursor.setAttribute('cx', at.x);
      cursor.setAttribute('cy', at.y);
      group.append(cursor);
    };
    const nearest = (track, x) => {
      let best = 0;
      for (let k = 1; k < track.size; ++k)
        if (Math.abs(track.at(k).x - x) < Math.abs(track.at(best).x - x)) best = k;
      return best;
    };
    area.addEventListener('pointermove', event => {
      const p = new DOMPoint(event.clientX, event.clientY)
        .matrixTransform(svg.getScreenCTM().inverse());
      let best = null, least = near;
      tracks().forEach((track, t) => {
        for (let k = 0; !track.cells && k < track.size; ++k) {
          const at = track.at(k), d = Math.hypot(at.x - p.x, at.y - p.y);
          if (d < least) least = d, best = { track: t, k };
        }
      });
      const c = JSON.stringify(best) === 'null' && tracks().length && tracks()[0].cells;
      if (c) {
        const rows = tracks().filter(track => track.cells), first = rows[0].at(0);
        const step = (count, from, to) => count > 1 ? (to - from) / (count - 1) : 1;
        const k = Math.round((p.x - first.x) / step(rows[0].size, first.x,
                                                   rows[0].at(rows[0].size - 1).x));
        const r = Math.round((p.y - first.y) / step(rows.length, first.y, rows.at(-1).at(0).y));
        if (k >= 0 && k < rows[0].size && r >= 0 && r < rows.length) best = { track: r, k };
      }
      best ? show(best) : hide();
    });
    area.addEventListener('pointerleave',
                          () => document.activeElement === area ? show(now) : hide());
    area.addEventListener('focus', () => {
      group.closest('figure').scrollIntoView({ block: 'nearest' });  // with the line of values
      show(now);
    });
    area.addEventListener('blur', hide);
    area.addEventListener('keydown', event => {
      if (event.key === 'Escape') hide();
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const all = tracks(), last = all[now.track].size - 1;
      const k = { ArrowRight: now.k + 1, ArrowLeft: now.k - 1, PageDown: now.k + 10,
                  PageUp: now.k - 10, Home: 0, End: last }[event.key];
      const up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (k === undefined && up === undefined) return;
      event.preventDefault();
      if (up !== undefined) {
        const to = Math.max(0, Math.min(all.length - 1, now.track + up));
        now = { track: to, k: nearest(all[to], all[now.track].at(now.k).x) };
      } else {
        now = { track: now.track, k: Math.max(0, Math.min(last, k)) };
      }
      show(now);
      cursor.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    });
  }
})();
)js";

}  // namespace

std::string figure_html(const std::function<figure::picture()>& make, const std::string& caption) {
  try {
    figure::picture p = make();
    p.what.width = page_width;
    return "<figure>\n<div class=\"picture\">\n" + in_svg(p.what, {.interactive = true}) +
           "</div>\n" + tip_line + "<figcaption>" + escaped(caption) + "</figcaption>\n</figure>\n";
  } catch (const device_error&) {
    throw;
  } catch (const error& e) {
    return "<p>" +
           escaped(e.hint().starts_with("bdh run") ? e.found() + "; to have it: " + e.hint()
                                                   : e.what()) +
           "</p>\n";
  }
}

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
      "</p>\n<p>Below each text and picture is the value where the pointer rests; the Tab key goes "
      "from panel to panel, arrow keys go through the values.</p>\n</header>\n<nav "
      "aria-label=\"Parts\"><ul>\n";
  for (const page_section& s : p.sections)
    html += "<li><a href=\"#" + s.name + "\">" + escaped(s.heading) + "</a></li>\n";
  html += "</ul></nav>\n<main id=\"main\">\n";
  for (const page_section& s : p.sections)
    html += "<section aria-labelledby=\"" + s.name + "\">\n<h2 id=\"" + s.name + "\">" +
            escaped(s.heading) + "</h2>\n" + s.body + "</section>\n";
  html +=
      "</main>\n<script type=\"application/json\" "
      "id=\"data\">";
  for (char c : p.data) html += c == '<' ? "\\u003c" : std::string(1, c);
  return html + "</script>\n<script>" + token_script + panel_script +
         "</script>\n</body>\n</html>\n";
}

}  // namespace bdh::app
