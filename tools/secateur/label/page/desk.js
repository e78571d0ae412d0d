"use strict";
// What the pages share: the pictures that wait, what is said to the box (/give and /undo), the buttons. What is shown is
// always what the box says in /state. A page says what it does with a class that is pressed, choose(name), how it shows a
// picture, draw(p), what keys it has beside, press(key, event), and which ones classes have, keys.
const $ = id => document.getElementById(id);
const words = { doubtful: "The model was in doubt", reject: "It was rejected", pass: "It passed" };
const silent = "The box does not answer. What was labelled is safe.";

let state = { classes: [], waiting: [], waits: 0, given: 0, golden: false };
let later = new Set(); // skipped: asked for again when no other one waits
let golden = false, busy = false;

const current = () => state.waiting.find(p => !later.has(p.file)) || state.waiting[0];
const upcoming = () => state.waiting.find(p => p !== current() && !later.has(p.file));
const address = p => "picture/" + encodeURIComponent(p.file);
const say = text => { $("message").textContent = text; };

async function ask(path, body) {
  const r = await fetch(path, body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!r.ok) throw Object.assign(new Error((await r.text()).trim()), { gone: r.status === 410 });
  return r.json();
}

// once runs one change at a time, and then shows what the box says.
async function once(change) {
  if (busy) return;
  busy = true;
  say("");
  try {
    await change();
  } catch (e) {
    say(e.gone ? "That picture made room for a newer one." : e instanceof TypeError ? silent : e.message);
  }
  try {
    state = await ask("state");
  } catch (e) {
    say(e instanceof TypeError ? silent : e.message);
  }
  state.waiting ||= [];
  busy = false;
  show();
}

const give = (p, label) => once(() => ask("give", { file: p.file, golden, ...label }));
const undo = () => once(async () => { const { file } = await ask("undo", {}); later.delete(file); return file; });

function skip() {
  const p = current();
  if (!p) return;
  later.add(p.file);
  if (state.waiting.every(p => later.has(p.file))) later.clear(), later.add(p.file);
  show();
}

function toGolden(on) {
  golden = on;
  $("golden").setAttribute("aria-pressed", on);
  document.body.classList.toggle("golden", on);
}

function buttons() {
  if ($("classes").dataset.names === JSON.stringify(state.classes)) return;
  $("classes").dataset.names = JSON.stringify(state.classes);
  $("classes").replaceChildren(...state.classes.map((name, i) => {
    const b = document.createElement("button"), k = document.createElement("kbd");
    b.type = "button";
    b.dataset.name = name;
    k.textContent = (keys[i] || "").toUpperCase();
    b.append(...(keys[i] ? [k] : []), name);
    b.onclick = () => choose(name);
    return b;
  }));
}

function show() {
  const p = current(), all = state.given + state.waits;
  buttons();
  $("count").textContent = `${state.given} of ${all} done` + (state.box ? ` · ${state.box}` : "");
  $("progress").value = all ? state.given / all : 0;
  $("figure").hidden = !p;
  $("empty").hidden = !!p;
  $("golden").hidden = !state.golden;
  $("undo").disabled = !state.given;
  $("skip").disabled = state.waiting.length < 2;
  for (const b of $("classes").children) b.disabled = !p;
  draw(p);
}

document.addEventListener("keydown", e => {
  if (e.altKey || e.metaKey) return;
  const key = e.key.toLowerCase(), undoes = key === "u" || e.ctrlKey && key === "z";
  if ((key === "enter" || key === " ") && e.target.closest?.("button")) return; // the button's own
  if (press(key, e)) e.preventDefault();
  else if (e.repeat || e.ctrlKey && !undoes) return;
  else if (undoes) undo();
  else if (key === " ") skip();
  else if (key === "g" && state.golden) toGolden(!golden);
  else if (key.length === 1 && keys.indexOf(key) >= 0 && keys.indexOf(key) < state.classes.length) choose(state.classes[keys.indexOf(key)]);
  else return;
  e.preventDefault();
});
// A button that was clicked keeps no focus: the next key is for the page.
document.addEventListener("click", e => { if (e.detail) e.target.closest("button")?.blur(); });
$("undo").onclick = undo;
$("skip").onclick = skip;
$("golden").onclick = () => toGolden(!golden);
document.addEventListener("DOMContentLoaded", () => {
  once(async () => {});
  setInterval(() => { if (!current()) once(async () => {}); }, 5000);
});
