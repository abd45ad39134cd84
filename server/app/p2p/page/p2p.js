import { Mesh } from "./peer.js";

const $ = id => document.getElementById(id);
const room = decodeURIComponent(location.hash.slice(1)) || "lobby";
const kept = 400; // lines of the log
const short = id => id.slice(0, 6);

const socket = window.io?.({
  path: document.querySelector("meta[name=socket-path]").content.replace(/\/$/, ""),
  reconnectionDelay: 500,
  reconnectionDelayMax: 4000,
});

// Every text of others goes into the document as text.
function make(tag, className, ...texts) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...texts);
  return element;
}

function log(className, ...parts) {
  $("log").append(make("li", className, ...parts));
  while ($("log").childElementCount > kept) $("log").firstElementChild.remove();
  $("log").scrollTop = $("log").scrollHeight;
}

function describe({ state, timings, error }) {
  if (state !== "open") return error ? `by the server (${error})` : state;
  const ms = ["signalling", "ice", "dtls", "channel"].map(s => `${s} ${(timings[s] ?? 0).toFixed(0)}`);
  return `direct, after ${ms.join(" + ")} ms`;
}

function refresh() {
  $("peers").replaceChildren(...mesh.peers.map(p => {
    const li = make("li", p.state, make("b", "", short(p.id)), " ", make("span", "note", describe(p)));
    li.dataset.id = p.id;
    return li;
  }));
  $("count").textContent = mesh.peers.length || "nobody else is here yet";
  document.body.dataset.open = mesh.peers.filter(p => p.state === "open").length;
}

function show({ from, data, way }) {
  const text = typeof data === "string" ? data : `${data?.byteLength ?? "?"} bytes`;
  const shown = text.length > 2000 ? `${text.slice(0, 100)}… (${text.length} characters)` : text;
  log("theirs", make("b", "", short(from)), " ", make("span", "text", shown), " ", make("span", `note ${way}`, way));
}

const mesh = new Mesh(socket, room, {
  onMessage: show,
  onPeer: refresh,
  onRefused: r => log("note", `Refused: ${r.reason}.`),
});

$("room").textContent = room;
addEventListener("hashchange", () => location.reload());
socket?.on("connect", () => {
  $("me").textContent = short(socket.id);
  document.body.dataset.id = socket.id;
  $("state").textContent = "";
  mesh.join();
});
socket?.on("disconnect", reason => {
  $("state").textContent = `Reconnecting (${reason})…`;
});

$("write").addEventListener("submit", e => {
  e.preventDefault();
  const text = $("text").value;
  if (!text) return;
  const ways = mesh.broadcast(text);
  const direct = ways.filter(w => w === "direct").length;
  log("mine", make("span", "text", text), " ", make("span", "note", `to ${direct} directly, to ${ways.length - direct} by the server`));
  $("text").value = "";
});

window.mesh = mesh; // to play with it in the console
