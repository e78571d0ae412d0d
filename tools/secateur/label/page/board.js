"use strict";
// The board is a picture with boxes over it, all in pixels of the picture: what fingers, mouse and keys do to them. It asks
// nobody and saves nothing. changed() is called after every change.
const svg = (name, attributes) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const k in attributes) e.setAttribute(k, attributes[k]);
  return e;
};
const clamp = (v, low, high) => Math.min(Math.max(v, low), high);

class Board {
  constructor(root, changed) {
    Object.assign(this, { root, changed, boxes: [], chosen: -1, size: { w: 0, h: 0 }, view: { x: 0, y: 0, w: 0, h: 0 }, fingers: new Map(), act: null });
    root.onpointerdown = e => this.down(e);
    root.onpointermove = e => this.move(e);
    root.onpointerup = e => this.up(e);
    root.onpointercancel = e => this.cancel(e);
    root.addEventListener("wheel", e => { e.preventDefault(); if (this.size.w) this.zoom(e.deltaY < 0 ? 0.8 : 1.25, this.at(e)); }, { passive: false });
    new ResizeObserver(() => this.draw()).observe(root);
  }

  // open shows a picture of so many pixels, and boxes, which become the board's own.
  open(href, size, boxes) {
    Object.assign(this, { size, boxes, chosen: -1, act: null });
    const image = this.root.querySelector("image");
    image.setAttribute("href", href);
    image.setAttribute("width", size.w);
    image.setAttribute("height", size.h);
    this.root.classList.toggle("small", size.w < 200);
    this.whole();
  }

  // close leaves an empty board, on which nothing can be drawn.
  close() {
    Object.assign(this, { size: { w: 0, h: 0 }, boxes: [], chosen: -1, act: null });
    this.root.querySelector("image").removeAttribute("href");
    this.draw();
  }

  get box() { return this.boxes[this.chosen]; }

  // at is where an event is, in pixels of the picture.
  at(e) { return new DOMPoint(e.clientX, e.clientY).matrixTransform(this.root.getScreenCTM().inverse()); }

  // scale is the pixels of the screen that one of the picture takes.
  get scale() { return this.root.getScreenCTM()?.a || 1; }

  // below are the boxes at a point, the smallest first.
  below(p) {
    const area = b => (b.xmax - b.xmin) * (b.ymax - b.ymin);
    return this.boxes.filter(b => p.x >= b.xmin && p.x <= b.xmax && p.y >= b.ymin && p.y <= b.ymax).sort((a, b) => area(a) - area(b));
  }

  down(e) {
    if (e.button || !this.size.w) return;
    this.root.setPointerCapture(e.pointerId);
    this.fingers.set(e.pointerId, e);
    if (this.fingers.size > 1) return this.takeBack(); // two fingers look closer
    const from = this.at(e), corner = e.target.dataset.corner;
    const kind = corner !== undefined ? "corner" : this.box && this.below(from).includes(this.box) ? "shift" : "new";
    this.act = { kind, corner: +corner, from, x: e.clientX, y: e.clientY, was: this.box && { ...this.box }, former: this.chosen, begun: false };
  }

  move(e) {
    const before = this.fingers.get(e.pointerId), a = this.act;
    if (!before) return;
    this.fingers.set(e.pointerId, e);
    if (this.fingers.size === 2) return this.pinch(before, e);
    if (!a || !a.begun && Math.hypot(e.clientX - a.x, e.clientY - a.y) < 4) return;
    if (!a.begun && a.kind === "new") this.chosen = this.boxes.push({ class: this.brush, xmin: 0, ymin: 0, xmax: 0, ymax: 0 }) - 1;
    a.begun = true;
    this[a.kind](a, this.at(e));
    this.draw();
  }

  // new draws from where the finger came down.
  new(a, to) { this.span(a.from, to); }

  // corner pulls one corner, 0 to 3 by rows; the one across stays.
  corner(a, to) {
    const left = a.corner % 2 === 0, up = a.corner < 2;
    this.span({ x: left ? a.was.xmax : a.was.xmin, y: up ? a.was.ymax : a.was.ymin }, to);
  }

  shift(a, to) { this.put(a.was, to.x - a.from.x, to.y - a.from.y); }

  // span makes the chosen box reach from one point to another, in whole pixels inside the picture.
  span(a, b) {
    const x = [a.x, b.x].map(v => clamp(Math.round(v), 0, this.size.w)).sort((p, q) => p - q);
    const y = [a.y, b.y].map(v => clamp(Math.round(v), 0, this.size.h)).sort((p, q) => p - q);
    this.change({ xmin: x[0], xmax: x[1], ymin: y[0], ymax: y[1] });
  }

  // put moves the chosen box from where it was, as far as the picture goes.
  put(was, dx, dy) {
    dx = clamp(Math.round(dx), -was.xmin, this.size.w - was.xmax);
    dy = clamp(Math.round(dy), -was.ymin, this.size.h - was.ymax);
    this.change({ xmin: was.xmin + dx, xmax: was.xmax + dx, ymin: was.ymin + dy, ymax: was.ymax + dy });
  }

  // change is the chosen box's: it is a person's from now on.
  change(to) { Object.assign(this.box, to, { score: 0 }); }

  up(e) {
    const a = this.act;
    this.fingers.delete(e.pointerId);
    this.act = null;
    if (!a) return;
    if (!a.begun) this.pick(this.at(e));
    else if (this.box.xmax - this.box.xmin < 1 || this.box.ymax - this.box.ymin < 1) a.kind === "new" ? this.remove() : this.change(a.was);
    this.draw();
  }

  cancel(e) {
    this.takeBack();
    this.fingers.delete(e.pointerId);
  }

  // takeBack undoes what a finger has begun.
  takeBack() {
    const a = this.act;
    this.act = null;
    if (a?.begun && a.kind === "new") this.boxes.splice(this.chosen, 1), this.chosen = a.former;
    else if (a?.begun) Object.assign(this.box, a.was);
    this.draw();
  }

  // pick chooses the smallest box at a point or, of several, the one after the chosen one; none: none is chosen.
  pick(p) {
    const all = this.below(p);
    this.choose(this.boxes.indexOf(all[(all.indexOf(this.box) + 1) % all.length]));
  }

  choose(i) {
    this.chosen = i;
    if (this.box) this.brush = this.box.class;
    this.draw();
  }

  next() {
    if (!this.boxes.length) return;
    this.choose((this.chosen + 1) % this.boxes.length);
    this.reveal();
  }

  remove() {
    if (!this.box) return;
    this.boxes.splice(this.chosen, 1);
    this.choose(-1);
  }

  // add makes a box in the middle of what is seen.
  add() {
    const v = this.view, part = 1 / 4;
    this.chosen = this.boxes.push({ class: this.brush }) - 1;
    this.span({ x: v.x + v.w / 2 * (1 - part), y: v.y + v.h / 2 * (1 - part) }, { x: v.x + v.w / 2 * (1 + part), y: v.y + v.h / 2 * (1 + part) });
    this.draw();
  }

  // step moves the chosen box by pixels, or its lower right corner.
  step(dx, dy, corner) {
    const b = this.box;
    if (corner) this.change({ xmax: clamp(b.xmax + dx, b.xmin + 1, this.size.w), ymax: clamp(b.ymax + dy, b.ymin + 1, this.size.h) });
    else this.put({ ...b }, dx, dy);
    this.draw();
  }

  // name gives the chosen box a class, and those that will be drawn.
  name(name) {
    this.brush = name;
    if (this.box) this.change({ class: name });
    this.draw();
  }

  pinch(before, now) {
    const other = [...this.fingers.values()].find(f => f.pointerId !== now.pointerId);
    const gap = f => Math.hypot(f.clientX - other.clientX, f.clientY - other.clientY) || 1;
    const middle = f => this.at({ clientX: (f.clientX + other.clientX) / 2, clientY: (f.clientY + other.clientY) / 2 });
    const from = middle(before), to = middle(now);
    this.view.x += from.x - to.x;
    this.view.y += from.y - to.y;
    this.zoom(gap(before) / gap(now), from);
  }

  // zoom shows a share of what is seen now, with one point where it is; it ends at the whole and at 1/16 of it.
  zoom(share, p) {
    const v = this.view, w = clamp(v.w * share, this.size.w / 16, this.size.w), s = w / v.w;
    const x = clamp(p.x - (p.x - v.x) * s, 0, this.size.w - w), h = this.size.h * w / this.size.w;
    this.look({ x, y: clamp(p.y - (p.y - v.y) * s, 0, this.size.h - h), w, h });
  }

  // closer zooms about the middle of what is seen, and keeps the chosen box there.
  closer(share) {
    this.zoom(share, { x: this.view.x + this.view.w / 2, y: this.view.y + this.view.h / 2 });
    this.reveal();
  }

  // reveal brings the chosen box into what is seen.
  reveal() {
    const b = this.box, v = this.view;
    if (!b || b.xmin >= v.x && b.xmax <= v.x + v.w && b.ymin >= v.y && b.ymax <= v.y + v.h) return;
    this.look({ ...v, x: clamp((b.xmin + b.xmax - v.w) / 2, 0, this.size.w - v.w), y: clamp((b.ymin + b.ymax - v.h) / 2, 0, this.size.h - v.h) });
  }

  whole() { this.look({ x: 0, y: 0, ...this.size }); }

  look(view) {
    this.view = view;
    this.root.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
    this.draw();
  }

  draw() {
    const order = this.boxes.map((_, i) => i).sort((a, b) => (a === this.chosen) - (b === this.chosen)); // the chosen one on top
    this.root.querySelector("g").replaceChildren(...order.map(i => this.drawn(this.boxes[i], i === this.chosen)));
    this.changed();
  }

  drawn(b, chosen) {
    const at = { x: b.xmin, y: b.ymin, width: b.xmax - b.xmin, height: b.ymax - b.ymin }, px = 1 / this.scale;
    const g = svg("g", { class: `c${this.colour(b.class)}` + (b.score ? " found" : "") + (chosen ? " chosen" : "") });
    const above = b.ymin - this.view.y > 18 * px;
    const text = svg("text", { x: b.xmin + (above ? 0 : 5 * px), y: above ? b.ymin - 5 * px : b.ymin + 16 * px, "font-size": 13 * px, "stroke-width": 3 * px });
    text.textContent = b.class + (b.score ? ` ${b.score.toFixed(2)}` : "");
    g.append(svg("rect", { class: "under", ...at }), svg("rect", { class: "line", ...at }), text);
    if (chosen) g.append(...this.corners(b, px));
    return g;
  }

  // corners can be pulled; of a small box their reach is smaller, so that it can be moved too.
  corners(b, px) {
    const reach = clamp(Math.min(b.xmax - b.xmin, b.ymax - b.ymin) / px / 3, 9, 22) * px;
    return [0, 1, 2, 3].flatMap(i => {
      const at = { cx: i % 2 ? b.xmax : b.xmin, cy: i < 2 ? b.ymin : b.ymax };
      return [svg("circle", { r: 5 * px, ...at }), svg("circle", { r: reach, class: "grip", "data-corner": i, ...at })];
    });
  }
}
