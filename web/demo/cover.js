// Cover art for items that have none: a paperback cover drawn from the title
// and the subject. The same item always gets the same cover, and a subject keeps
// its palette and its motifs, so a shelf looks like a series.
//
// Why not the catalogue's own images? Fetching one tells its server what is on
// the screen, and so what the person likes.

/** @typedef {import('./catalogue.js').Item} Item */

const namespace = 'http://www.w3.org/2000/svg';
const width = 200;
const height = 300;
const artHeight = 196;

/** Ground, two shapes and the lettering. The first subjects get the first ones. */
const palettes = [
  { ground: '#22303f', shapes: ['#d8c39a', '#b5523b'], text: '#f4ead8' },
  { ground: '#d7a648', shapes: ['#2c2925', '#f4e6c6'], text: '#2a2015' },
  { ground: '#6b2b2c', shapes: ['#d98f62', '#efd8be'], text: '#f6e9d8' },
  { ground: '#2e4a3d', shapes: ['#cdb978', '#ebe3cc'], text: '#f2ecd9' },
  { ground: '#dbaa9e', shapes: ['#7a394a', '#f5e5db'], text: '#3b1d26' },
  { ground: '#3a6270', shapes: ['#e9caa2', '#152a32'], text: '#f4ead9' },
  { ground: '#e8dfcd', shapes: ['#bd4f30', '#25475a'], text: '#24211c' },
  { ground: '#2e2842', shapes: ['#a68fb4', '#e4b781'], text: '#f0e8f2' },
  { ground: '#cfb794', shapes: ['#75492e', '#f0e4cd'], text: '#372316' },
  { ground: '#6f7348', shapes: ['#e8ddb8', '#2f321e'], text: '#faf6e4' },
  { ground: '#a9b8bd', shapes: ['#27363e', '#eef0ec'], text: '#18242b' },
  { ground: '#2a2826', shapes: ['#c55f47', '#94897b'], text: '#f0e9df' },
];

/**
 * A motif fills the square 0 … width, 0 … artHeight.
 *
 * @typedef {(random: () => number, a: string, b: string, ground: string) => SVGElement[]} Motif
 */

/** @type {Motif[]} */
const motifs = [sunset, tiles, ripples, skyline, hills, discs, rays, orbits, waves, arches];

/**
 * @param {Item} item
 * @param {string[]} subjects the catalogue's, in order
 * @param {{small?: boolean}} [options] small: the art alone, where lettering could not be read
 * @returns {SVGElement} hidden from assistive technology: the title stands beside it
 */
export function cover(item, subjects, { small = false } = {}) {
  const random = generator(item.id + item.title);
  const series = Math.max(0, subjects.indexOf(item.subject));
  const { ground, shapes, text } = palettes[series % palettes.length];
  const [a, b] = random() < 0.5 ? shapes : [...shapes].reverse();

  const shown = small ? artHeight : height;
  const svg = element('svg', { viewBox: `0 0 ${width} ${shown}`, class: 'cover', 'aria-hidden': 'true' });
  const art = element('svg', { width, height: artHeight, viewBox: `0 0 ${width} ${artHeight}` });
  // Three motifs a subject, so that a shelf is a series and not a repeat.
  const motif = motifs[(series + [0, 4, 7][Math.floor(3 * random())]) % motifs.length];
  art.append(...motif(random, a, b, ground));
  svg.append(element('rect', { width, height: shown, fill: ground }), art);
  if (!small) svg.append(...lettering(item, text));
  return svg;
}

/** The title in the largest size that fits, and a line below it. @param {Item} item @param {string} fill */
function lettering(item, fill) {
  const left = 14;
  const { size, lines } = fit(item.name, width - 2 * left);
  const leading = size * 1.08;
  const top = artHeight + 12 + size * 0.8;
  const text = element('text', { x: left, y: top, fill, 'font-size': size, class: 'cover-title' });
  lines.forEach((line, i) => {
    const span = element('tspan', { x: left, y: top + i * leading });
    span.textContent = line;
    text.append(span);
  });
  const foot = element('text', { x: left, y: height - 12, fill, class: 'cover-foot' });
  foot.textContent = [item.date, item.author || item.subject].filter(Boolean).join('  ·  ').slice(0, 34);
  return [text, foot];
}

/**
 * Breaks a title into lines. The sizes go from one word to a long subtitle; what
 * does not fit the smallest ends in an ellipsis.
 *
 * @param {string} title
 * @param {number} room
 */
function fit(title, room) {
  const rows = [[27, 2], [23, 2], [19, 3], [16, 4], [14, 4]];
  for (const [size, most] of rows) {
    const lines = wrap(title, room, size);
    if (lines.length <= most && lines.every((line) => measure(line, size) <= room)) return { size, lines };
  }
  const [size, most] = rows[rows.length - 1];
  const lines = wrap(title, room, size).slice(0, most);
  return { size, lines: [...lines.slice(0, -1), `${lines[most - 1] ?? lines[0].slice(0, 20)}…`] };
}

/** @param {string} title @param {number} room @param {number} size */
function wrap(title, room, size) {
  const lines = [''];
  for (const word of title.split(/\s+/)) {
    const longer = `${lines[lines.length - 1]} ${word}`.trim();
    if (measure(longer, size) <= room || lines[lines.length - 1] === '') lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** How wide a text is set in the serif, on the safe side. @param {string} text @param {number} size */
function measure(text, size) {
  let ems = 0;
  for (const letter of text) ems += /[mwMW@—]/.test(letter) ? 0.88 : /[A-Z0-9&]/.test(letter) ? 0.68 : /[iljtfr.,:;' |!]/.test(letter) ? 0.33 : 0.52;
  return ems * size;
}

/** @type {Motif} */
function sunset(random, a, b) {
  const r = 34 + 26 * random();
  const x = 60 + 80 * random();
  const horizon = 104 + 30 * random();
  const stripes = Array.from({ length: 6 }, (_, i) => {
    const y = horizon + i * (artHeight - horizon) / 6;
    return element('rect', { y, width, height: 2 + i * 2.2, fill: a });
  });
  return [element('circle', { cx: x, cy: horizon - r * 0.55, r, fill: b }), ...stripes];
}

/** @type {Motif} */
function tiles(random, a, b, ground) {
  const n = 4;
  const side = width / n;
  const shapes = [];
  for (let i = 0; i < n * n; i++) {
    const [x, y] = [(i % n) * side, Math.floor(i / n) * side];
    const fill = [a, b, a, ground][Math.floor(4 * random())];
    const turn = 90 * Math.floor(4 * random());
    const d = random() < 0.6 ? `M0 0h${side}a${side} ${side} 0 0 1 ${-side} ${side}z` : `M0 0h${side}a${side / 2} ${side / 2} 0 0 1 ${-side} 0z`;
    shapes.push(element('path', { d, fill, transform: `translate(${x} ${y}) rotate(${turn} ${side / 2} ${side / 2})` }));
  }
  return shapes;
}

/** @type {Motif} */
function ripples(random, a, b) {
  const [x, y] = [random() < 0.5 ? 0 : width, random() < 0.5 ? 20 : artHeight];
  const rings = Array.from({ length: 7 }, (_, i) =>
    element('circle', { cx: x, cy: y, r: 40 + i * 22, fill: 'none', stroke: a, 'stroke-width': 9 - i }),
  );
  return [...rings, element('circle', { cx: x, cy: y, r: 26, fill: b }), element('circle', { cx: width - x * 0.8 - 20, cy: 48 + 60 * random(), r: 9, fill: b })];
}

/** @type {Motif} */
function skyline(random, a, b) {
  const shapes = [element('circle', { cx: 40 + 120 * random(), cy: 50, r: 20, fill: b })];
  for (let x = 0; x < width; ) {
    const w = 14 + 22 * random();
    const h = 50 + 105 * random();
    shapes.push(element('rect', { x, y: artHeight - h, width: w, height: h, fill: a, opacity: 0.55 + 0.45 * random() }));
    if (random() < 0.7) shapes.push(element('rect', { x: x + w / 2 - 2, y: artHeight - h + 12, width: 4, height: 8, fill: b }));
    x += w + 2;
  }
  return shapes;
}

/** @type {Motif} */
function hills(random, a, b) {
  const shapes = [element('circle', { cx: 45 + 110 * random(), cy: 62 + 20 * random(), r: 24, fill: b })];
  [0.45, 0.7, 1].forEach((opacity, i) => {
    const y = 108 + i * 26;
    const [up, down] = [30 + 40 * random(), 20 + 30 * random()];
    const d = `M0 ${y}C50 ${y - up} 80 ${y - up} 110 ${y}S170 ${y + down} 200 ${y - 10}V${artHeight}H0z`;
    shapes.push(element('path', { d, fill: a, opacity }));
  });
  return shapes;
}

/** @type {Motif} */
function discs(random, a, b) {
  const r = 46 + 16 * random();
  const gap = 24 + 26 * random();
  const tilt = -40 + 80 * random();
  return [
    element('circle', { cx: 100 - gap, cy: 104 + tilt / 2, r, fill: a }),
    element('circle', { cx: 100 + gap, cy: 104 - tilt / 2, r, fill: b, opacity: 0.88 }),
    element('circle', { cx: 100 + gap, cy: 104 - tilt / 2, r: r / 4, fill: a }),
  ];
}

/** @type {Motif} */
function rays(random, a, b) {
  const [x, y] = [30 + 140 * random(), artHeight];
  const count = 9 + 2 * Math.floor(4 * random());
  const beams = Array.from({ length: count }, (_, i) => {
    const [from, to] = [Math.PI * (i / count), Math.PI * ((i + 0.5) / count)];
    const at = (/** @type {number} */ angle) => `${x + 280 * Math.cos(angle)} ${y - 280 * Math.sin(angle)}`;
    return element('path', { d: `M${x} ${y}L${at(from)}L${at(to)}z`, fill: a });
  });
  return [...beams, element('circle', { cx: x, cy: y, r: 44, fill: b })];
}

/** @type {Motif} */
function orbits(random, a, b) {
  const [x, y] = [70 + 60 * random(), 88 + 24 * random()];
  const tilt = -50 + 100 * random();
  const paths = [46, 72, 100, 132].flatMap((reach, i) => {
    const angle = 2 * Math.PI * random();
    const [px, py] = [x + reach * Math.cos(angle), y + 0.42 * reach * Math.sin(angle)];
    return [
      element('ellipse', { cx: x, cy: y, rx: reach, ry: 0.42 * reach, fill: 'none', stroke: a, 'stroke-width': 2 }),
      element('circle', { cx: px, cy: py, r: 4 + 2 * i * random(), fill: i % 2 === 0 ? b : a }),
    ];
  });
  const system = element('g', { transform: `rotate(${tilt} ${x} ${y})` });
  system.append(...paths);
  return [system, element('circle', { cx: x, cy: y, r: 24, fill: b })];
}

/** @type {Motif} */
function arches(random, a, b, ground) {
  const n = 3 + Math.floor(3 * random());
  const x = 70 + 60 * random();
  return Array.from({ length: n }, (_, i) => {
    const r = 78 - i * (64 / n);
    const d = `M${x - r} ${artHeight}V${artHeight - 70}a${r} ${r} 0 0 1 ${2 * r} 0V${artHeight}z`;
    return element('path', { d, fill: i === n - 1 ? b : i % 2 === 0 ? a : ground });
  });
}

/** @type {Motif} */
function waves(random, a, b) {
  const reach = 9 + 8 * random();
  const lines = Array.from({ length: 8 }, (_, i) => {
    const y = 66 + i * 18;
    const d = `M-20 ${y}q30 ${-reach * 2} 60 0t60 0 60 0 60 0 60 0`;
    return element('path', { d, fill: 'none', stroke: a, 'stroke-width': 2 + i, transform: `translate(${-15 * i * random()} 0)` });
  });
  return [element('circle', { cx: 50 + 100 * random(), cy: 52, r: 30, fill: b }), ...lines];
}

/** @param {string} name @param {Record<string, string | number>} attributes */
function element(name, attributes) {
  const node = document.createElementNS(namespace, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  return node;
}

/**
 * Numbers in 0 … 1 that depend on the text only: FNV-1a into mulberry32.
 *
 * @param {string} text
 */
function generator(text) {
  let state = 0x811c9dc5;
  for (const unit of text) state = Math.imul(state ^ /** @type {number} */ (unit.codePointAt(0)), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
