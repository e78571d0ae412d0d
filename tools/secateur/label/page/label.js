"use strict";
// The page shows one picture that waits and asks for its class. What it says to the box is /give and /undo; what is shown
// is always what the box says in /state.
const $ = id => document.getElementById(id);
const keys = "1234567890qwertyiopasdfhjklzxcvbnm"; // u and g are taken
const words = { doubtful: "The model was in doubt", reject: "It was rejected", pass: "It passed" };

let state = { classes: [], waiting: [], waits: 0, given: 0, golden: false };
let later = new Set(); // skipped: asked for again when no other one waits
let golden = false, busy = false;

const current = () => state.waiting.find(p => !later.has(p.file)) || state.waiting[0];
const address = p => "picture/" + encodeURIComponent(p.file);

async function ask(path, body) {
  const r = await fetch(path, body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!r.ok) throw Object.assign(new Error((await r.text()).trim()), { gone: r.status === 410 });
  return r.json();
}

// once runs one change at a time, and then shows what the box says.
async function once(change) {
  if (busy) return;
  busy = true;
  $("message").textContent = "";
  try {
    await change();
  } catch (e) {
    $("message").textContent = e.gone ? "That picture made room for a newer one." : e instanceof TypeError ? "The box does not answer. What was given a class is safe." : e.message;
  }
  try {
    state = await ask("state");
  } catch (e) {
    $("message").textContent = e instanceof TypeError ? "The box does not answer. What was given a class is safe." : e.message;
  }
  state.waiting ||= [];
  busy = false;
  show();
}

function give(name) {
  const p = current();
  if (p) once(() => ask("give", { file: p.file, class: name, golden }));
}

const undo = () => once(async () => { later.delete((await ask("undo", {})).file); });

function skip() {
  const p = current();
  if (!p) return;
  later.add(p.file);
  if (state.waiting.every(p => later.has(p.file))) later.clear(), later.add(p.file);
  show();
}

function press(on) {
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
    b.onclick = () => give(name);
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
  for (const b of $("classes").children) {
    b.disabled = !p;
    b.classList.toggle("says", !!p && b.dataset.name.replace(/[-\/]/g, "_") === p.says);
  }
  if (!p) return;
  const img = $("picture");
  if (img.dataset.file !== p.file) {
    img.dataset.file = p.file;
    img.src = address(p);
  }
  $("caption").textContent = `Part ${p.part}. ${words[p.why]}; it said ${p.says}.`;
  const next = state.waiting.find(q => q !== p && !later.has(q.file));
  if (next) new Image().src = address(next);
}

document.addEventListener("keydown", e => {
  if (e.altKey || e.metaKey || e.repeat) return;
  const key = e.key.toLowerCase();
  if (e.ctrlKey && key !== "z") return;
  if (key === "u" || key === "backspace" || e.ctrlKey) undo();
  else if (key === " " || key === "arrowright") skip();
  else if (key === "g" && state.golden) press(!golden);
  else if (key.length === 1 && keys.indexOf(key) >= 0 && keys.indexOf(key) < state.classes.length) give(state.classes[keys.indexOf(key)]);
  else return;
  e.preventDefault();
});
$("picture").onload = e => e.target.classList.toggle("small", e.target.naturalWidth < 200);
$("undo").onclick = undo;
$("skip").onclick = skip;
$("golden").onclick = () => press(!golden);
once(async () => {});
setInterval(() => { if (!current()) once(async () => {}); }, 5000);
