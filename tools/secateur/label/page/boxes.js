"use strict";
// The page of detectors: one picture that waits, the boxes that the model found on it, and what a person makes of them.
const keys = "1234567890qwertyiopasdfhjklzcvm"; // u, g, b, n and x are taken
const drafts = new Map(); // boxes of pictures that were left for later, by file
const board = new Board($("board"), tell);
let shown = ""; // the file that is on the board or on its way there

board.colour = name => Math.max(0, state.classes.indexOf(name)) % 8;

function choose(name) { if (shown) board.name(name); }

function draw(p) {
  for (const [i, b] of [...$("classes").children].entries()) b.classList.add(`c${i % 8}`);
  if (shown === (p?.file || "")) return tell();
  if (state.waiting.some(q => q.file === shown)) drafts.set(shown, board.boxes);
  else drafts.delete(shown);
  shown = p?.file || "";
  board.close();
  if (p) load(p);
  const next = upcoming();
  if (next) new Image().src = address(next);
}

// load brings a picture and its boxes onto the board.
async function load(p) {
  const image = new Image();
  image.src = address(p);
  try {
    const [found] = await Promise.all([drafts.has(p.file) ? { boxes: drafts.get(p.file) } : ask("found/" + encodeURIComponent(p.file)), image.decode()]);
    if (shown !== p.file) return;
    board.brush = state.classes.includes(p.says) ? p.says : board.brush || state.classes[0];
    board.open(image.src, { w: image.naturalWidth, h: image.naturalHeight }, found.boxes || []);
  } catch (e) {
    say(e instanceof TypeError ? silent : e.gone ? "That picture made room for a newer one." : `${p.file} cannot be shown: ${e.message}`);
  }
}

const ready = () => board.size.w > 0;

function save() {
  const p = state.waiting.find(q => q.file === shown);
  if (!p || !ready() || busy) return;
  const round = v => Math.round(v * 100) / 100;
  give(p, { boxes: board.boxes.map(b => ({ class: b.class, xmin: round(b.xmin), ymin: round(b.ymin), xmax: round(b.xmax), ymax: round(b.ymax) })) });
}

// tell says what is on the board, and what can be done.
function tell() {
  const p = current(), n = board.boxes.length, b = board.box, found = board.boxes.filter(b => b.score).length;
  for (const id of ["add", "save"]) $(id).disabled = !ready();
  $("next").disabled = !n;
  $("delete").disabled = !b;
  $("save").lastChild.textContent = n ? " Save" : " Nothing here";
  for (const c of $("classes").children) c.setAttribute("aria-pressed", c.dataset.name === board.brush);
  if (!p) return;
  $("caption").textContent = b ? `Box ${board.chosen + 1} of ${n}: ${b.class}, ${Math.round(b.xmax - b.xmin)} × ${Math.round(b.ymax - b.ymin)} at ${Math.round(b.xmin)}, ${Math.round(b.ymin)}` + (b.score ? `; the model gives it ${b.score.toFixed(2)}.` : ".")
    : `Part ${p.part}. ${words[p.why]}. ${n} ${n === 1 ? "box" : "boxes"}` + (found ? `, ${found} by the model, dashed` : "") + ". Drag to draw, tap to choose.";
}

const steps = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };

function press(key, e) {
  const step = steps[key], far = e.ctrlKey ? 10 : 1;
  if (step && board.box) board.step(far * step[0], far * step[1], e.shiftKey);
  else if (e.ctrlKey) return false;
  else if (key === "enter" && !e.repeat) save();
  else if (key === "b" && ready()) board.add();
  else if (key === "n") board.next();
  else if (key === "x" || key === "delete" || key === "backspace") board.remove();
  else if (key === "escape") board.choose(-1);
  else if ((key === "+" || key === "-") && ready()) board.closer(key === "+" ? 0.8 : 1.25);
  else return false;
  return true;
}

$("add").onclick = () => board.add();
$("next").onclick = () => board.next();
$("delete").onclick = () => board.remove();
$("save").onclick = save;
