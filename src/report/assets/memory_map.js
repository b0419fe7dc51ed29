(() => {
const svg = document.getElementById('map'), get = id => document.getElementById(id);
const data = svg.dataset, left = +data.left, width = +data.width, first = +data.first, end = +data.end;
const boxes = [...get('boxes').children].map(node => {
  const title = node.querySelector('title'), text = title.textContent;
  title.remove();
  const number = key => +node.getAttribute(key);
  const box = {node, x: number('x'), y: number('y'), w: number('width'), h: number('height'),
               name: text.slice(0, text.indexOf('\n')), text: text.slice(text.indexOf('\n') + 1), thing: node.dataset.t};
  node.pliantBox = box;
  return box;
});
const byThing = new Map();
for (const box of boxes) if (box.thing !== undefined) byThing.set(box.thing, [...(byThing.get(box.thing) || []), box]);
const marks = [...get('marks').children].map(node => ({node, x: +node.getAttribute('x')}));
const groups = [...svg.querySelectorAll('g.z')], hatch = get('hatch'), column = get('column');
const pitch = width / (end - first), slide = get('slide');
let zoom = 1, offset = 0;
const deepest = Math.max(1, 60 / pitch);
const at = x => (x - left - offset) * zoom + left;
const make = (name, attributes, text) => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (text !== undefined) node.textContent = text;
  return node;
};
const group = n => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ',');

function drawTicks() {
  const from = first + offset / pitch, to = from + (end - first) / zoom, wanted = (to - from) / (width / 80);
  let step = 1;
  while (step < wanted) step = String(step)[0] === '2' ? step * 2.5 : step * 2;
  const nodes = [], y = +data.axis;
  for (let i = Math.ceil(from / step) * step; i < Math.min(to, end); i += step) {
    const x = at(left + (i + .5 - first) * pitch);
    if (x > left + width) continue;
    nodes.push(make('path', {class: 'x', d: `M${x} ${y}v5`}),
               make('text', {class: 'q', x, y: y + 17, 'text-anchor': 'middle'}, group(i)));
  }
  get('ticks').replaceChildren(...nodes);
  get('shown').textContent = zoom === 1 ? `all ${group(end - first)} ${data.time}s` :
    `${data.time}s ${group(Math.floor(from))} to ${group(Math.min(end, Math.ceil(to)) - 1)} of ${group(end - first)}`;
}
function drawLabels() {
  const nodes = [];
  for (const box of boxes) {
    const from = Math.max(left, at(box.x)), room = Math.min(left + width, at(box.x + box.w)) - from;
    if (box.h < 12 || room < 10 + 5.6 * Math.min(box.name.length, 6)) continue;
    const most = Math.floor((room - 10) / 5.6);
    const text = box.name.length <= most ? box.name : '\u2026' + box.name.slice(1 - most);
    nodes.push(make('text', {class: 'bl', x: from + 7, y: box.y + box.h / 2 + 3.5}, text));
  }
  get('labels').replaceChildren(...nodes);
}
let drawn = false;
function draw() {
  if (drawn) return;
  drawn = true;
  requestAnimationFrame(() => { drawn = false; drawNow(); });
}
function drawNow() {
  for (const each of groups) each.setAttribute('transform', `translate(${left - (left + offset) * zoom},0) scale(${zoom},1)`);
  hatch.setAttribute('patternTransform', `scale(${1 / zoom},1)`);
  for (const each of marks) each.node.setAttribute('x', at(each.x));
  get('boxes').classList.toggle('fine', pitch * zoom < 1.2);  // edges would hide what they surround
  drawTicks();
  drawLabels();
  slide.hidden = zoom === 1;
  slide.firstElementChild.style.width = zoom * 100 + '%';
  const place = offset / width * slide.scrollWidth;
  if (Math.abs(slide.scrollLeft - place) > 1) slide.scrollLeft = place;
}
function show(newZoom, newOffset) {
  zoom = Math.min(deepest, Math.max(1, newZoom));
  offset = Math.min(width - width / zoom, Math.max(0, newOffset));
  draw();
}
function zoomAt(factor, x) {  // x: where in the picture; what is there stays there
  const fixed = (x - left) / zoom + offset, next = Math.min(deepest, Math.max(1, zoom * factor));
  show(next, fixed - (x - left) / next);
}
const place = event => {
  const area = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / area.width;
  return {x: (event.clientX - area.left) * scale, y: (event.clientY - area.top) * scale};
};

let lit = [];
function light(nodes, name) {
  for (const node of nodes) { node.classList.add(name); lit.push([node, name]); }
}
function dark() {
  for (const [node, name] of lit) node.classList.remove(name);
  lit = [];
  get('tip').style.display = 'none';
}
function hover(event) {
  dark();
  const {x, y} = place(event);
  if (x < left || x > left + width || y > +data.axis) return;
  const step = Math.min(end - 1, Math.floor(first + ((x - left) / zoom + offset) / pitch));
  const box = event.target.pliantBox, lines = [], bold = [];
  column.setAttribute('x', left + (step - first) * pitch);
  light([column], 'on');
  const what = mapSteps[step - first];
  if (what) for (const thing of what[2])
    light((byThing.get(String(thing)) || []).filter(b => b.x - 1e-6 <= left + (step - first) * pitch &&
      b.x + b.w > left + (step - first) * pitch + 1e-6).map(b => b.node), 'on');
  if (box) light(box.thing === undefined ? [box.node] : byThing.get(box.thing).map(b => b.node), 'hi');
  const tip = get('tip'), part = (name, text) => {
    const head = document.createElement('b');
    head.textContent = name;
    tip.append(head, text);
  };
  tip.replaceChildren();
  if (box) part(box.name, box.text + (what ? '\n\n' : ''));
  part(`${data.time} ${group(step)}` + (what ? `: ${what[0]}` : ''), what ? what[1] : '');
  tip.style.display = 'block';
  const flip = event.clientX > innerWidth - tip.offsetWidth - 30;
  tip.style.left = Math.max(4, flip ? event.clientX - tip.offsetWidth - 16 : event.clientX + 16) + 'px';
  tip.style.top = Math.max(4, Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 8)) + 'px';
}

let drag = null;
svg.addEventListener('pointerdown', event => {
  if (zoom > 1 && event.button === 0) { drag = {x: place(event).x, offset}; svg.setPointerCapture(event.pointerId); dark(); }
});
svg.addEventListener('pointermove', event => {
  if (drag) show(zoom, drag.offset - (place(event).x - drag.x) / zoom);
  else hover(event);
});
svg.addEventListener('pointerup', () => { drag = null; });
svg.addEventListener('pointerleave', () => { if (!drag) dark(); });
svg.addEventListener('dblclick', event => zoomAt(2, place(event).x));
svg.addEventListener('wheel', event => {
  const across = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  if (event.ctrlKey || event.metaKey) zoomAt(Math.exp(-event.deltaY / 200), place(event).x);
  else if (zoom > 1 && Math.abs(across) > Math.abs(event.shiftKey ? 0 : event.deltaY)) show(zoom, offset + across / zoom);
  else return;
  event.preventDefault();
}, {passive: false});
svg.addEventListener('keydown', event => {
  const page = width / zoom / 5, middle = left + width / 2;
  const act = {ArrowLeft: () => show(zoom, offset - page), ArrowRight: () => show(zoom, offset + page),
               '+': () => zoomAt(1.5, middle), '-': () => zoomAt(1 / 1.5, middle), '0': () => show(1, 0)}[event.key];
  if (act) { act(); event.preventDefault(); }
});
slide.addEventListener('scroll', () => {
  const to = slide.scrollLeft / slide.scrollWidth * width;
  if (Math.abs(to - offset) * zoom > 2) show(zoom, to);
});
get('bar').addEventListener('click', event => {
  const middle = left + width / 2;
  ({in: () => zoomAt(2, middle), out: () => zoomAt(.5, middle), fit: () => show(1, 0)}[event.target.dataset.do] || (() => {}))();
});
let before = [1, 0];
addEventListener('beforeprint', () => { before = [zoom, offset]; zoom = 1; offset = 0; drawNow(); });
addEventListener('afterprint', () => show(...before));

get('bar').hidden = false;
if (deepest < 2) get('bar').hidden = true;
if (mapSteps.length) zoom = Math.max(1, Math.min(deepest, 1.8 / pitch));  // no step too small to point at
drawNow();
})();
