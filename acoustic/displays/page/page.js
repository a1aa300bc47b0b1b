"use strict";

const $ = (id) => document.getElementById(id);
const SHADES = ["#00224e", "#002e6c", "#1e3a6f", "#35456c", "#47516c", "#575d6d", "#666970", "#757575",
  "#848279", "#948e77", "#a59c74", "#b7a96e", "#c8b866", "#dbc75a", "#eed649", "#fee838"];
const BANDS = 24;
const RETRY_MS = [250, 500, 1000, 2000];

let socket = null;
let retries = 0;
let state = null;
let heardAt = 0;

// What changed is written, what did not is left alone: no flicker, and no work for a tablet's battery.
function put(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

// As large as the screen allows: upright, a word takes a line; across, all of them share one.
function word(text) {
  const upright = innerHeight > innerWidth;
  const lines = upright ? text.split(" ") : [text];
  const ruler = word.ruler ??= document.createElement("canvas").getContext("2d");
  ruler.font = `900 100px ${getComputedStyle($("word")).fontFamily}`;
  const wide = Math.max(...lines.map((line) => ruler.measureText(line).width));
  $("word").style.fontSize = `${Math.min(92 * innerWidth / wide, (upright ? 0.2 : 0.3) * innerHeight)}px`;
  put("word", text);
}

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function list(id, texts, classes = () => "") {
  const parent = $(id);
  const key = JSON.stringify(texts.map((text, index) => [text, classes(index)]));
  if (parent.dataset.key === key) return;
  parent.dataset.key = key;
  parent.replaceChildren(...texts.map((text, index) => {
    const item = document.createElement("li");
    item.textContent = text;
    item.className = classes(index);
    return item;
  }));
}

function draw() {
  if (!state) return;
  document.documentElement.style.setProperty("--back", state.background);
  document.documentElement.style.setProperty("--front", state.foreground);
  document.querySelector("meta[name=theme-color]").content = state.background;
  word(state.word);
  put("telling", state.telling);
  put("place", [...(state.steps.length ? [state.place] : []), state.source].join(" · "));
  put("state", [state.hearing, state.muted && "muted"].filter(Boolean).join(" · "));
  put("count", state.target === null ? "-" : `${state.count}/${state.target}`);
  list("steps", state.steps, (index) => (index + 1 === state.step ? "now" : index + 1 < state.step ? "past" : ""));
  list("runs", state.runs);
  for (const button of $("buttons").children) {
    button.hidden = !state.looking && ["clean", "more"].includes(button.dataset.command);
    if (button.dataset.command === "pause") button.textContent = state.paused ? "go on" : "pause";
    if (button.dataset.command === "sound") button.textContent = state.muted ? "sound on" : "sound off";
  }
  tick();
}

// Between two messages the clocks run on by themselves; a session that has ended stands still.
function tick() {
  if (!state) return;
  const on = state.ended ? 0 : Math.min(2, (performance.now() - heardAt) / 1000 * state.pace);
  const inPhase = state.phase_s + on;
  put("clock", clock(state.time_s + on));
  put("seconds", inPhase < 100 ? String(Math.floor(inPhase)) : clock(inPhase));
  put("usual", state.usual_s ? `of about ${Math.round(state.usual_s)} s` : "seconds in this phase");
  $("bar").style.width = state.usual_s ? `${Math.min(100, 100 * inPhase / state.usual_s)}%` : "0";
}

function sound(columns) {
  const canvas = $("sound");
  const wide = Math.max(1, Math.floor(canvas.clientWidth / 4));
  if (canvas.width !== wide || canvas.height !== BANDS) Object.assign(canvas, { width: wide, height: BANDS });
  const context = canvas.getContext("2d");
  for (const column of columns.slice(-wide)) {
    context.drawImage(canvas, -1, 0);
    column.forEach((level, band) => {
      context.fillStyle = SHADES[level];
      context.fillRect(wide - 1, BANDS - 1 - band, 1, 1);
    });
  }
}

function connect() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket`);
  socket.onmessage = (message) => {
    retries = 0;
    state = JSON.parse(message.data);
    heardAt = performance.now();
    document.body.classList.remove("away");
    sound(state.sound);
    draw();
  };
  socket.onclose = () => {
    document.body.classList.add("away");
    word("NO LINK");
    put("telling", "The program has ended or cannot be reached. This page connects again by itself.");
    setTimeout(connect, RETRY_MS[Math.min(retries++, RETRY_MS.length - 1)]);
  };
}

function button(key) {
  const made = document.createElement("button");
  made.textContent = key.label;
  made.dataset.command = key.command;
  made.onclick = () => {
    if (key.command === "quit" && !confirm("End the session?")) return;
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(key.command);
  };
  return made;
}

async function keepAwake() {
  if (!("wakeLock" in navigator)) {
    put("hint", "This browser lets only secure pages keep the screen on: set its timeout to a few minutes.");
    return;
  }
  try {
    await navigator.wakeLock.request("screen");
  } catch {
    // The battery is low, or the page is hidden: it is asked for again when the page is seen again.
  }
}

fetch("keys").then((answer) => answer.json()).then((keys) => $("buttons").replaceChildren(...keys.map(button))).then(draw);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && keepAwake());
setInterval(tick, 200);
addEventListener("resize", () => word($("word").textContent));
keepAwake();
connect();
