"use strict";
// The page of classifiers: one picture that waits, and its class.
const keys = "1234567890qwertyiopasdfhjklzxcvbnm"; // u and g are taken

function choose(name) {
  const p = current();
  if (p) give(p, { class: name });
}

function draw(p) {
  for (const b of $("classes").children) b.classList.toggle("says", !!p && b.dataset.name.replace(/[-\/]/g, "_") === p.says);
  if (!p) return;
  const img = $("picture"), next = upcoming();
  if (img.dataset.file !== p.file) {
    img.dataset.file = p.file;
    img.src = address(p);
  }
  $("caption").textContent = `Part ${p.part}. ${words[p.why]}; it said ${p.says}.`;
  if (next) new Image().src = address(next);
}

function press(key, e) {
  if (e.repeat) return false;
  if (key === "backspace") undo();
  else if (key === "arrowright") skip();
  else return false;
  return true;
}

$("picture").onload = e => e.target.classList.toggle("small", e.target.naturalWidth < 200);
